/** Options of the client, checked when it is made. An unknown or impossible option is an error, never a warning. */
import { invalidArgument, invalidType } from './errors.ts'
import { MAX_DELAY_MS } from './time/timer.ts'

/** Clocks and randomness, for tests. */
export interface Environment {
  /** Milliseconds from any origin; never goes back. */
  readonly monotonic: () => number
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Sets the clocks and the randomness of a client, for tests. A symbol, so that no configuration file can set it. */
export const environment: unique symbol = Symbol('claimcheck environment')

/** What a client is made from. `issuer`, `clientId` and `clientSecret` are required. */
export interface ClientOptions {
  /**
   * URL of the issuer, exactly as in its metadata. The service is found through it. Must be an https URL without query or
   * fragment; http is accepted on a loopback address only.
   *
   * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)
   */
  readonly issuer: string
  /** Client id of this service, which must be registered to introspect. Must not be empty. */
  readonly clientId: string
  /**
   * Client secret of this service. Sent by HTTP Basic, to the introspection service and its feed only. Must not be empty.
   *
   * @see [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)
   */
  readonly clientSecret: string
  /**
   * Staleness bound, in milliseconds: a cached answer includes every change that is older than this. Default is 5000. Must
   * be 0, or from 100 to 2147483647.
   *
   * A short bound sends probes more often (three in each bound) and suspends the cache sooner when the feed is slow. With a
   * long one, a revoked token is accepted longer after the feed was lost. 0 disables the cache: every look-up is live.
   */
  readonly maxStalenessMs?: number
  /**
   * Most answers in the cache. Default is 100000. Must be a positive integer. A token has one answer for each set of
   * contexts it is asked about. When the cache is full, answers that were not used lately are dropped and must be looked up
   * again.
   */
  readonly maxEntries?: number
  /**
   * Most memory for the cached answers, in bytes, as estimated from their length. Default is 104857600 (100 MiB). Must be a
   * positive integer. An answer larger than this is never cached.
   */
  readonly maxBytes?: number
  /**
   * Most void tokens remembered. They never displace answers. Default is 10000. Must be a non-negative integer; with 0, each
   * use of a void token is a request to the service.
   */
  readonly maxNegatives?: number
  /**
   * Longest wait for an answer of the service, in milliseconds. Default is 2000, or the staleness bound if that is less.
   * Must be from 1 to the staleness bound; to 2147483647 if the bound is 0. A failed attempt is made once more, so a look-up
   * may take twice as long. When it is too short, a slow service looks like an outage.
   */
  readonly timeoutMs?: number
  /**
   * Most concurrent requests to the service. Default is 16. Must be a positive integer. Further look-ups wait, and are sent
   * together in batches of up to 100 if the service supports batches.
   */
  readonly maxConcurrency?: number
  /**
   * Most look-ups that wait for their turn. Default is 10000. Must be a positive integer. Further look-ups fail at once with
   * `ERR_CLAIMCHECK_OVERLOADED`, so that an outage does not exhaust the memory.
   */
  readonly maxQueued?: number
  /** Replaces the global `fetch`. Must be a function; required on platforms without the global. */
  readonly fetch?: typeof fetch
  /**
   * Replaces the global `WebSocket`. Must be a constructor that accepts `headers` as the one of Node does; required on
   * platforms without the global.
   */
  readonly WebSocket?: typeof WebSocket
  /** @internal */
  readonly [environment]?: Environment
}

/** Options with every default filled in. */
export type ResolvedOptions = Required<Omit<ClientOptions, typeof environment>> & {
  /** Clocks and randomness. */
  readonly environment: Environment
}

const MIN_STALENESS_MS = 100
const DEFAULT_TIMEOUT_MS = 2_000
/** Default and least value of each integer. */
const INTEGERS = {
  maxStalenessMs: [5_000, 0],
  maxEntries: [100_000, 1],
  maxBytes: [100 * 1_048_576, 1],
  maxNegatives: [10_000, 0],
  timeoutMs: [DEFAULT_TIMEOUT_MS, 1],
  maxConcurrency: [16, 1],
  maxQueued: [10_000, 1],
} as const
const OTHERS = ['issuer', 'clientId', 'clientSecret', 'fetch', 'WebSocket']
const KNOWN: ReadonlySet<string> = new Set([...Object.keys(INTEGERS), ...OTHERS])

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'must be an object')
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw invalidArgument(name, 'is not an option')
  }
  const maxStalenessMs = integer(options, 'maxStalenessMs')
  if (maxStalenessMs > MAX_DELAY_MS) {
    throw invalidArgument('maxStalenessMs', `must not exceed ${MAX_DELAY_MS}`)
  }
  if (maxStalenessMs > 0 && maxStalenessMs < MIN_STALENESS_MS) {
    throw invalidArgument('maxStalenessMs', `must be 0 or at least ${MIN_STALENESS_MS}`)
  }
  return {
    issuer: issuerUrl(options.issuer),
    clientId: nonEmpty(options, 'clientId'),
    clientSecret: nonEmpty(options, 'clientSecret'),
    maxStalenessMs,
    maxEntries: integer(options, 'maxEntries'),
    maxBytes: integer(options, 'maxBytes'),
    maxNegatives: integer(options, 'maxNegatives'),
    timeoutMs: timeout(options, maxStalenessMs),
    maxConcurrency: integer(options, 'maxConcurrency'),
    maxQueued: integer(options, 'maxQueued'),
    fetch: platform(options, 'fetch', (...request) => globalThis.fetch(...request)),
    WebSocket: platform(options, 'WebSocket', globalThis.WebSocket),
    environment: options[environment] ?? {
      monotonic: () => performance.now(),
      wall: () => Date.now(),
      random: () => Math.random(),
    },
  }
}

