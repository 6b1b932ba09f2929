/**
 * Who asks. Only a client that proved itself with a secret and is registered to introspect gets an answer: a public
 * client's bare name is no proof, and a token under test is no credential.
 */
import { type AuthFailures, verifyClient } from '../http/auth/client-auth.ts'
import type { PresentedCredentials } from '../http/auth/client-credentials.ts'
import { OAuthError } from '../http/errors/oauth-error.ts'
import type { RequestState } from '../http/pipeline/request-context.ts'
import type { Client, ClientRegistry } from '../store/registry/clients.ts'

/** The client a request claims to come from; '' when it names none that could be proved. */
export function claimedClientId(presented: PresentedCredentials): string {
  return presented.kind === 'basic' || presented.kind === 'post' ? presented.clientId : ''
}

/**
 * Proves the caller and its right to introspect.
 *
 * @throws {OAuthError} 401 or 429 when it is not proved; 403 when it may not introspect
 */
export async function proveCaller(
  presented: PresentedCredentials,
  registered: Client | undefined,
  state: RequestState,
  failures: AuthFailures,
): Promise<Client> {
  const options = { allowPublic: false, source: state.source, failures }
  // Of a client we know: what else stands there may be a secret in the wrong place.
  if (registered?.client_id === claimedClientId(presented)) {
    state.claimedClientId = registered.client_id
  }
  const caller = await verifyClient(presented, registered, options)
  state.clientId = caller.client_id
  if (!caller.metadata.introspect) {
    throw new OAuthError('unauthorized_client', 'this client is not registered to introspect', {
      status: 403,
    })
  }
  return caller
}

/**
 * Reads the registration of whoever asks and proves it: for requests whose answer does not bring it along.
 *
 * @throws {OAuthError} as {@link proveCaller} does
 */
export async function authenticateCaller(
  presented: PresentedCredentials,
  clients: Pick<ClientRegistry, 'get'>,
  state: RequestState,
  failures: AuthFailures,
): Promise<Client> {
  const callerId = claimedClientId(presented)
  const registered = callerId === '' ? undefined : await clients.get(callerId)
  return proveCaller(presented, registered, state, failures)
}
