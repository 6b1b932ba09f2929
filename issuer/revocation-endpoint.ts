/**
 * `POST /revoke` (RFC 7009). Revokes one access token, or the whole grant of a refresh token. An unknown, void or malformed
 * token is answered like a success; after a 503 the token may still be active.
 */
import type { Router } from '@koa/router'
import type { AuditTrail } from '../http/audit/audit-trail.ts'
import { type AuthFailures, authenticateClient, namedClientId } from '../http/auth/client-auth.ts'
import { presentedCredentials } from '../http/auth/client-credentials.ts'
import { readForm } from '../http/body/form.ts'
import { invalidRequest } from '../http/errors/oauth-error.ts'
import type { RequestState, RouteContext } from '../http/pipeline/request-context.ts'
import type { Store } from '../store/store.ts'

/** What the endpoint is made from. */
export interface RevocationEndpointOptions {
  readonly store: Store
  readonly failures: AuthFailures
  readonly trail: Pick<AuditTrail, 'changed' | 'refusedAction'>
}

/** Adds the endpoint to a router. */
export function addRevocationEndpoint(
  router: Router<RequestState>,
  { store, failures, trail }: RevocationEndpointOptions,
): void {
  router.post('/revoke', async (ctx: RouteContext) => {
    const form = await readForm(ctx.req)
    const presented = presentedCredentials(ctx.req, form)
    const clientId = namedClientId(presented)
    const registered = clientId === '' ? undefined : await store.clients.get(clientId)
    const options = { allowPublic: true, failures }
    const client = await authenticateClient(presented, registered, ctx.state, options)
    const text = form.values.get('token')
    if (text === undefined) throw invalidRequest('the parameter token is required')
    const token = await store.locate(text)
    if (token !== undefined) {
      const outcome = await store.revocations.revokePresented(token, {
        by: client.client_id,
        reason: 'revoked by its client',
        ownedBy: client.client_id,
      })
      if (outcome.kind === 'foreign')
        trail.refusedAction(ctx.state, 'revocation.refused', 'foreign')
      // §2.1 requires refusing a token of another client. A public client is not authenticated, so it learns nothing.
      if (outcome.kind === 'foreign' && client.token_endpoint_auth_method !== 'none') {
        throw invalidRequest('the token was issued to another client')
      }
      // Repeats are not recorded, however many.
      if (outcome.kind === 'revoked' && outcome.isNew) {
        const { jti, grantId } = store.idsOf(token)
        await trail.changed(ctx.state, {
          action: 'revocation.create',
          client: client.client_id,
          ...(outcome.sub === undefined ? {} : { subject: outcome.sub }),
          target:
            token.kind === 'access' ? { level: 'token', jti } : { level: 'grant', grant: grantId },
        })
      }
    }
    ctx.res.setHeader('Content-Length', '0')
    ctx.status = 200
    ctx.body = ''
  })
}
