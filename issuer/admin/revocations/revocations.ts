/**
 * `POST /admin/v1/revocations`: revokes at any level of the lattice, or forecasts what a revocation would affect. JSON for one
 * revocation; NDJSON for any number, one revocation per line, carried out and answered as a stream. Idempotent.
 */
import { z } from 'zod'
import { parseBody, readJson } from '../../../http/body/json.ts'
import { isMediaType } from '../../../http/body/media-type.ts'
import { replyJson } from '../../../http/reply/reply.ts'
import type { Store } from '../../../store/store.ts'
import type { AdminContext, AdminHandler } from '../guard.ts'
import { answerWhileRunning } from '../lines/line-report.ts'
import { badQuery, readQuery } from '../query.ts'
import { carryOut, forecast, revocationBodyWith, toChange, toTarget } from './request.ts'
import { runRevocations } from './run.ts'

const body = revocationBodyWith({ dry_run: z.boolean().optional() })

/**
 * Makes the handler.
 *
 * @param assertAdmitted the guard's check, repeated for each part of a long run
 */
export function revoke(store: Store, assertAdmitted: AdminHandler): AdminHandler {
  return async (ctx) => {
    const { dry_run: dryRun } = readQuery(ctx, ['dry_run'])
    if (dryRun !== undefined && dryRun !== 'true' && dryRun !== 'false') {
      throw badQuery('The parameter dry_run must be true or false.')
    }
    if (isMediaType(ctx.req.headers['content-type'], 'application/x-ndjson')) {
      await revokeLines(ctx, store, dryRun === 'true', assertAdmitted)
    } else {
      await revokeOne(ctx, store, dryRun === 'true')
    }
  }
}

async function revokeOne(ctx: AdminContext, store: Store, isForecast: boolean): Promise<void> {
  const { dry_run, ...request } = parseBody(body, await readJson(ctx.req))
  const dryRun = isForecast || dry_run === true
  const target = await toTarget(store, request)
  const answer = dryRun
    ? await forecast(store, target, request)
    : await carryOut(store, target, request, ctx.state.operator)
  await ctx.state.audit(toChange(target, request, answer))
  const { id, issued_after, cutoff, affected } = answer
  replyJson(
    ctx,
    200,
    JSON.stringify({ id, level: target.level, issued_after, cutoff, dry_run: dryRun, affected }),
  )
}

async function revokeLines(
  ctx: AdminContext,
  store: Store,
  isForecast: boolean,
  assertAdmitted: AdminHandler,
): Promise<void> {
  await answerWhileRunning(ctx, 'lines_omitted', (readChunks, report) =>
    runRevocations({
      readChunks,
      report,
      store,
      isForecast,
      by: ctx.state.operator,
      audit: ctx.state.audit,
      assertAdmitted: () => assertAdmitted(ctx),
    }),
  )
}
