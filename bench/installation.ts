/**
 * Claimcheck as it runs in production: Redis with every write on the disk before it is answered, issuer and introspection in
 * processes of their own, each on the core of its part. What is not measured (issuing the tokens to ask about, for one) is
 * done by a store of this process, the way the services do it.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSecret } from '../http/auth/client-credentials.ts'
import type { ClientMetadata } from '../store/registry/clients.ts'
import { openStore, type Store } from '../store/store.ts'
import { freePort, startRedis, type TestRedis } from '../test/fixture/redis-server.ts'
import { fetchToken, type TestClient } from '../test/fixture/requests.ts'
import { waitFor } from '../test/fixture/wait-for.ts'
import { type BenchChild, startChild } from './child.ts'
import type { Machine } from './machine.ts'
import { PARTITIONS } from './partitions.ts'
import type { LoadedServer } from './peers.ts'

/** The resource of the bench's tokens, and the clients of its installation. */
export const RESOURCE = 'https://grades.test'
export const SCOPE = 'grades:read'
export const RESOURCE_SERVER = 'grades-api'
export const APPLICATION = 'web-app'

/** What to start. */
export interface InstallationOptions {
  /** Processes of the introspection service. Default is 1; 0 starts none. */
  readonly introspects?: number
  /** Whether to start the issuer. Default is false. */
  readonly withIssuer?: boolean
  /** Options of Node for the services, such as those of a profiler. */
  readonly nodeOptions?: readonly string[]
}

/** A running installation. */
export interface Installation {
  readonly redis: TestRedis
  readonly redisPid: number
  readonly store: Store
  readonly introspect: LoadedServer
  readonly issuer: LoadedServer
  /** The issuer's public URL, whether it runs or not. */
  readonly issuerUrl: string
  /** `Authorization` of the resource server, and of the application. */
  readonly resourceServer: TestClient
  readonly application: TestClient
  /** Calls the admin API as the operator. @throws {Error} when it refuses */
  callAdmin(method: string, path: string, body?: object): Promise<unknown>
  stop(): Promise<void>
}

/** A measure keeps Redis busy; none of its calls is to fail for the wait. */
const PATIENCE_MS = 60_000
const LIFETIME_SECONDS = 86_400
const ISSUED_AT_ONCE = 500
const DEFAULT_METADATA: ClientMetadata = {
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: [],
  scope: '',
  resources: [],
  introspect: false,
  default_resources: [],
  access_token_lifetime: 3_600,
  refresh_token_lifetime: 2_592_000,
  refresh_token_idle_lifetime: 2_592_000,
}

/** Starts Redis on the core of its part. */
export async function startBenchRedis(
  machine: Machine,
  ...args: string[]
): Promise<{ readonly redis: TestRedis; readonly pid: number }> {
  const redis = await startRedis('--appendonly', 'yes', ...args)
  const pid = Number(/^process_id:(\d+)/m.exec(await redis.direct.info('server'))?.[1])
  machine.pin(pid, 'redis')
  return { redis, pid }
}

/** Starts everything that is asked for. */
export async function startInstallation(
  machine: Machine,
  { introspects = 1, withIssuer = false, nodeOptions = [] }: InstallationOptions = {},
): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-bench-'))
  const { redis, pid: redisPid } = await startBenchRedis(machine)
  const [issuerPort, ...introspectPorts] = await freePorts(1 + Math.max(1, introspects))
  const issuerUrl = `http://127.0.0.1:${issuerPort}`
  const key = { id: 'k1', secret: randomBytes(32) }
  const admin = { client_id: 'admin', client_secret: randomBytes(32).toString('base64url') }
  const store = await openStore({
    url: redis.url,
    prefix: 'cc',
    partitions: PARTITIONS.count,
    tokenKeys: [key],
    mints: true,
    selfResources: [issuerUrl],
    commandTimeoutMs: PATIENCE_MS,
    onError: () => undefined,
  })
  const env = {
    CLAIMCHECK_REDIS_URL: redis.url,
    CLAIMCHECK_ISSUER: issuerUrl,
    CLAIMCHECK_ISSUER_PORT: String(issuerPort),
    CLAIMCHECK_INTROSPECT_URL: `http://127.0.0.1:${introspectPorts[0]}`,
    CLAIMCHECK_ADMIN_SECRET: admin.client_secret,
    CLAIMCHECK_TOKEN_KEYS: `${key.id}.${key.secret.toString('base64url')}`,
    CLAIMCHECK_DATA_DIR: folder,
  }

  async function service(name: string, ports: readonly number[]): Promise<LoadedServer> {
    const children: BenchChild[] = ports.map((port) =>
      startChild(machine, join(import.meta.dirname, '..', name, 'main.ts'), {
        part: 'server',
        env: name === 'issuer' ? env : { ...env, CLAIMCHECK_INTROSPECT_PORT: String(port) },
        nodeOptions,
      }),
    )
    for (const port of ports) {
      await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok)
    }
    return {
      ports,
      pids: children.map(({ pid }) => pid),
      stop: async () => void (await Promise.all(children.map((child) => child.stop()))),
    }
  }

  const issuer = await service('issuer', withIssuer ? [issuerPort as number] : [])
  const introspect = await service('introspect', introspectPorts.slice(0, introspects))
  const operator = withIssuer ? await fetchToken(issuerUrl, admin) : ''

  return {
    redis,
    redisPid,
    store,
    introspect,
    issuer,
    issuerUrl,
    resourceServer: await register(store, RESOURCE_SERVER, {
      introspect: true,
      resources: [RESOURCE],
    }),
    application: await register(store, APPLICATION, {
      grant_types: ['client_credentials', 'refresh_token'],
      scope: SCOPE,
      default_resources: [RESOURCE],
    }),
    async callAdmin(method, path, body) {
      const response = await fetch(`${issuerUrl}/admin/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
      return response.json()
    },
    async stop() {
      await Promise.all([issuer.stop(), introspect.stop()])
      await store.close()
      await redis.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: count }, () => freePort()))
}

async function register(
  { clients }: Store,
  client_id: string,
  registration: Partial<ClientMetadata>,
): Promise<TestClient> {
  const client_secret = randomBytes(32).toString('base64url')
  const secret = { secret_id: '1', hash: hashSecret(client_secret), created_at: 0 }
  await clients.put(client_id, 'bench', () => ({
    enabled: true,
    metadata: { ...DEFAULT_METADATA, ...registration },
    secrets: [secret],
  }))
  return { client_id, client_secret }
}

/** A token of the application for the resource server. */
export async function issueToken({ tokens }: Store, sub: string): Promise<string> {
  const issued = await tokens.issue({
    authorization: { sub, clientId: APPLICATION, scope: SCOPE, aud: [RESOURCE], login: {} },
    subjectKind: 'user',
    session: { mode: 'none' },
    accessTokenLifetimeSeconds: LIFETIME_SECONDS,
  })
  if (issued.kind !== 'issued') throw new Error(`a token was not issued: ${issued.kind}`)
  return issued.accessToken
}

/** So many, each of another subject unless told otherwise. */
export async function issueTokens(
  store: Store,
  count: number,
  subOf: (n: number) => string = (n) => `user-${String(n).padStart(5, '0')}`,
): Promise<readonly string[]> {
  const tokens: string[] = []
  for (let done = 0; done < count; done += ISSUED_AT_ONCE) {
    const size = Math.min(ISSUED_AT_ONCE, count - done)
    const batch = Array.from({ length: size }, (_, n) => issueToken(store, subOf(done + n)))
    tokens.push(...(await Promise.all(batch)))
  }
  return tokens
}
