/**
 * `POST /admin/v1/explain`: says what state a token is in and why, for an operator who investigates it. For operators only:
 * introspection never gives a reason.
 */
import { z } from 'zod'
import { parseBody, readJson } from '../../http/body/json.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import { replyJson } from '../../http/reply/reply.ts'
import type { Explanation, VoidingRevocation } from '../../store/grants/explain.ts'
import type { Store } from '../../store/store.ts'
import { clientId } from '../values/fields.ts'
import type { AdminHandler } from './guard.ts'

const body = z.strictObject({
  token: z.string().min(1).max(4_096),
  /** A client; the answer says whether it sees the token as active. */
  resource_server: clientId.optional(),
})

const KINDS = { access: 'access_token', refresh: 'refresh_token' } as const

/** Makes the handler. */
export function explainToken(store: Store): AdminHandler {
  return async (ctx) => {
    const { token, resource_server: serverId } = parseBody(body, await readJson(ctx.req))
    const explained = await store.tokens.explain(token)
    const server = serverId === undefined ? {} : await viewOf(store, explained, serverId)
    const { authorization } = explained.token ?? explained.grant ?? {}
    await ctx.state.audit({
      action: 'token.explain',
      ...(authorization === undefined ? {} : { subject: authorization.sub }),
      target: { ...namesOf(explained), state: explained.state },
    })
    const answer = {
      state: explained.state,
      ...namesOf(explained),
      ...toView(explained),
      ...server,
    }
    replyJson(ctx, 200, JSON.stringify(answer))
  }
}

function namesOf({ jti, grantId, sid }: Explanation) {
  return {
    ...(jti === undefined ? {} : { jti }),
    ...(grantId === undefined ? {} : { grant_id: grantId }),
    ...(sid === undefined ? {} : { sid }),
  }
}

function toView({ kind, token, grant, exchangedFrom, revocations, jti }: Explanation) {
  const record = token ?? grant
  const ancestry = [jti, ...exchangedFrom]
  return {
    ...(kind === undefined ? {} : { kind: KINDS[kind] }),
    ...(record === undefined ? {} : factsOf(record)),
    ...(exchangedFrom.length === 0 ? {} : { exchanged_from: exchangedFrom }),
    revocations: revocations.map((revocation) => toRevocationView(revocation, ancestry)),
  }
}

function factsOf({
  authorization,
  issuedAtUs,
  expiresAt,
}: NonNullable<Explanation['token'] | Explanation['grant']>) {
  const { sub, clientId: client_id, scope, aud, login } = authorization
  const issued_at = Math.floor(issuedAtUs / 1e6)
  return { sub, client_id, scope, aud, ...login, issued_at, expires_at: expiresAt }
}

function toRevocationView(
  { level, cutoffUs, afterUs, madeAtUs, by, reason, id, generation }: VoidingRevocation,
  ancestry: readonly (string | undefined)[],
) {
  return {
    level,
    ...(afterUs === undefined ? {} : { issued_after: afterUs / 1e6 }),
    cutoff: cutoffUs / 1e6,
    at: madeAtUs / 1e6,
    by,
    reason,
    id,
    // The revocation is of an ancestor: a token that this one was exchanged from.
    ...(generation === 0 ? {} : { of: ancestry[generation] }),
  }
}

async function viewOf(store: Store, { state, token }: Explanation, serverId: string) {
  const server = await store.clients.get(serverId)
  if (server === undefined) {
    throw new ProblemError('unprocessable', 'The resource_server is not a registered client.')
  }
  const { introspect, resources } = server.metadata
  const isAudience = token?.authorization.aud.some((resource) => resources.includes(resource))
  const why =
    (!server.enabled && 'client_disabled') ||
    (!introspect && 'not_introspecting') ||
    (state !== 'active' && 'token') ||
    (token === undefined && 'refresh_token') ||
    (isAudience !== true && 'audience') ||
    undefined
  const sees = why === undefined ? 'active' : 'inactive'
  return { resource_server: { client_id: serverId, sees, why } }
}
