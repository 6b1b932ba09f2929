/**
 * The grammar of Redis URLs: one server, a Unix socket, Sentinel or Cluster. The settings check `CLAIMCHECK_REDIS_URL` with
 * it too. No message repeats any part of a URL, since any part may be a password in the wrong place.
 */
import type { ClusterOptions, RedisOptions } from 'ioredis'

const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26379

/** Options of one server. Replies keep the mapping of RESP2, for which the scripts are written. */
export type ServerOptions = Omit<RedisOptions, 'replyMapping'>

/** Options that apply to every node of a Cluster. */
export type NodeOptions = Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>

/** What a URL points to. */
export type Topology =
  | { readonly kind: 'standalone'; readonly options: ServerOptions }
  | { readonly kind: 'cluster'; readonly nodes: readonly Address[]; readonly options: NodeOptions }
  | { readonly kind: 'sentinel'; readonly options: ServerOptions }

/** One host and port. */
interface Address {
  readonly host: string
  readonly port: number
}

/** What reading a URL came to. Each mistake completes "the URL …". */
export type RedisUrlReading =
  | { readonly kind: 'topology'; readonly topology: Topology }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly string[] }

const MISTAKES = {
  scheme: 'must begin with redis://, rediss://, unix:/, redis+cluster:// or redis+sentinel://',
  host: 'must name a host',
  malformedHost: 'must name a host by its name or address',
  port: 'must have a port from 1 to 65535',
  path: 'must have the number of a database as its path, as in redis://host:6379/1',
  query: 'must have no query but db',
  db: 'must have the number of a database as its db, as in ?db=1',
  spaces: 'must not contain spaces',
  encoding: 'must percent-encode special characters in its user name and password',
  socket: 'must name a socket by an absolute path, as in unix:/run/redis.sock',
  primary: 'must end in the name of the primary, as in redis+sentinel://host:26379/name',
} as const

type Note = (mistake: keyof typeof MISTAKES) => void

/** Reads a Redis URL, or finds everything that is wrong with it. */
export function readRedisUrl(url: string): RedisUrlReading {
  const mistakes = new Set<string>()
  const topology = topologyOf(url, (host) => (mistake) => {
    mistakes.add(MISTAKES[mistake] + (host === undefined ? '' : ` (host ${host})`))
  })
  if (mistakes.size === 0) return { kind: 'topology', topology }
  return { kind: 'mistakes', mistakes: [...mistakes] }
}

/** Reads a Redis URL. @throws {TypeError} naming everything that is wrong with it */
export function parseRedisUrl(url: string): Topology {
  const reading = readRedisUrl(url)
  if (reading.kind === 'topology') return reading.topology
  throw new TypeError(`the Redis URL ${reading.mistakes.join('; it ')}`)
}

/** Number of the database a URL names; Cluster has only one. */
export function databaseOf(url: string): number {
  return parseRedisUrl(url).options.db ?? 0
}

/** Notes mistakes at a host of a list, counted from 1, or of the URL as a whole. */
type NoteAt = (host?: number) => Note

function topologyOf(url: string, noteAt: NoteAt): Topology {
  const [, scheme, kind, rest = ''] = /^(rediss?)\+(cluster|sentinel):\/\/(.*)$/s.exec(url) ?? []
  if (kind === 'sentinel') return sentinelTopology(scheme as string, rest, noteAt)
  if (kind === 'cluster') return clusterTopology(`${scheme}://${rest}`, noteAt)
  if (url.startsWith('unix:')) return { kind: 'standalone', options: unixOptions(url, noteAt()) }
  if (url.includes(',')) return clusterTopology(url, noteAt)
  return { kind: 'standalone', options: serverOptions(url, noteAt()) }
}

function clusterTopology(list: string, noteAt: NoteAt): Topology {
  const [first = '', ...rest] = list.split(',').map((part) => part.trim())
  const scheme = /^rediss?:\/\//.exec(first)?.[0] ?? 'redis://'
  const texts = [first, ...rest.map((part) => (part.includes('://') ? part : scheme + part))]
  const servers = texts.map((text, index) =>
    serverOptions(text, noteAt(texts.length === 1 ? undefined : index + 1)),
  )
  const { host: _host, port: _port, ...credentials } = servers[0] as ServerOptions
  return { kind: 'cluster', nodes: servers.map(addressOf), options: credentials }
}

