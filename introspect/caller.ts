/**
 * The clients that may ask: authenticated by a secret, and registered to introspect. A public client's `client_id` alone
 * does not authenticate here (RFC 9701 §5), and the token to be introspected is no credential.
 */
import { authenticateClient } from '../http/auth/client-auth.ts'
import type { PresentedCredentials } from '../http/auth/client-credentials.ts'
import { OAuthError } from '../http/errors/oauth-error.ts'
import type { RequestState } from '../http/pipeline/request-context.ts'
import type { Client } from '../store/registry/clients.ts'
import type { Store } from '../store/store.ts'

/** The client whose registration decides about a request; '' when no registration could authenticate it. */
export function callerIdOf(presented: PresentedCredentials): string {
  return presented.kind === 'basic' || presented.kind === 'post' ? presented.clientId : ''
}

/**
 * Reads the caller's registration and authorizes it: for requests whose reply from the store does not include it.
 *
 * @throws {OAuthError} as {@link authorizeCaller} does
 */
export async function authenticateCaller(
  presented: PresentedCredentials,
  store: Pick<Store, 'clients' | 'failures'>,
  state: RequestState,
): Promise<Client> {
  const callerId = callerIdOf(presented)
  const registered = callerId === '' ? undefined : await store.clients.get(callerId)
  return authorizeCaller(presented, registered, store, state)
}

/**
 * Authenticates the caller against its registration and checks its right to introspect.
 *
 * @throws {OAuthError} 401 or 429 when it is not authenticated; 403 when it may not introspect
 */
export async function authorizeCaller(
  presented: PresentedCredentials,
  registered: Client | undefined,
  { failures }: Pick<Store, 'failures'>,
  state: RequestState,
): Promise<Client> {
  const caller = await authenticateClient(presented, registered, state, {
    allowPublic: false,
    failures,
  })
  if (!caller.metadata.introspect) {
    throw new OAuthError('unauthorized_client', 'this client is not registered to introspect', {
      status: 403,
    })
  }
  return caller
}
