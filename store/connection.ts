/**
 * From a URL to a connection: standalone, Unix socket, Sentinel or Cluster. Commands go to primaries only, are never
 * queued while there is none, never resent on their own and never waited for longer than the time-out: a caller
 * learns within it that the truth cannot be had.
 */
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { StoreUnavailableError } from './errors.ts'
import { loadScripts } from './scripts.ts'

/** A connection to one of the supported topologies. */
export type RedisConnection = Redis | Cluster

/** How to reach Redis. */
export interface ConnectionOptions {
  /**
   * `redis://`, `rediss://`, `unix:/path`, a comma list of them or `redis+cluster://host:port,host:port` for Cluster,
   * `redis+sentinel://host:port,host:port/name` for Sentinel.
   */
  readonly url: string
  /** Longest wait for one command, in milliseconds. Default is 2000. */
  readonly commandTimeoutMs?: number
  /** Told about every lost or failed connection; ioredis reconnects by itself. */
  readonly onError?: (error: Error) => void
  /** Told each time the connection is ready. */
  readonly onReady?: () => void
}

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000
const RECONNECT_STEP_MS = 50
const RECONNECT_MAX_MS = 500
const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26379

/** Where a URL points, with the topology made explicit. */
export type Topology =
  | { readonly kind: 'standalone'; readonly options: ServerOptions }
  | { readonly kind: 'cluster'; readonly nodes: readonly Address[]; readonly options: NodeOptions }
  | { readonly kind: 'sentinel'; readonly options: ServerOptions }

/** One host and port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Reads a Redis URL.
 *
 * @throws {TypeError} when the URL is of no supported form; the message never repeats it, it may hold a password
 */
export function parseRedisUrl(url: string): Topology {
  const plus = /^(rediss?)\+(cluster|sentinel):\/\/(.*)$/.exec(url)
  if (plus?.[2] === 'sentinel') return sentinelTopology(plus[1] as string, plus[3] as string)
  if (plus?.[2] === 'cluster') return clusterTopology(`${plus[1]}://${plus[3]}`)
  if (url.includes(',')) return clusterTopology(url)
  if (url.startsWith('unix:')) return { kind: 'standalone', options: unixOptions(url) }
  return { kind: 'standalone', options: serverOptions(url) }
}

/** Number of the database a URL names; Cluster has only one. */
export function databaseOf(url: string): number {
  return parseRedisUrl(url).options.db ?? 0
}

/** Opens a connection and waits until it is ready; the first failure is thrown, later ones are retried for ever. */
export function connectRedis(options: ConnectionOptions): Promise<RedisConnection> {
  return connected(createConnection(parseRedisUrl(options.url), options), options)
}

/**
 * The same for a connection that listens to channels. It subscribes anew by itself: what ioredis does after a
 * reconnect rejects unheard when that connection is lost too, which would end the process.
 */
export function connectSubscriber(options: ConnectionOptions): Promise<RedisConnection> {
  const connection = createConnection(parseRedisUrl(options.url), options)
  if (connection instanceof Redis) connection.options.autoResubscribe = false
  return connected(connection, options)
}

async function connected(
  connection: RedisConnection,
  options: ConnectionOptions,
): Promise<RedisConnection> {
  connection.on('error', options.onError ?? (() => undefined))
  if (options.onReady !== undefined) connection.on('ready', options.onReady)
  try {
    await connection.connect()
  } catch (cause) {
    connection.disconnect()
    throw new StoreUnavailableError('Redis cannot be reached', { cause })
  }
  return connection
}

/** Options of one server; replies keep the mapping of RESP2, which the scripts are written for. */
type ServerOptions = Omit<RedisOptions, 'replyMapping'>

/** Options that mean the same for one server and for every node of a Cluster. */
type NodeOptions = Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>

function createConnection(topology: Topology, options: ConnectionOptions): RedisConnection {
  const base = connectionOptions(options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS)
  const scripts = Object.fromEntries(
    loadScripts().map(({ name, lua, numberOfKeys }) => [name, { lua, numberOfKeys }]),
  )
  if (topology.kind !== 'cluster') {
    return createServerConnection({ ...base, ...topology.options, scripts })
  }
  return new Cluster([...topology.nodes], {
    redisOptions: { ...base, ...topology.options },
    scripts,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    lazyConnect: true,
    scaleReads: 'master',
    maxRedirections: 4,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
    slotsRefreshTimeout: DEFAULT_COMMAND_TIMEOUT_MS,
    slotsRefreshInterval: 5_000,
    clusterRetryStrategy: reconnectDelayMs,
  })
}

