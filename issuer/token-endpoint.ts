/** `POST /token` (RFC 6749 §3.2): reads the request, authenticates the client, and calls its grant type. */
import type { Router } from '@koa/router'
import { type AuthFailures, authenticateClient, namedClientId } from '../http/auth/client-auth.ts'
import { type PresentedCredentials, presentedCredentials } from '../http/auth/client-credentials.ts'
import { type Form, readForm } from '../http/body/form.ts'
import { invalidRequest, OAuthError } from '../http/errors/oauth-error.ts'
import type { RequestContext, RequestState } from '../http/pipeline/request-context.ts'
import { replyJson } from '../http/reply/reply.ts'
import type { Client } from '../store/registry/clients.ts'
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

/** Grant types that can make their write conditional on the registration the client was authenticated against. */
const CONDITIONAL_GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['client_credentials', issueToClient],
  ['refresh_token', refreshGrant],
])

/** Path of the endpoint. */
export const TOKEN_PATH = '/token'

/** A failed check against the cached registration does not count as a failed attempt. */
const NOT_COUNTED: AuthFailures = { record: () => undefined }

/** Adds the endpoint to a router. @returns its handler, for a shortcut to it */
export function addTokenEndpoint(
  router: Router<RequestState>,
  options: TokenEndpointOptions,
): (context: RequestContext) => Promise<void> {
  const { store, failures } = options

  /**
   * Saves a round trip: authenticates the client against its cached registration and lets Redis issue only if that is still
   * current. Any refusal is discarded, and the request is handled again with the registration that Redis has now.
   */
  async function issueFromCache(
    presented: PresentedCredentials,
    form: Form,
    state: RequestState,
  ): Promise<TokenResponse | undefined> {
    const grant = CONDITIONAL_GRANTS.get(form.values.get('grant_type') ?? '')
    if (grant === undefined) return undefined
    const cached = store.clients.remembered(namedClientId(presented))
    // A client authenticated against an outdated registration is not authenticated.
    const tentative = { ...state }
    const checking = { allowPublic: true, failures: NOT_COUNTED }
    try {
      const client = await authenticateClient(presented, cached, tentative, checking)
      allowedGrantType(client, form.values.get('grant_type'))
      const response = await grant(client, form, options, tentative, client.fingerprint)
      Object.assign(state, tentative)
      return response
    } catch (error) {
      if (error instanceof OAuthError) return undefined
      throw error
    }
  }

  async function issue(presented: PresentedCredentials, form: Form, state: RequestState) {
    const clientId = namedClientId(presented)
    const registered = clientId === '' ? undefined : await store.clients.get(clientId)
    const checking = { allowPublic: true, failures }
    const client = await authenticateClient(presented, registered, state, checking)
    const grant = GRANTS[allowedGrantType(client, form.values.get('grant_type'))]
    return grant(client, form, options, state)
  }

  async function handle(ctx: RequestContext): Promise<void> {
    const form = await readForm(ctx.req)
    const presented = presentedCredentials(ctx.req, form)
    const response =
      (await issueFromCache(presented, form, ctx.state)) ??
      (await issue(presented, form, ctx.state))
    replyJson(ctx, 200, JSON.stringify(response))
  }

  router.post(TOKEN_PATH, handle)
  return handle
}

function allowedGrantType(client: Client, grantType: string | undefined): GrantType {
  if (grantType === undefined) throw invalidRequest('the parameter grant_type is required')
  if (!isGrantType(grantType)) {
    throw new OAuthError('unsupported_grant_type', 'this grant type is not supported')
  }
  if (!client.metadata.grant_types.includes(grantType)) {
    throw new OAuthError('unauthorized_client', 'this client may not use this grant type')
  }
  return grantType
}
