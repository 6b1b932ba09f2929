/**
 * `POST /admin/v1/role-assignments`: assigns and removes roles. JSON for one change or a list, answered as a whole; NDJSON for any
 * number, applied and answered as a stream. Idempotent.
 */
import type { Change } from '../../../http/audit/audit-trail.ts'
import { JSON_RULES, parseBody, readJson } from '../../../http/body/json.ts'
import { isMediaType } from '../../../http/body/media-type.ts'
import { ProblemError } from '../../../http/errors/problem.ts'
import { replyJson } from '../../../http/reply/reply.ts'
import type { AssignmentChange, AssignmentOutcome } from '../../../store/roles/assignments.ts'
import type { Store } from '../../../store/store.ts'
import type { AdminContext, AdminHandler } from '../guard.ts'
import { answerWhileRunning } from '../lines/line-report.ts'
import type { Counts } from '../lines/line-run.ts'
import { readQuery } from '../query.ts'
import { changeBody, type ReadChange, readChange, toChange } from './change.ts'
import { type ApplyChanges, applyChanges, runImport } from './import.ts'

const ACTION = 'role_assignments.apply'
const MAX_CHANGES = 1_000
/** Most changes of an import that get a record each: a million records would push all others out of the audit. */
const MAX_RECORDED = 500
/** Room for the most changes with the longest names, even if everything but ASCII is escaped. */
const CHANGES_RULES = {
  ...JSON_RULES,
  maxBytes: 2 * 1_024 * 1_024,
  topLevel: 'object or array',
  uniqueNames: true,
} as const

/**
 * Makes the handler.
 *
 * @param assertAdmitted the guard's check, repeated for each part of a long import, so that revoking the operator stops it
 */
export function changeAssignments(
  store: Pick<Store, 'assignments'>,
  assertAdmitted: AdminHandler,
): AdminHandler {
  return async (ctx) => {
    readQuery(ctx, [])
    const contentType = ctx.req.headers['content-type']
    if (isMediaType(contentType, 'application/x-ndjson')) {
      await importLines(ctx, store.assignments.apply, assertAdmitted)
    } else if (isMediaType(contentType, 'application/json')) {
      await changeSome(ctx, store.assignments.apply)
    } else {
      throw new ProblemError(
        'unsupported-media-type',
        'The content type must be application/json or application/x-ndjson.',
      )
    }
  }
}

async function changeSome(ctx: AdminContext, apply: ApplyChanges): Promise<void> {
  const body = await readJson(ctx.req, CHANGES_RULES)
  const isList = Array.isArray(body)
  const reads: readonly ReadChange[] = isList
    ? readChanges(body)
    : [toChange(parseBody(changeBody, body))]
  const numbered = reads.map((read, index) => ({ line: index + 1, read }))
  const recorder = recordChanges(ctx, apply, MAX_CHANGES)
  const { counts, errors } = await applyChanges(numbered, recorder.apply)
  const [refused] = errors
  if (!isList && refused !== undefined) throw new ProblemError('unprocessable', refused.detail)
  await recorder.summarize(reads.length, { ...counts })
  replyJson(ctx, 200, JSON.stringify({ ...counts, errors }))
}

function readChanges(list: readonly unknown[]): readonly ReadChange[] {
  if (list.length > MAX_CHANGES) {
    throw new ProblemError(
      'payload-too-large',
      `An array may hold at most ${MAX_CHANGES} changes; send more as application/x-ndjson.`,
    )
  }
  return list.map(readChange)
}

/**
 * Applies changes and records each effective one, up to a limit. A summary counts the others: those beyond the limit, and those
 * without effect, which may be repeats of changes whose record could not be kept.
 */
function recordChanges(ctx: AdminContext, apply: ApplyChanges, limit: number) {
  let left = limit
  let isBeyond = false

  async function record(changes: readonly Change[]): Promise<void> {
    const recorded = changes.slice(0, left)
    left -= recorded.length
    isBeyond ||= recorded.length < changes.length
    await ctx.state.audit(...recorded)
  }

  async function applyAll(changes: readonly AssignmentChange[]) {
    try {
      return await apply(changes)
    } catch (error) {
      // Some may have been applied. At least the log records this, even if the audit cannot.
      const each = changes.slice(0, left).map((change) => toRecord(change, 'unknown'))
      const all = { action: ACTION, target: { outcome: 'unknown', changes: changes.length } }
      await ctx.state.audit(...each, all).catch(() => undefined)
      throw error
    }
  }

  return {
    async apply(changes: readonly AssignmentChange[]) {
      const outcomes = await applyAll(changes)
      const made = changes.filter((_, index) => isEffective(outcomes[index]))
      await record(made.map((change) => toRecord(change)))
      return outcomes
    },

    async summarize(through: number, counts: Counts): Promise<void> {
      if (!isBeyond && counts.unchanged === 0) return
      await ctx.state.audit({ action: ACTION, target: { through, ...counts } })
    },
  }
}

function isEffective(outcome: AssignmentOutcome | undefined): boolean {
  return outcome === 'assigned' || outcome === 'removed'
}

function toRecord(
  { sub, op, context, role, expiresAt }: AssignmentChange,
  outcome?: 'unknown',
): Change {
  const until = expiresAt === undefined ? {} : { expires_at: expiresAt }
  const end = outcome === undefined ? {} : { outcome }
  return { action: ACTION, subject: sub, target: { op, context, role, ...until, ...end } }
}

async function importLines(
  ctx: AdminContext,
  apply: ApplyChanges,
  assertAdmitted: AdminHandler,
): Promise<void> {
  const recorder = recordChanges(ctx, apply, MAX_RECORDED)
  await answerWhileRunning(ctx, 'errors_omitted', (readAll, progress) =>
    runImport({
      readChunks: readAll,
      async apply(changes) {
        await assertAdmitted(ctx)
        return recorder.apply(changes)
      },
      async report(done) {
        await recorder.summarize(done.through, done.counts)
        await progress(done)
      },
    }),
  )
}
