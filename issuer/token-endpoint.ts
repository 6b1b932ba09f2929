/** `POST /token` (RFC 6749 §3.2): reads the request, proves the client, and hands over to the grant. */
import type { Router } from '@koa/router'
import type { AuthFailures } from '../http/auth/client-auth.ts'
import { type PresentedCredentials, presentedCredentials } from '../http/auth/client-credentials.ts'
import { type Form, readForm } from '../http/body/form.ts'
import { invalidRequest, OAuthError } from '../http/errors/oauth-error.ts'
import type { RequestContext, RequestState } from '../http/pipeline/request-context.ts'
import { replyJson } from '../http/reply/reply.ts'
import type { Client } from '../store/registry/clients.ts'
import { namedClientId, proveClient } from './caller.ts'
import { issueToClient } from './grants/client-credentials.ts'
import { type GrantType, isGrantType, TOKEN_EXCHANGE } from './grants/grant-types.ts'
import { refreshGrant } from './grants/refresh-token.ts'
import { exchangeToken } from './grants/token-exchange/token-exchange.ts'
import type { GrantContext, TokenResponse } from './grants/token-response.ts'

/** What the endpoint is made from. */
export interface TokenEndpointOptions extends GrantContext {
  readonly failures: AuthFailures
}

type Grant = (
  client: Client,
  form: Form,
  context: GrantContext,
  state: RequestState,
  provedBy?: string,
) => Promise<TokenResponse>

const GRANTS: Readonly<Record<GrantType, Grant>> = {
  client_credentials: issueToClient,
  refresh_token: refreshGrant,
  [TOKEN_EXCHANGE]: exchangeToken,
}

/** Those that can make what they do depend on the registration the client was proved by. */
const CONDITIONAL_GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['client_credentials', issueToClient],
  ['refresh_token', refreshGrant],
])

/** Path of the endpoint. */
export const TOKEN_PATH = '/token'

/** A failure by what is only remembered is none. */
const UNCOUNTED: AuthFailures = { record: () => undefined }

/** Adds the endpoint to a router. @returns its handler, for a shortcut to it */
export function addTokenEndpoint(
  router: Router<RequestState>,
  options: TokenEndpointOptions,
): (context: RequestContext) => Promise<void> {
  const { store, failures } = options

  /**
   * A client is proved by the registration it had the last time, and served on condition that this still stands when Redis
   * does what is asked: a round trip less. Whatever else comes of it is decided anew, by what is registered now.
   */
  async function issueFromMemory(
    presented: PresentedCredentials,
    form: Form,
    state: RequestState,
  ): Promise<TokenResponse | undefined> {
    const grant = CONDITIONAL_GRANTS.get(form.values.get('grant_type') ?? '')
    if (grant === undefined) return undefined
    const remembered = store.clients.remembered(namedClientId(presented))
    // Whom a registration that does not stand has proved is not proved.
    const tried = { ...state }
    try {
      const client = await proveClient(presented, remembered, tried, UNCOUNTED)
      allowedGrantType(client, form.values.get('grant_type'))
      const response = await grant(client, form, options, tried, client.fingerprint)
      Object.assign(state, tried)
      return response
    } catch (error) {
      if (error instanceof OAuthError) return undefined
      throw error
    }
  }

  async function issue(presented: PresentedCredentials, form: Form, state: RequestState) {
    const clientId = namedClientId(presented)
    const registered = clientId === '' ? undefined : await store.clients.get(clientId)
    const client = await proveClient(presented, registered, state, failures)
    const grant = GRANTS[allowedGrantType(client, form.values.get('grant_type'))]
    return grant(client, form, options, state)
  }

  async function handle(ctx: RequestContext): Promise<void> {
    const form = await readForm(ctx.req)
    const presented = presentedCredentials(ctx.req, form)
    const response =
      (await issueFromMemory(presented, form, ctx.state)) ??
      (await issue(presented, form, ctx.state))
    replyJson(ctx, 200, JSON.stringify(response))
  }

  router.post(TOKEN_PATH, handle)
  return handle
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
