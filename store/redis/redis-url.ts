/** Where a Redis URL points: standalone, Unix socket, Sentinel or Cluster. Messages never repeat it, it may hold a password. */
import type { ClusterOptions, RedisOptions } from 'ioredis'

const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26379

/** Options of one server; replies keep the mapping of RESP2, which the scripts are written for. */
export type ServerOptions = Omit<RedisOptions, 'replyMapping'>

/** Options that mean the same for one server and for every node of a Cluster. */
export type NodeOptions = Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>

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
