/**
 * `POST /admin/v1/role-assignments`: gives and takes roles. JSON for one change or some, answered as a whole; NDJSON for
 * any number, read, applied and answered as a stream. All may be repeated: a change that is so already changes nothing.
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
/** Changes of an import that are recorded one by one: a million of them would push all others out. */
const MAX_RECORDED = 500
/** As many changes with the longest names have room, even if all that is not ASCII is escaped. */
const CHANGES_RULES = {
  ...JSON_RULES,
  maxBytes: 2 * 1_024 * 1_024,
  topLevel: 'object or array',
  uniqueNames: true,
} as const

/**
 * Makes the handler.
 *
 * @param assertAdmitted the guard's check, made again for each part of a long import: an operator that is cut off in its
 * middle is out at once
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
 * Has each change on record that changed something, as long as there are few: beyond that, and of what was so already, which
 * may be a repeat after a record that could not be kept, the summary tells how many.
 */
function recordChanges(ctx: AdminContext, apply: ApplyChanges, most: number) {
  let left = most
  let isBeyond = false

  async function record(changes: readonly Change[]): Promise<void> {
    const told = changes.slice(0, left)
    left -= told.length
    isBeyond ||= told.length < changes.length
    await ctx.state.audit(...told)
  }

  async function applyAll(changes: readonly AssignmentChange[]) {
    try {
      return await apply(changes)
    } catch (error) {
      // Some may have been applied. The log has it, even if that is all that can be reached.
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
