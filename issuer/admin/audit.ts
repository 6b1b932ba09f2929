/** `GET /admin/v1/audit`: who did what, to whom, when, from where, with what result. */
import { z } from 'zod'
import type { AuditRecord } from '../../client/src/wire/index.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import type { RouteContext } from '../../http/pipeline/request-context.ts'
import { replyJson } from '../../http/reply/reply.ts'
import type { Store } from '../../store/store.ts'
import { numericDate, text } from '../values/fields.ts'
import type { AdminHandler } from './guard.ts'
import { badCursor } from './paging.ts'

const date = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,6})?$/, 'must be epoch seconds')
  .transform(Number)
  .pipe(numericDate)

const query = z.strictObject({
  subject: text.optional(),
  client: text.optional(),
  actor: text.optional(),
  action: text.optional(),
  result: z.enum(['done', 'refused']).optional(),
  since: date.optional(),
  until: date.optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
  cursor: text.optional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,2}$/)
    .transform(Number)
    .refine((value) => value <= 500, 'must be a whole number from 1 to 500')
    .default(100),
})

type Query = z.output<typeof query>

/** Most readings remembered; the next page of a forgotten one is recorded again. */
const MAX_READINGS = 1_000

/** Makes the handler. */
export function readAudit(store: Store): AdminHandler {
  const recorded = new Set<string>()

  /** A reading is recorded once, not page by page. A cursor alone proves nothing, since anybody can invent one. */
  function isRecorded(reading: string): boolean {
    if (recorded.has(reading)) return true
    if (recorded.size >= MAX_READINGS) recorded.clear()
    recorded.add(reading)
    return false
  }

  return async (ctx) => {
    const { order, since, until, cursor, limit, ...filter } = parseQuery(ctx)
    if (cursor !== undefined && !store.audit.isCursor(cursor)) throw badCursor()
    const matches = (record: AuditRecord) => isWanted(record, filter)
    const page = await store.audit.read({ order, since, until, cursor, size: limit, matches })
    const target = givenMembers(filter)
    const wasRecorded = isRecorded(JSON.stringify([ctx.state.operatorJti, target]))
    if (cursor === undefined || !wasRecorded)
      await ctx.state.audit({ action: 'audit.read', target })
    const { records, next: next_cursor, follow: follow_cursor } = page
    replyJson(ctx, 200, JSON.stringify({ records, next_cursor, follow_cursor }))
  }
}

type Filter = Pick<Query, 'subject' | 'client' | 'actor' | 'action' | 'result'>

function isWanted(
  record: AuditRecord,
  { subject, client, actor, action, result }: Filter,
): boolean {
  return (
    (subject === undefined || record.subject === subject) &&
    (client === undefined || record.client === client || record.actor_client === client) &&
    (actor === undefined || record.actor === actor) &&
    (action === undefined || record.action === action) &&
    (result === undefined || record.result === result)
  )
}

function givenMembers(filter: Filter): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** @throws {ProblemError} 400 for a doubled, unknown or malformed parameter */
function parseQuery(ctx: RouteContext): Query {
  const given = new URLSearchParams(ctx.querystring)
  for (const parameter of given.keys()) {
    if (given.getAll(parameter).length > 1) {
      throw new ProblemError('invalid-request', 'A parameter is given twice.')
    }
  }
  const parsed = query.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.join('.') || 'query'
  throw new ProblemError('invalid-request', `The parameter ${where} is wrong: ${issue?.message}.`)
}
