/**
 * Guards the admin API. A caller needs an access token of Claimcheck for the issuer as audience, with the scope of the route or
 * `claimcheck:admin`. The token is looked up for each request, so revoking it shuts the operator out at once.
 */
import type { AuditTrail, Change } from '../../http/audit/audit-trail.ts'
import { bearerToken, insufficientScope, invalidToken } from '../../http/auth/bearer.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import type { RequestState, RouteContext } from '../../http/pipeline/request-context.ts'
import type { Store } from '../../store/store.ts'
import { holdsScope } from '../values/scope.ts'

/** Scopes of the admin API; the last one includes all others. */
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
type AdminScope = (typeof ADMIN_SCOPES)[number]

/** The state of a request that the guard has admitted. */
interface AdminState extends RequestState {
  /** Subject of the operator's token; every record names it. */
  operator: string
  /** Id of the operator's token. */
  operatorJti: string
  /** Scope of the operator's token. */
  operatorScope: string
  /** Records changes. Wait for it before answering: if it fails, the answer is 503. */
  audit: (...changes: readonly Change[]) => Promise<void>
}

/** The context of a handler behind the guard. */
export type AdminContext = RouteContext & { state: AdminState }

/** A handler behind the guard. */
export type AdminHandler = (ctx: AdminContext) => Promise<void>

/** Puts the check of a scope, or of one of several, before a handler. */
export type RequireScope = (
  scope: AdminScope | readonly [AdminScope, ...AdminScope[]],
  handler: AdminHandler,
) => (ctx: RouteContext) => Promise<void>

/**
 * Refuses to grant admin scopes that the operator lacks, so that nobody can extend a narrow scope.
 *
 * @param granted the scopes about to be granted, space-separated
 * @throws {OAuthError} 403 when one of them is a scope of the admin API that the operator lacks
 */
export function assertMayGrant({ state }: AdminContext, granted: string): void {
  if (holdsScope(state.operatorScope, 'claimcheck:admin')) return
  const reserved = granted.split(' ').filter((scope) => scope.startsWith(RESERVED_PREFIX))
  const missing = reserved.find((scope) => !holdsScope(state.operatorScope, scope))
  if (missing !== undefined) throw insufficientScope(missing)
}

/**
 * Lets only `claimcheck:admin` change a client whose scope gives access to the admin API.
 *
 * @throws {OAuthError} 403
 */
export function assertMayManage({ state }: AdminContext, scope: string): void {
  const isOperator = scope.split(' ').some((one) => one.startsWith(RESERVED_PREFIX))
  if (isOperator && !holdsScope(state.operatorScope, 'claimcheck:admin')) {
    throw insufficientScope('claimcheck:admin')
  }
}

/**
 * Makes the guard of an issuer.
 *
 * The check throws {@link OAuthError} 401 without a valid token for the issuer, 403 without the scope.
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

/** The router leaves a parameter that it cannot decode encoded, which would be taken for another name. */
function assertDecodable(path: string): void {
  try {
    decodeURIComponent(path)
  } catch {
    throw new ProblemError('invalid-request', 'The path is not percent-encoded UTF-8.')
  }
}
