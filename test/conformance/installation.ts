/**
 * One installation for a conformance file: a Redis of its own, the services, and clients in the usual roles. The file
 * closes it when it is done.
 */
import { hashSecret } from '../../http/auth/client-credentials.ts'
import type { ClientMetadata } from '../../store/registry/clients.ts'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { postForm, type TestClient } from '../fixture/requests.ts'
import { type ServicesOptions, startServices, type TestServices } from '../fixture/services.ts'

export const GRADES = 'https://grades.test'
export const LIBRARY = 'https://library.test'
export const SCOPE = 'grades:read grades:write profile'
/** Seconds the access tokens of {@link Installation.web} live: less than the operator's, so that time can pass one by. */
export const WEB_LIFETIME = 600
export const INACTIVE = '{"active":false}'

/** The answer of the admin API to an issue. */
export interface Issued {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
  readonly grant_id: string
  readonly sid: string
}

export interface Installation {
  readonly redis: TestRedis
  readonly services: TestServices
  readonly token: string
  readonly revoke: string
  readonly introspect: string
  /** A resource server that may introspect; it is {@link GRADES}. */
  readonly grades: TestClient
  /** Another one; it is {@link LIBRARY}. */
  readonly library: TestClient
  /** A confidential client; its tokens are for {@link GRADES} unless it says otherwise. */
  readonly web: TestClient
  /** A second one, with nothing of its own. */
  readonly other: TestClient
  /** Id of a public client that may refresh. */
  readonly publicId: string
  /** Issues tokens for a user, as a first party does after a login. */
  login(sub: string, request?: object): Promise<Issued>
  /** Registers a client with a secret of the test's choice, which the admin API would not let anybody choose. */
  registerWithSecret(
    clientId: string,
    secret: string,
    metadata?: Partial<ClientMetadata>,
  ): Promise<TestClient>
  /** What introspection answers the grades service about a token, as text. */
  verdict(token: string): Promise<string>
  close(): Promise<void>
}

/** Starts it. */
export async function startInstallation(
  options: Partial<ServicesOptions> = {},
  redisOptions: readonly string[] = [],
): Promise<Installation> {
  const redis = await startRedis(...redisOptions)
  const services = await startServices({ redisUrl: redis.url, ...options })
  const base = services.issuer.replace(/\/$/, '')
  const introspect = `${services.introspect[0]}/introspect`

  const grades = await services.register('grades-api', { introspect: true, resources: [GRADES] })
  const library = await services.register('library-api', { introspect: true, resources: [LIBRARY] })
  const both = ['client_credentials', 'refresh_token']
  const aimed = { scope: SCOPE, default_resources: [GRADES] }
  const web = await services.register('web-app', {
    ...aimed,
    grant_types: both,
    access_token_lifetime: WEB_LIFETIME,
  })
  const other = await services.register('other-app', { ...aimed, grant_types: both })
  const publicId = 'phone-app'
  const registration = {
    ...aimed,
    token_endpoint_auth_method: 'none',
    grant_types: ['refresh_token'],
  }
  const put = await services.callAdmin('PUT', `/clients/${publicId}`, registration)
  if (!put.ok) throw new Error(`PUT of the public client answered ${put.status}`)

  return {
    redis,
    services,
    token: `${base}/token`,
    revoke: `${base}/revoke`,
    introspect,
    grades,
    library,
    web,
    other,
    publicId,
    async login(sub, request = {}) {
      const body = { sub, client_id: web.client_id, refresh: true, ...request }
      const response = await services.callAdmin('POST', '/tokens', body)
      if (!response.ok) throw new Error(`issuing answered ${response.status}`)
      return (await response.json()) as Issued
    },
    async registerWithSecret(clientId, secret, metadata = {}) {
      const hash = hashSecret(secret)
      await services.store.clients.put(clientId, 'test', () => ({
        enabled: true,
        metadata: { ...PLAIN, ...metadata },
        secrets: [{ secret_id: 's', hash, created_at: 0 }],
      }))
      return { client_id: clientId, client_secret: secret }
    },
    async verdict(token) {
      const response = await postForm(introspect, grades, { token })
      if (response.status !== 200) throw new Error(`/introspect answered ${response.status}`)
      return response.text()
    },
    async close() {
      await services.close()
      await redis.stop()
    },
  }
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
