/**
 * Claimcheck as it runs in production: Redis with every write on the disk before it answers, issuer and introspection in their
 * own processes, each part on its core. What is not measured, such as issuing the tokens to ask about, is done by a store in
 * this process.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSecret } from '../../http/auth/client-credentials.ts'
import { createPartitions } from '../../store/partitions.ts'
import type { ClientMetadata } from '../../store/registry/clients.ts'
import { openStore, type Store } from '../../store/store.ts'
import { freePort, startRedis, type TestRedis } from '../../test/fixture/redis-server.ts'
import { fetchToken, type TestClient } from '../../test/fixture/requests.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import { startChild } from './child.ts'
import type { LoadedServer } from './load.ts'
import type { Bench } from './measure.ts'

/** The resource of the bench's tokens, and the clients of its installation. */
export const RESOURCE = 'https://grades.test'
export const SCOPE = 'grades:read'
const RESOURCE_SERVER = 'grades-api'
export const APPLICATION = 'web-app'
/** Of every installation of the bench. */
export const PARTITIONS = createPartitions(64)

/** Which services to start. Default is the introspection service alone. */
export interface InstallationOptions {
  readonly withIntrospect?: boolean
  readonly withIssuer?: boolean
}

/** A running installation. */
export interface Installation {
  readonly redis: TestRedis
  readonly redisPid: number
  readonly store: Store
  /** Only to be used if they were started. */
  readonly introspect: LoadedServer
  readonly issuer: LoadedServer
  readonly issuerUrl: string
  readonly resourceServer: TestClient
  readonly application: TestClient
  /** `Authorization` of the operator. */
  readonly operator: string
  /** Calls the admin API as the operator. @throws {Error} when it refuses */
  callAdmin(method: string, path: string, body: object): Promise<unknown>
}

/** A measure keeps Redis busy; none of its calls may fail because of the wait. */
const COMMAND_TIMEOUT_MS = 60_000
const LIFETIME_SECONDS = 86_400
const ISSUED_AT_ONCE = 500
const NOT_STARTED: LoadedServer = { port: 0, pid: 0 }
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

/** Starts Redis on its core. */
export async function startBenchRedis({
  machine,
  atEnd,
}: Bench): Promise<{ readonly redis: TestRedis; readonly redisPid: number }> {
  const redis = await startRedis('--appendonly', 'yes')
  atEnd(redis.stop)
  const redisPid = Number(/^process_id:(\d+)/m.exec(await redis.direct.info('server'))?.[1])
  machine.pin(redisPid, 'redis')
  return { redis, redisPid }
}

/** Starts Redis and the services. */
export async function startInstallation(
  bench: Bench,
  { withIntrospect = true, withIssuer = false }: InstallationOptions = {},
): Promise<Installation> {
  const { redis, redisPid } = await startBenchRedis(bench)
  const [issuerPort, introspectPort] = [await freePort(), await freePort()]
  const issuerUrl = `http://127.0.0.1:${issuerPort}`
  const tokenKey = { id: 'k1', secret: randomBytes(32) }
  const store = await openBenchStore(bench, redis.url, tokenKey, issuerUrl)
  const admin = { client_id: 'admin', client_secret: randomBytes(32).toString('base64url') }
  const env = {
    CLAIMCHECK_REDIS_URL: redis.url,
    CLAIMCHECK_ISSUER: issuerUrl,
    CLAIMCHECK_ISSUER_PORT: String(issuerPort),
    CLAIMCHECK_INTROSPECT_URL: `http://127.0.0.1:${introspectPort}`,
    CLAIMCHECK_INTROSPECT_PORT: String(introspectPort),
    CLAIMCHECK_ADMIN_SECRET: admin.client_secret,
    CLAIMCHECK_TOKEN_KEYS: `${tokenKey.id}.${tokenKey.secret.toString('base64url')}`,
    CLAIMCHECK_DATA_DIR: temporaryFolder(bench),
  }
  const issuer = withIssuer ? await startService(bench, 'issuer', issuerPort, env) : NOT_STARTED
  const introspect = withIntrospect
    ? await startService(bench, 'introspect', introspectPort, env)
    : NOT_STARTED
  const operator = withIssuer ? `Bearer ${await fetchToken(issuerUrl, admin)}` : ''
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
    operator,
    async callAdmin(method, path, body) {
      const response = await fetch(`${issuerUrl}/admin/v1${path}`, {
        method,
        headers: { authorization: operator, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
      return response.json()
    },
  }
}

async function openBenchStore(
  { atEnd }: Bench,
  url: string,
  tokenKey: { readonly id: string; readonly secret: Buffer },
  issuerUrl: string,
): Promise<Store> {
  const store = await openStore({
    url,
    prefix: 'cc',
    partitions: PARTITIONS.count,
    tokenKeys: [tokenKey],
    mints: true,
    selfResources: [issuerUrl],
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    // No refresh is retried here, and the answer to a retry would count as memory of a token.
    refreshGraceMs: 1,
    onError: () => undefined,
  })
  atEnd(() => store.close())
  return store
}

function temporaryFolder({ atEnd }: Bench): string {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-bench-'))
  atEnd(async () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function startService(
  bench: Bench,
  name: 'issuer' | 'introspect',
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<LoadedServer> {
  const module = join(import.meta.dirname, '..', '..', name, 'main.ts')
  const { pid } = startChild(bench, module, { part: 'server', env })
  await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok)
  return { port, pid }
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

/** Many tokens, by default each for another subject. */
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
