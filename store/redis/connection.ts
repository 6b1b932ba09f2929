/**
 * Opens connections: standalone, Unix socket, Sentinel or Cluster. Commands go to primaries only, are not queued while there is
 * no connection, and fail at the latest after the timeout. They are not resent, with one exception: a Cluster connection resends
 * commands that were lost before any of them was answered, so writes must be idempotent.
 */
import { Cluster, Redis } from 'ioredis'
import { StoreUnavailableError } from '../errors.ts'
import { type NodeOptions, parseRedisUrl, type ServerOptions, type Topology } from './redis-url.ts'

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
  /** Called for every lost or failed connection; ioredis reconnects by itself. */
  readonly onError?: (error: Error) => void
  /** Called each time the connection becomes ready. */
  readonly onReady?: () => void
}

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000
const RECONNECT_STEP_MS = 50
const RECONNECT_MAX_MS = 500

/** Opens a connection and waits until it is ready. The first failure is thrown; a connection lost later is retried for ever. */
export function connectRedis(options: ConnectionOptions): Promise<RedisConnection> {
  return connected(createConnection(parseRedisUrl(options.url), options), options)
}

/**
 * The same for a connection that listens to channels. Its user subscribes again after a reconnect: if ioredis did, and lost the
 * connection meanwhile, its unhandled rejection would end the process.
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

function createConnection(topology: Topology, options: ConnectionOptions): RedisConnection {
  const base = connectionOptions(options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS)
  if (topology.kind !== 'cluster') {
    return createServerConnection({ ...base, ...topology.options })
  }
  return new Cluster([...topology.nodes], {
    redisOptions: { ...base, ...topology.options },
    enableOfflineQueue: false,
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
  // A demoted primary answers READONLY: reconnect to the new one, once for all commands that got this answer.
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
