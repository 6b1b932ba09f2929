/**
 * The services as a test sees them: a real Redis, an issuer and two introspection nodes, each with a connection of its
 * own, listening on loopback in this process. Everything they log is kept, and every secret minted can be noted, so
 * that a suite can prove that the two never meet.
 */
import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { listen, type RunningServer, type UpgradeHandler } from '../http/server/listener.ts'
import { createLogger, type Logger } from '../http/telemetry/logger.ts'
import { createMetrics } from '../http/telemetry/metrics.ts'
import { type IntrospectService, startIntrospectService } from '../introspect/app.ts'
import type { FeedLimits } from '../introspect/feed/limits.ts'
import { ensureAdminClient } from '../issuer/admin-client.ts'
import { createIssuerApp } from '../issuer/app.ts'
import { createLoaderEndpoint, type LoaderOptions } from '../issuer/loader/loader-endpoint.ts'
import { createSubjectLoader } from '../issuer/loader/subject-loader.ts'
import { openStore, type Store, type StoreOptions } from '../store/store.ts'

/** A client of the test installation, with its secret. */
export interface TestClient {
  readonly client_id: string
  readonly client_secret: string
}

/** How to start the services. */
export interface ServicesOptions {
  readonly redisUrl: string
  /** Overrides for every node's store. */
  readonly store?: Partial<StoreOptions>
  /** Overrides for the issuer's store only, and for each introspection node's. */
  readonly issuerStore?: Partial<StoreOptions>
  readonly introspectStores?: readonly [Partial<StoreOptions>, Partial<StoreOptions>]
  /** Overrides of the feeds' limits. */
  readonly feedLimits?: Partial<FeedLimits>
  /** Where the issuer asks about subjects that are new here. Default is nowhere. */
  readonly loader?: LoaderOptions
  /** Path of the issuer's public URL, such as `/t1`. Default is none. */
  readonly issuerPath?: string
}

/** Running services. */
export interface TestServices {
  /** The issuer's public URL; also `iss`. */
  readonly issuer: string
  /** Two introspection nodes on one Redis. */
  readonly introspect: readonly [string, string]
  readonly admin: TestClient
  /** The issuer's own store. */
  readonly store: Store
  /** Every line logged so far by all nodes. */
  readonly logs: readonly string[]
  /** A bearer token of the admin client with all rights. */
  readonly adminToken: string
  /** Calls the admin API as the operator; `path` follows `/admin/v1`. */
  /** Gets the operator a new token, after a revocation that took back the last one too. */
  renewAdminToken(): Promise<void>
  callAdmin(method: string, path: string, body?: unknown): Promise<Response>
  /** Registers a client and gives it a secret. */
  register(clientId: string, registration?: object): Promise<TestClient>
  /** Begins the planned stop of a node: its feed says goodbye. */
  goodbye(node: 0 | 1): Promise<void>
  close(): Promise<void>
}

const SECRET_BYTES = 32

/** Keys that all nodes of a test share. */
export const TEST_TOKEN_KEYS = [{ id: 'k1', secret: randomBytes(SECRET_BYTES) }]

