/** `POST /token` (RFC 6749 §3.2): reads the request, proves the client, and hands over to the grant. */
import type { Router } from '@koa/router'
import type { FailureRecorder } from '../http/client-auth.ts'
import { presentedCredentials } from '../http/client-credentials.ts'
import { type Form, readForm } from '../http/form.ts'
import { invalidRequest, OAuthError } from '../http/oauth-error.ts'
import { replyJson } from '../http/reply.ts'
import type { RequestState, RouteContext } from '../http/request-state.ts'
import type { Client } from '../store/clients.ts'
import { namedClientId, proveClient } from './caller.ts'
import { issueToClient } from './client-credentials-grant.ts'
import { type GrantType, isGrantType, TOKEN_EXCHANGE } from './grant-types.ts'
import { refreshGrant } from './refresh-token-grant.ts'
import { exchangeToken } from './token-exchange-grant.ts'
import type { GrantContext, TokenResponse } from './token-response.ts'

/** What the endpoint is made from. */
export interface TokenEndpointOptions extends GrantContext {
  readonly failures: FailureRecorder
}

type Grant = (
  client: Client,
  form: Form,
  context: GrantContext,
  state: RequestState,
) => Promise<TokenResponse>

const GRANTS: Readonly<Record<GrantType, Grant>> = {
  client_credentials: issueToClient,
  refresh_token: refreshGrant,
  [TOKEN_EXCHANGE]: exchangeToken,
}

/** Adds the endpoint to a router. */
export function addTokenEndpoint(
  router: Router<RequestState>,
  options: TokenEndpointOptions,
): void {
  const { store, failures } = options
  router.post('/token', async (ctx: RouteContext) => {
    const form = await readForm(ctx.req)
    const presented = presentedCredentials(ctx.req, form)
    const clientId = namedClientId(presented)
    const registered = clientId === '' ? undefined : await store.clients.get(clientId)
    const client = await proveClient(presented, registered, ctx.state, failures)
    const grant = GRANTS[allowedGrantType(client, form.values.get('grant_type'))]
    replyJson(ctx, 200, JSON.stringify(await grant(client, form, options, ctx.state)))
  })
}

function allowedGrantType(client: Client, grantType: string | undefined): GrantType {
  if (grantType === undefined) throw invalidRequest('the parameter grant_type is required')
  if (!isGrantType(grantType)) {
    throw new OAuthError('unsupported_grant_type', 'this grant type is not offered')
  }
  if (!client.metadata.grant_types.includes(grantType)) {
    throw new OAuthError('unauthorized_client', 'this client may not use this grant type')
  }
  return grantType
}
