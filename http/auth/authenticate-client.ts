/** Authenticates the client that calls an OAuth endpoint, and notes it for the access log and the audit. */
import { type RegisteredClient, type VerifyClientOptions, verifyClient } from './client-auth.ts'
import type { PresentedCredentials } from './client-credentials.ts'

/** The part of the request's state this reads and sets. */
export interface AuthenticationState {
  readonly source: string
  clientId?: string
  claimedClientId?: string
}

/** The client that a request names; '' when it names none. */
export function namedClientId(presented: PresentedCredentials): string {
  return 'clientId' in presented ? presented.clientId : ''
}

/**
 * Returns `registered` once the credentials prove it.
 *
 * @throws {OAuthError} 401 or 429 when they do not
 */
export async function authenticateClient<C extends RegisteredClient>(
  presented: PresentedCredentials,
  registered: C | undefined,
  state: AuthenticationState,
  { allowPublic, failures }: Pick<VerifyClientOptions, 'allowPublic' | 'failures'>,
): Promise<C> {
  // Only the id of a registered client is noted: anything else in its place may be a misplaced secret.
  if (registered !== undefined && registered.client_id === namedClientId(presented)) {
    state.claimedClientId = registered.client_id
  }
  const client = await verifyClient(presented, registered, {
    allowPublic,
    source: state.source,
    failures,
  })
  state.clientId = client.client_id
  return client
}
