/**
 * Who may use the admin API: bearers of Claimcheck's own access tokens, aimed at the issuer, with the scope of the
 * route or `claimcheck:admin`. The token is looked up like any other, so a revoked operator is out at once.
 */
import type { AuditTrail, Change } from '../../http/audit/audit-trail.ts'
import { bearerToken, insufficientScope, invalidToken } from '../../http/auth/bearer.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import type { RequestState, RouteContext } from '../../http/pipeline/request-context.ts'
import type { Store } from '../../store/store.ts'
import { holdsScope } from '../values/scope.ts'

/** Scopes of the admin API; the last one stands for all. */
export const ADMIN_SCOPES = [
  'claimcheck:issue',
  'claimcheck:revoke',
  'claimcheck:roles',
  'claimcheck:clients',
  'claimcheck:audit',
  'claimcheck:admin',
] as const

const RESERVED_PREFIX = 'claimcheck:'

/** One of them. */
export type AdminScope = (typeof ADMIN_SCOPES)[number]

/** Subject of the operator's token: who did it, in every record. */
export interface AdminState extends RequestState {
  operator: string
  /** Id of the operator's token. */
  operatorJti: string
  /** What the operator's token was granted. */
  operatorScope: string
  /** Records what was done; to be waited for before the answer, which it turns into an outage when it fails. */
  audit: (...changes: readonly Change[]) => Promise<void>
}

/** The context of a handler behind the guard. */
export type AdminContext = RouteContext & { state: AdminState }

/** A handler behind the guard. */
export type AdminHandler = (ctx: AdminContext) => Promise<void>

/** Makes the check of a scope, or of one of several, to stand before a handler. */
export type RequireScope = (
  scope: AdminScope | readonly [AdminScope, ...AdminScope[]],
  handler: AdminHandler,
) => (ctx: RouteContext) => Promise<void>

/**
 * Refuses to hand out what the operator does not hold: with a narrow scope nobody may make themselves a wider one.
 *
 * @param granted space-separated scopes about to be given to somebody
 * @throws {OAuthError} 403 when one of them is a scope of the admin API that the operator lacks
 */
export function assertMayGrant({ state }: AdminContext, granted: string): void {
  if (holdsScope(state.operatorScope, 'claimcheck:admin')) return
  const reserved = granted.split(' ').filter((scope) => scope.startsWith(RESERVED_PREFIX))
  const missing = reserved.find((scope) => !holdsScope(state.operatorScope, scope))
  if (missing !== undefined) throw insufficientScope(missing)
}

/** Whether a client with this scope could use the admin API: only `claimcheck:admin` may touch it. */
export function assertMayManage({ state }: AdminContext, scope: string): void {
  const isOperator = scope.split(' ').some((one) => one.startsWith(RESERVED_PREFIX))
  if (isOperator && !holdsScope(state.operatorScope, 'claimcheck:admin')) {
    throw insufficientScope('claimcheck:admin')
  }
}

/**
 * Makes the guard of an issuer.
 *
 * The check throws {@link OAuthError} 401 without a good token aimed at the issuer, 403 without the scope.
 */
export function createGuard(
  store: Pick<Store, 'tokens'>,
  issuer: string,
  trail: Pick<AuditTrail, 'changed'>,
): RequireScope {
  async function admit(ctx: RouteContext, scopes: readonly [AdminScope, ...AdminScope[]]) {
    const { state } = await store.tokens.introspect(bearerToken(ctx.req), '')
    if (state.kind !== 'active') throw invalidToken(state.reason)
    const { sub, clientId, aud, scope: granted } = state.record.authorization
    const actor_jti = state.jti
    if (!aud.includes(issuer)) throw invalidToken('audience')
    ctx.state.clientId = clientId
    if (![...scopes, 'claimcheck:admin'].some((scope) => holdsScope(granted, scope))) {
      throw insufficientScope(scopes[0])
    }
    const audit: AdminState['audit'] = (...changes) =>
      trail.changed(ctx.state, ...changes.map((change) => ({ ...change, actor: sub, actor_jti })))
    const operator = { operator: sub, operatorJti: actor_jti, operatorScope: granted }
    Object.assign(ctx.state, { ...operator, audit })
  }

  return (scope, handler) => async (ctx) => {
    await admit(ctx, typeof scope === 'string' ? [scope] : scope)
    assertDecodable(ctx.path)
    await handler(ctx as AdminContext)
  }
}

/** The router takes a parameter it cannot decode as it stands, and so for somebody else's name. */
function assertDecodable(path: string): void {
  try {
    decodeURIComponent(path)
  } catch {
    throw new ProblemError('invalid-request', 'The path is not percent-encoded UTF-8.')
  }
}
