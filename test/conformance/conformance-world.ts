/** The world of the conformance tests: {@link startWorld} with clients in further roles, and the endpoints by name. */
import { hashSecret } from '../../http/auth/client-credentials.ts'
import type { ClientMetadata } from '../../store/registry/clients.ts'
import { registerApplication } from '../fixture/clients.ts'
import type { TestClient } from '../fixture/requests.ts'
import { extendWorld, GRADES, startWorld, type World, type WorldOptions } from '../fixture/world.ts'

export const LIBRARY = 'https://library.test'
export const SCOPE = 'grades:read grades:write profile'
/** Lifetime of the access tokens of `web-app`, in seconds; shorter than the operator's, so that a test can outlast it alone. */
export const WEB_LIFETIME = 600

export interface ConformanceWorld extends World {
  readonly endpoints: {
    readonly token: string
    readonly revoke: string
    /** At the first node. */
    readonly introspect: string
  }
  /** A second resource server that may introspect; it is {@link LIBRARY}. */
  readonly library: TestClient
  /** A second application. */
  readonly other: TestClient
  /** Id of a public client that may refresh. */
  readonly publicId: string
  /** Registers a client with a secret of the test's choice, which the admin API does not allow. */
  registerWithSecret(
    clientId: string,
    secret: string,
    metadata?: Partial<ClientMetadata>,
  ): Promise<TestClient>
}

export async function startConformanceWorld(options: WorldOptions = {}): Promise<ConformanceWorld> {
  const application = { grant_types: ['client_credentials', 'refresh_token'], scope: SCOPE }
  const web = { ...application, access_token_lifetime: WEB_LIFETIME }
  const world = await extendWorld(await startWorld({ ...options, web }), async (started) => ({
    library: await started.register('library-api', { introspect: true, resources: [LIBRARY] }),
    other: await registerApplication(started, 'other-app', application),
    publicId: await registerPublicClient(started),
  }))
  const base = world.issuer.replace(/\/$/, '')
  return {
    ...world,
    endpoints: {
      token: `${base}/token`,
      revoke: `${base}/revoke`,
      introspect: `${world.introspect[0]}/introspect`,
    },
    async registerWithSecret(clientId, secret, metadata = {}) {
      const hash = hashSecret(secret)
      await world.store.clients.put(clientId, 'test', () => ({
        enabled: true,
        metadata: { ...PLAIN, ...metadata },
        secrets: [{ secret_id: 's', hash, created_at: 0 }],
      }))
      return { client_id: clientId, client_secret: secret }
    },
  }
}

async function registerPublicClient({ callAdmin }: World): Promise<string> {
  const registration = {
    token_endpoint_auth_method: 'none',
    grant_types: ['refresh_token'],
    scope: SCOPE,
    default_resources: [GRADES],
  }
  const { status } = await callAdmin('PUT', '/clients/phone-app', registration)
  if (status !== 201) throw new Error(`PUT of the public client answered ${status}`)
  return 'phone-app'
}

const PLAIN: ClientMetadata = {
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  scope: SCOPE,
  resources: [],
  introspect: false,
  default_resources: [GRADES],
  access_token_lifetime: 3_600,
  refresh_token_lifetime: 3_600,
  refresh_token_idle_lifetime: 3_600,
}
