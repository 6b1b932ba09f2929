/**
 * The refresh token grant (RFC 6749 §6) with rotation. All checks that can refuse the request run before the rotation, so that
 * a refusal does not use up the token. The grant that they read cannot change meanwhile.
 */
import type { Form } from '../../http/body/form.ts'
import { invalidRequest, OAuthError } from '../../http/errors/oauth-error.ts'
import type { RequestState } from '../../http/pipeline/request-context.ts'
import { type GrantRecord, splitList } from '../../store/grants/records.ts'
import type { Client } from '../../store/registry/clients.ts'
import { narrowResources } from '../values/resource.ts'
import { grantScope } from '../values/scope.ts'
import { type GrantContext, type TokenResponse, toTokenResponse } from './token-response.ts'

/**
 * @param provedBy fingerprint of the client's registration if that was cached; nothing happens unless it is current
 * @throws {OAuthError} `invalid_grant` for a void, foreign or reused token; `invalid_scope` and `invalid_target` when
 *   more is requested than was granted, in which case the token stays usable
 */
export async function refreshGrant(
  client: Client,
  { values, lists }: Form,
  { store, trail }: GrantContext,
  state: RequestState,
  provedBy?: string,
): Promise<TokenResponse> {
  const presented = values.get('refresh_token')
  if (presented === undefined) throw invalidRequest('the parameter refresh_token is required')
  const token = await store.locate(presented)
  if (token?.kind !== 'refresh') throw invalidGrant('not a refresh token')
  const grant = await store.grants.read(token)
  if (grant === undefined) throw invalidGrant('unknown')
  if (grant.authorization.clientId !== client.client_id) throw invalidGrant('foreign')
  const narrowed = narrow(grant, client, values.get('scope'), lists.get('resource') ?? [])
  const { access_token_lifetime, refresh_token_idle_lifetime } = client.metadata
  const outcome = await store.grants.refresh({
    presented,
    token,
    clientId: client.client_id,
    accessTokenLifetimeSeconds: access_token_lifetime,
    idleLifetimeSeconds: refresh_token_idle_lifetime,
    ...(narrowed === undefined ? {} : { narrowed }),
    ...(provedBy === undefined ? {} : { provedBy }),
  })
  if (outcome.kind === 'reused') {
    await trail.changed(state, {
      action: 'revocation.create',
      subject: grant.authorization.sub,
      client: client.client_id,
      reason: 'refresh token reuse',
      target: { level: 'grant', grant: store.idsOf(token).grantId },
    })
  }
  if (outcome.kind !== 'refreshed') throw invalidGrant(outcome.kind)
  return toTokenResponse(outcome)
}

/** Scope and audience of the next access token if they are less than the grant's: by request, or by the client's scope now. */
function narrow(
  grant: GrantRecord,
  client: Client,
  scope: string | undefined,
  resources: readonly string[],
) {
  const { authorization } = grant
  const allowed = new Set(client.metadata.scope.split(' '))
  const granted = splitList(authorization.scope)
  const grantable = granted.filter((one) => allowed.has(one)).join(' ')
  if (scope === undefined && resources.length === 0 && grantable === authorization.scope) {
    return undefined
  }
  return {
    scope: grantScope(scope, grantable),
    aud: narrowResources(resources, authorization.aud),
  }
}

function invalidGrant(detail: string): OAuthError {
  return new OAuthError('invalid_grant', 'the refresh token is not valid', { detail })
}
