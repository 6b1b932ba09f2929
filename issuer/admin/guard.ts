/**
 * Who may use the admin API: bearers of Claimcheck's own access tokens, aimed at the issuer, with the scope of the
 * route or `claimcheck:admin`. The token is looked up like any other, so a revoked operator is out at once.
 */
import { bearerToken, insufficientScope, invalidToken } from '../../http/bearer.ts'
import type { RequestState, RouteContext } from '../../http/request-state.ts'
import type { Store } from '../../store/store.ts'
import { holdsScope } from '../scope.ts'

/** Scopes of the admin API; the last one stands for all. */
export const ADMIN_SCOPES = [
  'claimcheck:issue',
  'claimcheck:revoke',
  'claimcheck:roles',
  'claimcheck:clients',
  'claimcheck:audit',
  'claimcheck:admin',
] as const

/** One of them. */
export type AdminScope = (typeof ADMIN_SCOPES)[number]

/** Subject of the operator's token: who did it, in every record. */
export interface AdminState extends RequestState {
  operator: string
}

/** The context of a handler behind the guard. */
export type AdminContext = RouteContext & { state: AdminState }

/** A handler behind the guard. */
export type AdminHandler = (ctx: AdminContext) => Promise<void>

/** Makes the check of one scope, to stand before a handler. */
export type RequireScope = (
  scope: AdminScope,
  handler: AdminHandler,
) => (ctx: RouteContext) => Promise<void>

/**
 * Makes the guard of an issuer.
 *
 * The check throws {@link OAuthError} 401 without a good token aimed at the issuer, 403 without the scope.
 */
export function createGuard(store: Pick<Store, 'tokens'>, issuer: string): RequireScope {
  async function admit(ctx: RouteContext, scope: AdminScope): Promise<void> {
    const { state } = await store.tokens.introspect(bearerToken(ctx.req), '')
    if (state.kind !== 'active') throw invalidToken(state.reason)
    const { sub, clientId, aud, scope: granted } = state.record.authorization
    if (!aud.includes(issuer)) throw invalidToken('audience')
    ctx.state.clientId = clientId
    if (!holdsScope(granted, scope) && !holdsScope(granted, 'claimcheck:admin')) {
      throw insufficientScope(scope)
    }
    ;(ctx.state as AdminState).operator = sub
  }

  return (scope, handler) => async (ctx) => {
    await admit(ctx, scope)
    await handler(ctx as AdminContext)
  }
}