/** Starts issuer and two introspection nodes. */
export async function startServices(options: ServicesOptions): Promise<TestServices> {
  const logs: string[] = []
  const stream = { write: (line: string) => void logs.push(line) }
  const servers: RunningServer[] = []
  const stores: Store[] = []

  async function node(
    service: 'issuer' | 'introspect',
    issuer: string,
    overrides: Partial<StoreOptions> = {},
  ) {
    const log: Logger = createLogger('trace', service, stream)
    const store = await openStore({
      url: options.redisUrl,
      prefix: 'cc',
      partitions: 64,
      tokenKeys: TEST_TOKEN_KEYS,
      mints: service === 'issuer',
      selfResources: [issuer],
      onError: (err) => log.warn({ err }, 'connection to Redis lost'),
      ...options.store,
      ...overrides,
    })
    stores.push(store)
    const metrics = createMetrics({ service, version: 'test', withProcessMetrics: false })
    return { store, log, metrics, issuer, trustProxy: false, withMetrics: true }
  }

  // Every service's metadata or answers name the URL of another, and a URL needs a port: listeners first.
  async function listener() {
    let service: Mountable | undefined
    const server = await listen({
      callback: (req, res) => service?.callback(req, res),
      upgrade: {
        accepts: (req) => service?.upgrade?.accepts(req) ?? false,
        handle: (req, socket, head) => service?.upgrade?.handle(req, socket, head),
      },
      host: '127.0.0.1',
      port: 0,
      portSetting: 'none',
      log: createLogger('silent', 'test', stream),
    })
    servers.push(server)
    const mount = (mounted: Mountable): void => {
      service = mounted
    }
    return { url: server.url, mount }
  }

  const [issuerAt, ...nodesAt] = [await listener(), await listener(), await listener()] as const
  const introspect = [nodesAt[0].url, nodesAt[1].url] as const
  const issuer = issuerAt.url + (options.issuerPath ?? '')
  const base = issuer.replace(/\/$/, '')
  const issuerNode = await node('issuer', issuer, options.issuerStore)
  const { store } = issuerNode
  const issuerApp = createIssuerApp({
    ...issuerNode,
    introspectUrl: introspect[0],
    nowSeconds: () => Math.floor(Date.now() / 1_000),
    ...(options.loader === undefined ? {} : { loader: loaderOf(options.loader, issuerNode) }),
  })
  issuerAt.mount({ callback: issuerApp.callback() })
  const feeds: IntrospectService[] = []
  for (const [n, { url, mount }] of nodesAt.entries()) {
    const common = await node('introspect', issuer, options.introspectStores?.[n])
    const feedLimits = options.feedLimits ?? {}
    const service = startIntrospectService({ ...common, introspectUrl: url, feedLimits })
    feeds.push(service)
    mount(service)
  }

  const admin = {
    client_id: 'admin',
    client_secret: randomBytes(SECRET_BYTES).toString('base64url'),
  }
  await ensureAdminClient(store, admin.client_secret, 0)
  let adminToken = await fetchToken(base, admin)

  const callAdmin = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${base}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  return {
    issuer,
    introspect,
    admin,
    store,
    logs,
    get adminToken() {
      return adminToken
    },
    callAdmin,
    async renewAdminToken() {
      adminToken = await fetchToken(base, admin)
    },
    async register(clientId, registration = {}) {
      const path = `/clients/${encodeURIComponent(clientId)}`
      const put = await callAdmin('PUT', path, registration)
      if (!put.ok) throw new Error(`PUT ${path} answered ${put.status}: ${await put.text()}`)
      const added = await callAdmin('POST', `${path}/secrets`)
      if (!added.ok) throw new Error(`POST ${path}/secrets answered ${added.status}`)
      const { client_secret } = (await added.json()) as TestClient
      return { client_id: clientId, client_secret }
    },
    goodbye: (n) => (feeds[n] as IntrospectService).quiesce(),
    async close() {
      for (const feed of feeds) feed.close()
      await Promise.all(servers.map((server) => server.close({ timeoutMs: 1_000 })))
      await Promise.all(stores.map((opened) => opened.close()))
    },
  }
}

function loaderOf(options: LoaderOptions, { store, log }: { store: Store; log: Logger }) {
  return createSubjectLoader({
    loads: store.subjectLoads,
    ask: createLoaderEndpoint(options),
    timeoutMs: options.timeoutMs,
    report: (problem, details) => log.warn(details, problem),
    now: () => performance.now(),
    pause: delay,
    random: Math.random,
  })
}

/** What a listener hands its traffic to. */
interface Mountable {
  readonly callback: RequestListener
  readonly upgrade?: UpgradeHandler
}

/** `Authorization` value of a client (RFC 6749 §2.3.1). */
export function basic({ client_id, client_secret }: TestClient): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  const credentials = `${encode(client_id)}:${encode(client_secret)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

/** Posts a form as a client. */
export function postForm(
  url: string,
  client: TestClient | undefined,
  form: Record<string, string> | URLSearchParams | string,
): Promise<Response> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return fetch(url, {
    method: 'POST',
    headers: client === undefined ? headers : { ...headers, authorization: basic(client) },
    body,
  })
}

/** A token by client credentials. */
export async function fetchToken(
  issuer: string,
  client: TestClient,
  form: Record<string, string> = {},
): Promise<string> {
  const response = await postForm(`${issuer}/token`, client, {
    grant_type: 'client_credentials',
    ...form,
  })
  if (!response.ok) throw new Error(`/token answered ${response.status}: ${await response.text()}`)
  return ((await response.json()) as { access_token: string }).access_token
}

/** The body of an introspection, as text: inactive answers are compared byte for byte. */
export async function introspectText(
  url: string,
  caller: TestClient,
  token: string,
): Promise<string> {
  const response = await postForm(`${url}/introspect`, caller, { token })
  if (!response.ok) throw new Error(`/introspect answered ${response.status}`)
  return response.text()
}
