/** The client credentials grant (RFC 6749 §4.4): a token for the client itself; never a refresh token (§4.4.3). */
import type { Form } from '../../http/body/form.ts'
import { OAuthError } from '../../http/errors/oauth-error.ts'
import type { RequestState } from '../../http/pipeline/request-context.ts'
import type { Client } from '../../store/registry/clients.ts'
import { grantResources } from '../values/resource.ts'
import { grantScope } from '../values/scope.ts'
import { issueRefusal } from './issue-refusal.ts'
import { type GrantContext, type TokenResponse, toTokenResponse } from './token-response.ts'

/**
 * @param provedBy fingerprint of the client's registration if that was cached; nothing is issued unless it is current
 * @throws {OAuthError} `unauthorized_client` for a public client, `invalid_scope`, `invalid_target`
 */
export async function issueToClient(
  client: Client,
  { values, lists }: Form,
  { store, issuer }: GrantContext,
  _state: RequestState,
  provedBy?: string,
): Promise<TokenResponse> {
  const { metadata, client_id: clientId } = client
  if (metadata.token_endpoint_auth_method === 'none') {
    throw new OAuthError('unauthorized_client', 'a public client has no credentials')
  }
  const scope = grantScope(values.get('scope'), metadata.scope)
  const aud = grantResources(lists.get('resource') ?? [], metadata, issuer)
  const issued = await store.tokens.issue({
    authorization: { sub: clientId, clientId, scope, aud, login: {} },
    subjectKind: 'client',
    session: { mode: 'none' },
    accessTokenLifetimeSeconds: metadata.access_token_lifetime,
    ...(provedBy === undefined ? {} : { provedBy }),
  })
  if (issued.kind !== 'issued') throw issueRefusal(issued)
  return toTokenResponse({ ...issued, expiresIn: issued.expiresAt - issued.issuedAt, scope })
}