const SENTINEL = /^(?:(.*)@)?([^/?@]*)(?:\/([^?@]*))?(?:\?([^@]*))?$/s

function sentinelTopology(scheme: string, rest: string, noteAt: NoteAt): Topology {
  const note = noteAt()
  const [, credentials, list = '', name = '', query] = SENTINEL.exec(rest) ?? []
  const hosts = list.split(',').map((part) => part.trim())
  const sentinels = hosts.map((host, index) =>
    addressOf(
      serverOptions(
        `redis://${host}`,
        noteAt(hosts.length === 1 ? undefined : index + 1),
        DEFAULT_SENTINEL_PORT,
      ),
    ),
  )
  if (/\s/.test(name)) note('spaces')
  else if (name === '' || name.includes('/')) note('primary')
  const [, isDb, db] = /^(db=)?(.*)$/s.exec(query ?? '') ?? []
  if (query !== undefined && isDb === undefined) note('query')
  else if (query !== undefined && !/^\d+$/.test(db as string)) note('db')
  const user = credentials === undefined ? '' : `${credentials}@`
  const { username, password, tls } = serverOptions(`${scheme}://${user}localhost`, note)
  return {
    kind: 'sentinel',
    options: {
      sentinels,
      name,
      ...(query === undefined ? {} : { db: Number(db) }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls, enableTLSForSentinelMode: true }),
    },
  }
}

function unixOptions(url: string, note: Note): ServerOptions {
  if (/\s/.test(url)) note('spaces')
  const [path = '', query] = url.slice('unix:'.length).split('?', 2)
  const db = new URLSearchParams(query ?? '').get('db')
  const plain = path.replace(/^\/\/(?=\/)/, '')
  if (!/^\/./.test(plain)) note('socket')
  if (db !== null && !/^\d+$/.test(db)) note('db')
  return { path: plain, ...(db === null ? {} : { db: Number(db) }) }
}

/** Scheme, credentials, host, port, path; what follows is not read. */
const SERVER = /^(rediss?):\/\/(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^:/?#]*)(?::([^/?#]*))?([^?#]*)/i

function serverOptions(text: string, note: Note, defaultPort = DEFAULT_PORT): ServerOptions {
  if (/\s/.test(text)) note('spaces')
  const url = text.replaceAll(/\s/g, '')
  const [prefix, scheme, credentials = '', host = '', port = '', path = ''] = SERVER.exec(url) ?? []
  if (prefix === undefined || scheme === undefined) {
    note('scheme')
    return {}
  }
  const database = path.replace(/^\//, '')
  const found: (keyof typeof MISTAKES)[] = []
  if (host === '') found.push('host')
  if (port !== '' && !isPort(port)) found.push('port')
  if (!/^\d*$/.test(database)) found.push('path')
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (found.length === 0 && parsed === undefined) found.push('malformedHost')
  // A character such as / in a password ends the host early, and makes mistakes of what follows.
  const rest = path + url.slice(prefix.length)
  if (found.length > 0 && rest.includes('@')) found.splice(0, found.length, 'encoding')
  const [user, password] = decodeCredentials(credentials)
  if (user === undefined || password === undefined) found.push('encoding')
  for (const mistake of found) note(mistake)
  return {
    host: (parsed?.hostname ?? '').replace(/^\[|\]$/g, ''),
    port: port === '' ? defaultPort : Number(port),
    ...(user ? { username: user } : {}),
    ...(password ? { password } : {}),
    ...(database === '' ? {} : { db: Number(database) }),
    ...(scheme.toLowerCase() === 'rediss' ? { tls: {} } : {}),
  }
}

function isPort(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}

function addressOf({ host = '', port = 0 }: ServerOptions): Address {
  return { host, port }
}

/** User name and password; each undefined where it cannot be decoded. */
function decodeCredentials(credentials: string): readonly (string | undefined)[] {
  const colon = credentials.indexOf(':')
  const end = colon === -1 ? credentials.length : colon
  return [credentials.slice(0, end), credentials.slice(end + 1)].map((encoded) => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      // The error of the platform repeats what it could not decode.
      return undefined
    }
  })
}
