/** Which client calls an OAuth endpoint of the issuer, proved as far as its kind can be. */
import { type AuthFailures, verifyClient } from '../http/auth/client-auth.ts'
import type { PresentedCredentials } from '../http/auth/client-credentials.ts'
import type { RequestState } from '../http/pipeline/request-context.ts'
import type { Client } from '../store/registry/clients.ts'

/** The client a request names; '' when it names none. */
export function namedClientId(presented: PresentedCredentials): string {
  return 'clientId' in presented ? presented.clientId : ''
}

/**
 * Proves a confidential client by its secret, and lets a public one be named (RFC 6749 §3.2.1).
 *
 * @throws {OAuthError} 401 or 429 when it is not proved
 */
export async function proveClient(
  presented: PresentedCredentials,
  registered: Client | undefined,
  state: RequestState,
  failures: AuthFailures,
): Promise<Client> {
  const options = { allowPublic: true, source: state.source, failures }
  // Of a client we know: what else stands there may be a secret in the wrong place.
  if (registered?.client_id === namedClientId(presented)) {
    state.claimedClientId = registered.client_id
  }
  const client = await verifyClient(presented, registered, options)
  state.clientId = client.client_id
  return client
}
