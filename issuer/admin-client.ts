/**
 * The client `admin`, with the configured secret: the first access to a new installation. Each start replaces only that
 * secret; secrets that were added through the API are kept.
 */
import { hashSecret } from '../http/auth/client-credentials.ts'
import type { ClientMetadata } from '../store/registry/clients.ts'
import type { Store } from '../store/store.ts'

/** Id of the client. */
const ADMIN_CLIENT_ID = 'admin'

/** Id of the configured secret among the client's secrets. */
const CONFIGURED_SECRET_ID = 'configured'

const METADATA: ClientMetadata = {
  client_name: 'Operator',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  scope: 'claimcheck:admin',
  resources: [],
  introspect: false,
  default_resources: [],
  access_token_lifetime: 3_600,
  refresh_token_lifetime: 3_600,
  refresh_token_idle_lifetime: 3_600,
}

/**
 * Makes sure that the client exists as defined here, is enabled and accepts the secret, in every partition. Every start writes
 * it, and so completes an earlier start that was interrupted. `nowSeconds` is in epoch seconds.
 */
export async function ensureAdminClient(
  store: Pick<Store, 'clients' | 'subjects'>,
  secret: string,
  nowSeconds: number,
): Promise<void> {
  const hash = hashSecret(secret)
  await store.clients.put(ADMIN_CLIENT_ID, 'CLAIMCHECK_ADMIN_SECRET', (client) => ({
    enabled: true,
    metadata: METADATA,
    secrets: [
      ...(client?.secrets ?? []).filter(({ secret_id }) => secret_id !== CONFIGURED_SECRET_ID),
      { secret_id: CONFIGURED_SECRET_ID, hash, created_at: nowSeconds },
    ],
  }))
  const subject = await store.subjects.get(ADMIN_CLIENT_ID)
  if (subject.status === 'suspended') {
    await store.subjects.put(ADMIN_CLIENT_ID, 'CLAIMCHECK_ADMIN_SECRET', { status: 'active' })
  }
}
