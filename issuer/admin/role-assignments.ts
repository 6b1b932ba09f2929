/**
 * `POST /admin/v1/role-assignments`: gives and takes roles. JSON for one change or some, answered as a whole; NDJSON for
 * any number, read, applied and answered as a stream. All may be repeated: a change that is so already changes nothing.
 */
import type { Change } from '../../http/audit-trail.ts'
import { JSON_RULES, parseBody, readJson } from '../../http/json-body.ts'
import { isMediaType } from '../../http/media-type.ts'
import { ProblemError } from '../../http/problem.ts'
import { replyJson } from '../../http/reply.ts'
import type { AssignmentChange } from '../../store/assignments.ts'
import type { Store } from '../../store/store.ts'
import type { AdminContext, AdminHandler } from './guard.ts'
import { answerWhileRunning } from './line-report.ts'
import { readQuery } from './query.ts'
import { changeBody, isRefusal, type ReadChange, readChange, toChange } from './role-change.ts'
import { type ApplyChanges, applyChanges, runImport } from './role-import.ts'

const ACTION = 'role_assignments.apply'
const MAX_CHANGES = 1_000
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
      await importLines(ctx, async (changes) => {
        await assertAdmitted(ctx)
        return store.assignments.apply(changes)
      })
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
  const { counts, errors } = await applyChanges(numbered, apply)
  const [refused] = errors
  if (!isList && refused !== undefined) throw new ProblemError('unprocessable', refused.detail)
  const failed = new Set(errors.map(({ line }) => line))
  const made = numbered.flatMap(({ line, read }) =>
    isRefusal(read) || failed.has(line) ? [] : [toAuditEntry(read)],
  )
  await ctx.state.audit(...made)
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

// Also of what was so already: it may be a repeat, after a record that could not be kept.
function toAuditEntry({ sub, op, context, role, expiresAt }: AssignmentChange): Change {
  const until = expiresAt === undefined ? {} : { expires_at: expiresAt }
  return { action: ACTION, subject: sub, target: { op, context, role, ...until } }
}

async function importLines(ctx: AdminContext, apply: ApplyChanges): Promise<void> {
  await answerWhileRunning(ctx, 'errors_omitted', (readAll, progress) =>
    runImport({
      readChunks: readAll,
      apply,
      // One record a window: a record a line would push all others out.
      async report(done) {
        const { through, counts } = done
        await ctx.state.audit({ action: ACTION, target: { through, ...counts } })
        await progress(done)
      },
    }),
  )
}