function createServerConnection(options: ServerOptions): Redis {
  // A demoted primary says READONLY: look for the new one. Once is enough, however many commands were told.
  let isLeaving = false
  const connection = new Redis({
    ...options,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
    reconnectOnError(error) {
      if (isLeaving || !error.message.startsWith('READONLY')) return false
      isLeaving = true
      return true
    },
  })
  connection.on('ready', () => {
    isLeaving = false
  })
  return connection
}

function connectionOptions(commandTimeoutMs: number): NodeOptions {
  return {
    lazyConnect: true,
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: RECONNECT_MAX_MS,
    commandTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    connectionName: 'claimcheck',
  }
}

function reconnectDelayMs(attempt: number): number {
  return Math.min(attempt * RECONNECT_STEP_MS, RECONNECT_MAX_MS)
}

function clusterTopology(list: string): Topology {
  const [first, ...rest] = list.split(',').map((part) => part.trim())
  const scheme = /^rediss?:\/\//.exec(first as string)?.[0] ?? 'redis://'
  const options = serverOptions(first as string)
  const others = rest.map((part) => serverOptions(part.includes('://') ? part : scheme + part))
  const nodes = [options, ...others].map(({ host, port }) => ({
    host: host ?? 'localhost',
    port: port ?? DEFAULT_PORT,
  }))
  const { host: _host, port: _port, ...credentials } = options
  return { kind: 'cluster', nodes, options: credentials }
}

function sentinelTopology(scheme: string, rest: string): Topology {
  const match = /^(?:(.*)@)?([^/@]+)\/([^/?]+)(?:\?db=(\d+))?$/.exec(rest)
  if (match === null)
    throw new TypeError('a Sentinel URL has the form redis+sentinel://host:port,host:port/name')
  const [, credentials, hosts, name, db] = match
  const sentinels = (hosts as string).split(',').map((host) => ({
    host: serverOptions(`redis://${host}`).host ?? 'localhost',
    port: Number(new URL(`redis://${host}`).port || DEFAULT_SENTINEL_PORT),
  }))
  const { username, password, tls } = serverOptions(
    `${scheme}://${credentials ? `${credentials}@` : ''}localhost`,
  )
  return {
    kind: 'sentinel',
    options: {
      sentinels,
      name: name as string,
      ...(db === undefined ? {} : { db: Number(db) }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls, enableTLSForSentinelMode: true }),
    },
  }
}

function unixOptions(url: string): ServerOptions {
  const [path, query] = url.slice('unix:'.length).split('?', 2)
  const db = new URLSearchParams(query ?? '').get('db')
  if (db !== null && !/^\d+$/.test(db))
    throw new TypeError('the db of a Redis URL is a database number')
  const plain = (path as string).replace(/^\/\/(?=\/)/, '')
  if (!plain.startsWith('/'))
    throw new TypeError('a Unix socket URL has the form unix:/path/to/socket')
  return { path: plain, ...(db === null ? {} : { db: Number(db) }) }
}

function serverOptions(url: string): ServerOptions {
  if (!URL.canParse(url)) throw new TypeError('the Redis URL cannot be read')
  const { protocol, hostname, port, username, password, pathname } = new URL(url)
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw new TypeError(
      'a Redis URL starts with redis://, rediss://, unix:, redis+cluster:// or redis+sentinel://',
    )
  }
  const db = pathname.replace(/^\//, '')
  if (!/^\d*$/.test(db)) throw new TypeError('the path of a Redis URL is a database number')
  return {
    host: hostname === '' ? 'localhost' : hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? DEFAULT_PORT : Number(port),
    ...(username === '' ? {} : { username: decodeCredential(username) }),
    ...(password === '' ? {} : { password: decodeCredential(password) }),
    ...(db === '' ? {} : { db: Number(db) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

function decodeCredential(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    // The error of the platform repeats what it could not decode.
    throw new TypeError('the user or password of the Redis URL is not percent-encoded correctly')
  }
}
