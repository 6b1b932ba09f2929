/** `POST /admin/v1/revocations`: takes back at any level of the lattice, or tells what that would do. */
import { z } from 'zod'
import type { Change } from '../../http/audit-trail.ts'
import { parseBody, readJson } from '../../http/json-body.ts'
import { ProblemError } from '../../http/problem.ts'
import { replyJson } from '../../http/reply.ts'
import type { RevocationTarget } from '../../store/revocation-target.ts'
import type { Store } from '../../store/store.ts'
import { clientId, numericDate, sub, text } from './fields.ts'
import type { AdminHandler } from './guard.ts'

const body = z.strictObject({
  token: z.string().min(1).max(4_096).optional(),
  jti: text.optional(),
  grant: text.optional(),
  session: text.optional(),
  subject: sub.optional(),
  client: clientId.optional(),
  all: z.literal(true).optional(),
  issued_before: numericDate.optional(),
  reason: text.optional(),
  dry_run: z.boolean().optional(),
})

type Body = z.output<typeof body>

interface Answer {
  readonly id: string | null
  readonly cutoff: number
  readonly affected: number | null
}

const NOTHING_THERE = 'Nothing live has this name: it has expired, or was never issued.'

/** Makes the handler. */
export function revoke(store: Store): AdminHandler {
  return async (ctx) => {
    const request = parseBody(body, await readJson(ctx.req))
    const target = await toTarget(store, request)
    const answer =
      request.dry_run === true
        ? await forecast(store, target, request)
        : await carryOut(store, target, request, ctx.state.operator)
    const { id, ...rest } = answer
    await ctx.state.audit(toChange(target, request, answer))
    replyJson(ctx, 200, JSON.stringify({ id, level: target.level, ...rest }))
  }
}

function toChange(
  target: RevocationTarget,
  { dry_run, reason }: Body,
  { id, affected, cutoff }: Answer,
): Change {
  return {
    action: dry_run === true ? 'revocation.forecast' : 'revocation.create',
    ...('sub' in target ? { subject: target.sub } : {}),
    ...('clientId' in target ? { client: target.clientId } : {}),
    ...(reason === undefined ? {} : { reason }),
    target: {
      level: target.level,
      ...('jti' in target ? { jti: target.jti } : {}),
      ...('grantId' in target ? { grant: target.grantId } : {}),
      ...('sid' in target ? { session: target.sid } : {}),
      cutoff,
      ...(id === null ? {} : { revocation: id }),
      ...(affected === null ? {} : { affected }),
    },
  }
}

async function forecast(store: Store, target: RevocationTarget, { issued_before }: Body) {
  const outcome = await store.revocations.forecast(target, issued_before)
  if (outcome.kind !== 'forecast') throw refusal(outcome.kind)
  return { id: null, cutoff: outcome.cutoffUs / 1e6, dry_run: true, affected: outcome.affected }
}

async function carryOut(store: Store, target: RevocationTarget, request: Body, by: string) {
  const { issued_before: issuedBefore, reason } = request
  const outcome = await store.revocations.revoke(target, { by, reason, issuedBefore })
  if (outcome.kind !== 'revoked') throw refusal(outcome.kind)
  const { id, cutoffUs, affected = null } = outcome
  return { id, cutoff: cutoffUs / 1e6, dry_run: false, affected }
}

function refusal(kind: 'future' | 'unknown' | 'foreign'): ProblemError {
  return kind === 'future'
    ? new ProblemError('unprocessable', 'The time issued_before lies in the future.')
    : new ProblemError('not-found', NOTHING_THERE)
}

async function toTarget(store: Store, request: Body): Promise<RevocationTarget> {
  const { token, jti, grant, session, subject, client, all } = request
  const named = [token, jti, grant, session, subject ?? client, all].filter(
    (name) => name !== undefined,
  )
  if (named.length !== 1) {
    throw new ProblemError(
      'unprocessable',
      'Name exactly one of token, jti, grant, session, subject, client, subject with client, or all.',
    )
  }
  if (client !== undefined && (await store.clients.get(client)) === undefined) {
    throw new ProblemError('not-found', 'No client of this id is registered.')
  }
  if (token !== undefined) return targetOfToken(store, token)
  if (jti !== undefined) return { level: 'token', jti }
  if (grant !== undefined) return { level: 'grant', grantId: grant }
  if (session !== undefined) return { level: 'session', sid: session }
  if (subject === undefined)
    return client === undefined ? { level: 'all' } : { level: 'client', clientId: client }
  return client === undefined
    ? { level: 'subject', sub: subject }
    : { level: 'subject+client', sub: subject, clientId: client }
}

// A refresh token stands for its grant: taking back the string alone would leave what it minted alive.
async function targetOfToken(store: Store, text: string): Promise<RevocationTarget> {
  const token = await store.locate(text)
  if (token === undefined) throw new ProblemError('not-found', NOTHING_THERE)
  const { jti, grantId } = store.idsOf(token)
  return token.kind === 'access' ? { level: 'token', jti } : { level: 'grant', grantId }
}
