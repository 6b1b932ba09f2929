/** Options of the client: checked once, loudly. An unknown or impossible option is a mistake in a security component. */
import { invalidArgument, invalidType } from './errors.ts'
import { MAX_DELAY_MS } from './time/timer.ts'

/** Clocks and randomness, for tests. */
export interface Environment {
  /** Milliseconds that never go back, from any origin. */
  readonly monotonic: () => number
  /** Epoch milliseconds. */
  readonly wall: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Sets the client's clocks and randomness. For tests; a symbol, so that no configuration file can. */
export const environment: unique symbol = Symbol('claimcheck environment')

/** How to make a client. */
export interface ClientOptions {
  /** The issuer's URL, exactly as in its metadata. https, or http on a loopback address. */
  readonly issuer: string
  /** The resource server's own client id; it must be registered to introspect. */
  readonly clientId: string
  /** Its secret. Sent by HTTP Basic, and to the introspection service only. */
  readonly clientSecret: string
  /**
   * Staleness bound: a cached answer never leaves out a change made longer ago than this, in milliseconds. Default is
   * 5000. 0 caches nothing: every look-up is live. Otherwise from 100 to 2147483647.
   */
  readonly maxStalenessMs?: number
  /** Most answers kept. Default is 100000. Must be a positive integer. */
  readonly maxEntries?: number
  /** Most memory the kept answers may take, in bytes (estimated). Default is 104857600 (100 MiB). Must be a positive integer. */
  readonly maxBytes?: number
  /** Most void tokens remembered; they never displace answers. Default is 10000. 0 remembers none. */
  readonly maxNegatives?: number
  /**
   * Longest wait for an answer of the service, in milliseconds. Default is 2000, or the staleness bound if that is less.
   * From 1 to the staleness bound; to 2147483647 where that is 0.
   */
  readonly timeoutMs?: number
  /** Most requests to the service at once. Default is 16. Must be a positive integer. */
  readonly maxConcurrency?: number
  /** Most look-ups waiting for their turn; more are refused at once. Default is 10000. Must be a positive integer. */
  readonly maxQueued?: number
  /** Stands in for the global `fetch`; needed where there is none. */
  readonly fetch?: typeof fetch
  /** Stands in for the global `WebSocket`; needed where there is none. */
  readonly WebSocket?: typeof WebSocket
  /** @internal */
  readonly [environment]?: Environment
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly maxStalenessMs: number
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxNegatives: number
  readonly timeoutMs: number
  readonly maxConcurrency: number
  readonly maxQueued: number
  readonly fetch: typeof fetch
  readonly WebSocket: typeof WebSocket
  readonly environment: Environment
}

const MIN_STALENESS_MS = 100
const DEFAULT_STALENESS_MS = 5_000
const DEFAULT_TIMEOUT_MS = 2_000

const KNOWN: ReadonlySet<string> = new Set([
  'issuer',
  'clientId',
  'clientSecret',
  'maxStalenessMs',
  'maxEntries',
  'maxBytes',
  'maxNegatives',
  'timeoutMs',
  'maxConcurrency',
  'maxQueued',
  'fetch',
  'WebSocket',
])

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {@link RangeError} with code `ERR_INVALID_ARG_VALUE`
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'must be an object')
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw invalidArgument(name, 'is not an option')
  }
  const maxStalenessMs = whole(options, 'maxStalenessMs', DEFAULT_STALENESS_MS, 0)
  if (maxStalenessMs > MAX_DELAY_MS) {
    throw invalidArgument('maxStalenessMs', `must not exceed ${MAX_DELAY_MS}`)
  }
  if (maxStalenessMs > 0 && maxStalenessMs < MIN_STALENESS_MS) {
    throw invalidArgument('maxStalenessMs', `must be 0 or at least ${MIN_STALENESS_MS}`)
  }
  const longest = maxStalenessMs === 0 ? DEFAULT_TIMEOUT_MS : maxStalenessMs
  const timeoutMs = whole(options, 'timeoutMs', Math.min(DEFAULT_TIMEOUT_MS, longest), 1)
  if (maxStalenessMs > 0 && timeoutMs > maxStalenessMs) {
    throw invalidArgument(
      'timeoutMs',
      'must not exceed "maxStalenessMs": an answer that old would be too late',
    )
  }
  if (timeoutMs > MAX_DELAY_MS)
    throw invalidArgument('timeoutMs', `must not exceed ${MAX_DELAY_MS}`)
  return {
    issuer: issuerUrl(options.issuer),
    clientId: nonEmpty(options, 'clientId'),
    clientSecret: nonEmpty(options, 'clientSecret'),
    maxStalenessMs,
    maxEntries: whole(options, 'maxEntries', 100_000, 1),
    maxBytes: whole(options, 'maxBytes', 100 * 1_048_576, 1),
    maxNegatives: whole(options, 'maxNegatives', 10_000, 0),
    timeoutMs,
    maxConcurrency: whole(options, 'maxConcurrency', 16, 1),
    maxQueued: whole(options, 'maxQueued', 10_000, 1),
    fetch: platform(options, 'fetch', (...request) => globalThis.fetch(...request)),
    WebSocket: platform(options, 'WebSocket', globalThis.WebSocket),
    environment: options[environment] ?? {
      monotonic: () => performance.now(),
      wall: () => Date.now(),
      random: () => Math.random(),
    },
  }
}

type NumberOption =
  | 'maxStalenessMs'
  | 'maxEntries'
  | 'maxBytes'
  | 'maxNegatives'
  | 'timeoutMs'
  | 'maxConcurrency'
  | 'maxQueued'

function whole(
  options: ClientOptions,
  name: NumberOption,
  fallback: number,
  least: number,
): number {
  const value = options[name] ?? fallback
  if (typeof value !== 'number') throw invalidType(name, 'must be a number')
  if (!Number.isSafeInteger(value) || value < least) {
    throw invalidArgument(name, `must be an integer of at least ${least}`)
  }
  return value
}

/** What stands in for a global, or the global itself: without either, the client would start and never work. */
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
  throw invalidArgument(name, 'must be given: this platform has no global of that name')
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

/** Tells whether secrets may travel to a URL: https, or http that does not leave the machine. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, search, hash } = new URL(text)
  if (search !== '' || hash !== '') return false
  if (protocol === 'https:') return true
  return protocol === 'http:' && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}