function timeout(options: ClientOptions, boundMs: number): number {
  const longest = boundMs === 0 ? MAX_DELAY_MS : boundMs
  const timeoutMs = integer(options, 'timeoutMs', Math.min(DEFAULT_TIMEOUT_MS, longest))
  if (timeoutMs <= longest) return timeoutMs
  const rule = 'must not exceed "maxStalenessMs": a later answer would be too old'
  throw invalidArgument('timeoutMs', boundMs === 0 ? `must not exceed ${MAX_DELAY_MS}` : rule)
}

function integer(
  options: ClientOptions,
  name: keyof typeof INTEGERS,
  fallback: number = INTEGERS[name][0],
): number {
  const [, least] = INTEGERS[name]
  const value = options[name] ?? fallback
  if (typeof value !== 'number') throw invalidType(name, 'must be a number')
  if (!Number.isSafeInteger(value) || value < least) {
    throw invalidArgument(name, `must be an integer of at least ${least}`)
  }
  return value
}

/** The replacement of a global, or the global itself. Without either, the client would start but never work. */
function platform<Name extends 'fetch' | 'WebSocket'>(
  options: ClientOptions,
  name: Name,
  fallback: ResolvedOptions[Name],
): ResolvedOptions[Name] {
  const given = options[name]
  if (given !== undefined && typeof given !== 'function') {
    throw invalidType(name, 'must be a function')
  }
  if (given !== undefined) return given as ResolvedOptions[Name]
  if (typeof globalThis[name] === 'function') return fallback
  throw invalidArgument(name, 'must be given: this platform has no such global')
}

function nonEmpty(options: ClientOptions, name: 'clientId' | 'clientSecret'): string {
  const value = options[name]
  if (typeof value !== 'string') throw invalidType(name, 'must be a string')
  if (value === '') throw invalidArgument(name, 'must not be empty')
  return value
}

function issuerUrl(value: unknown): string {
  if (typeof value !== 'string') throw invalidType('issuer', 'must be a string')
  if (!isSecureUrl(value)) {
    throw invalidArgument(
      'issuer',
      'must be an https URL (http only on a loopback address) without query or fragment',
    )
  }
  return value
}

/** Whether secrets may be sent to a URL: https, or http that does not leave the machine. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, search, hash } = new URL(text)
  if (search !== '' || hash !== '') return false
  if (protocol === 'https:') return true
  return protocol === 'http:' && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}
