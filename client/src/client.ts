/** The public client: what it promises, and how its parts are put together. */
import { createAnswers } from './cache/answers.ts'
import { createEntryCache } from './cache/entry-cache.ts'
import { createFreshness } from './cache/freshness.ts'
import { createNegativeCache } from './cache/negative-cache.ts'
import {
  type Decision,
  INVALID_TOKEN,
  isActive,
  MISSING_TOKEN,
  placesOf,
  type Requirements,
  refuse,
  UNAVAILABLE,
} from './decision.ts'
import { type AuthorizeOptions, assertDemands, type LookupOptions } from './demands.ts'
import { ClaimcheckError } from './errors.ts'
import { FeedKeeper } from './feed/keeper.ts'
import { type ClientHealth, createCounts } from './health.ts'
import { type ClientOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { Resolver } from './resolver.ts'
import { createDiscovery } from './service/discovery.ts'
import { basicAuthorization, createSend } from './service/endpoint.ts'
import { createIntrospector } from './service/introspector.ts'
import { Lookups } from './service/lookups.ts'
import { createElapsedClock } from './time/elapsed-clock.ts'
import type { IntrospectionResponse } from './wire/index.ts'

/** A client of one issuer. Make one for a process, share it between requests, and close it at the end. */
export interface Client {
  /**
   * Looks a token up in the cache alone: synchronous, without I/O, in about a microsecond.
   *
   * @param token - the token as presented, without `Bearer`
   * @returns the RFC 7662 answer, shared and frozen; `undefined` when only the service can tell: call `introspect` then
   * @see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)
   * @example
   * ```ts
   * const known = claims.peek(token)
   * if (known === undefined) console.log('only the service can tell')
   * else console.log(known.active ? `active, of ${known.sub}` : 'inactive')
   * ```
   */
  peek(token: string): IntrospectionResponse | undefined

  /**
   * Resolves a token to the RFC 7662 answer: from the cache within the staleness bound, otherwise from the service.
   *
   * Concurrent calls with the same token share one request. An unknown, expired or revoked token is an answer
   * (`active: false`), not an error.
   *
   * @param token - the token as presented, without `Bearer`
   * @param options - contexts, and how recent the answer must be
   * @returns the answer, shared and frozen
   * @throws {ClaimcheckError} when no trustworthy answer can be had, which never means that the token is inactive. Codes:
   * `ERR_CLAIMCHECK_TIMEOUT`, `_UNREACHABLE`, `_UNAUTHORIZED`, `_BAD_RESPONSE`, `_STALE`, `_OVERLOADED`, `_CLOSED`
   * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`, for wrong
   * arguments
   * @see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)
   * @example
   * ```ts
   * const answer = await claims.introspect(token)
   * if (answer.active) console.log(answer.sub)
   * ```
   */
  introspect(token: string, options?: LookupOptions): Promise<IntrospectionResponse>

  /**
   * Decides whether a request may proceed. A refusal is a value with the status and header to answer with, and so is an
   * outage (503): no outage is thrown, and no outage is reported as an invalid token.
   *
   * @param token - the token as presented; `undefined` or '' when there is none
   * @param needs - what the token must allow; `{}` demands a valid token only
   * @param options - how recent the facts must be
   * @returns the facts if everything is met, otherwise how to refuse the request
   * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`, for a demand
   * that is misspelt or undefined, a role or permission without its context, or parents without either
   * @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
   * @example
   * ```ts
   * const decision = await claims.authorize(token, { scope: 'grades:read' })
   * if (!decision.ok) console.log(decision.status, decision.wwwAuthenticate)
   * ```
   */
  authorize(
    token: string | undefined,
    needs: Requirements,
    options?: AuthorizeOptions,
  ): Promise<Decision>

  /**
   * Tells whether a token is active. Looks it up as `introspect` does.
   *
   * @throws {ClaimcheckError} when no trustworthy answer can be had; codes as for `introspect`
   * @example
   * ```ts
   * if (await claims.isAuthenticated(token)) console.log('a valid token')
   * ```
   */
  isAuthenticated(token: string): Promise<boolean>

  /**
   * Tells whether a token is active and meets the demands.
   *
   * @throws {ClaimcheckError} when no trustworthy answer can be had; codes as for `introspect`
   * @throws {TypeError} or {RangeError} for wrong demands, as `authorize` does
   * @example
   * ```ts
   * const mayGrade = await claims.isAuthorized(token, { role: 'teacher', context: 'course:123' })
   * console.log(mayGrade)
   * ```
   */
  isAuthorized(token: string, needs: Requirements): Promise<boolean>

  /**
   * Reports the state of the client, how stale its answers may be right now, and what it has counted. Costs no I/O.
   *
   * @example
   * ```ts
   * const { state, lastProblem } = claims.health()
   * if (state !== 'fresh') console.log(state, lastProblem)
   * ```
   */
  health(): ClientHealth

  /**
   * Closes the connection to the feed, drops the cache and stops all timers. Look-ups under way fail with
   * `ERR_CLAIMCHECK_CLOSED`, and so does every later call that needs one. A second call has no effect.
   *
   * @example
   * ```ts
   * process.once('SIGTERM', () => claims.close())
   * ```
   */
  close(): void
}

/** A bulk change of roles raises one mark for each of its contexts. */
const MARKS_PER_PARTITION = 1_024
const RETRY_SPREAD_MS = 100
const NO_OPTIONS: LookupOptions = Object.freeze({})

/**
 * Makes a client and starts to connect it to the issuer's feed, in the background: the client can be used at once, and asks
 * the service until the feed is connected. A server without a feed is used as any RFC 7662 server.
 *
 * @param options - the issuer, this service's credentials, and limits
 * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`, naming the option
 * that is wrong or unknown
 * @see [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3), by which the service is found
 * @example
 * ```ts
 * import { createClient } from '@claimcheck/client'
 *
 * const client = createClient({
 *   issuer: 'https://issuer.example',
 *   clientId: 'grades-api',
 *   clientSecret: 'from your secret store',
 * })
 * ```
 */
export function createClient(options: ClientOptions): Client {
  const closing = new AbortController()
  const parts = assemble(resolveOptions(options), closing.signal)
  const { answers, keeper, resolver } = parts
  keeper.start(answers)
  // Functions instead of methods, so that a caller may take them apart: `const { authorize } = createClient(…)`.
  return {
    peek: (token) => resolver.peek(token),
    introspect: async (token, options = NO_OPTIONS) =>
      (await resolver.resolve(token, options, false)).answer,
    async authorize(token, needs, options = NO_OPTIONS) {
      assertDemands(needs)
      try {
        return await decide(resolver, token, needs, options)
      } catch (error) {
        if (error instanceof ClaimcheckError) return UNAVAILABLE
        throw error
      }
    },
    isAuthenticated: async (token) =>
      isActive((await resolver.resolve(token, NO_OPTIONS, false)).answer),
    async isAuthorized(token, needs) {
      assertDemands(needs)
      return (await decide(resolver, token, needs, NO_OPTIONS)).ok
    },
    health: () => healthOf(parts, closing.signal.aborted),
    close() {
      if (closing.signal.aborted) return
      closing.abort()
      keeper.close()
      answers.clear()
    },
  }
}

type Parts = ReturnType<typeof assemble>

function assemble(options: ResolvedOptions, closing: AbortSignal) {
  const { environment, maxStalenessMs: boundMs, clientId } = options
  const clock = createElapsedClock(environment)
  const { now } = clock
  const counts = createCounts()
  const send = createSend({ ...options, closing })
  const discover = createDiscovery(options.issuer, send)
  const authorization = basicAuthorization(clientId, options.clientSecret)
  const freshness = createFreshness({ boundMs, marksPerPartition: MARKS_PER_PARTITION })
  const keeper = new FeedKeeper({ options, authorization, discover, freshness, counts, now })
  const entries = createEntryCache(options)
  const negatives = createNegativeCache(options.maxNegatives)
  const answers = createAnswers({
    entries,
    negatives,
    freshness,
    boundMs,
    lateMs: boundMs === 0 ? options.timeoutMs : boundMs,
    clientId,
    mode: () => keeper.mode(),
  })
  const lookups = new Lookups({
    ...options,
    introspector: createIntrospector({ discover, send, authorization }),
    now,
    pauseBeforeRetry: () =>
      new Promise((resolve) => setTimeout(resolve, environment.random() * RETRY_SPREAD_MS)),
  })
  const resolver = new Resolver({ answers, lookups, keeper, clock, counts, boundMs, closing })
  return { boundMs, now, counts, freshness, keeper, entries, negatives, answers, lookups, resolver }
}

async function decide(
  resolver: Resolver,
  token: string | undefined,
  needs: Requirements,
  options: AuthorizeOptions,
): Promise<Decision> {
  if (token === undefined || token === '') return MISSING_TOKEN
  const lookup = { ...options, contexts: placesOf(needs) }
  const { answer, source, asOf } = await resolver.resolve(token, lookup, true)
  const refusal = refuse(answer, needs)
  if (refusal !== undefined) return refusal
  if (!isActive(answer)) return INVALID_TOKEN
  const { wall, elapsed } = resolver.moment()
  return { ok: true, claims: answer, source, asOf: Math.round(wall - (elapsed - asOf)) }
}

function healthOf(parts: Parts, isClosed: boolean): ClientHealth {
  const { keeper, entries, negatives, lookups, resolver, counts } = parts
  return {
    ...keeper.state(),
    stalenessMs: isClosed ? undefined : stalenessMs(parts),
    lagMs: keeper.lagMs(),
    entries: entries.size,
    entryBytes: entries.bytes,
    negatives: negatives.size,
    pendingLookups: lookups.pending,
    lastProblem: resolver.lastProblem ?? keeper.lastProblem(),
    counts: { ...counts, discarded: { ...counts.discarded } },
  }
}

/** How old the facts that are served may be; `undefined` when none are. */
function stalenessMs({ keeper, freshness, boundMs, now }: Parts): number | undefined {
  if (keeper.mode() === 'ttl') return boundMs
  const elapsed = now()
  if (keeper.mode() === 'none' || !freshness.isLeased(elapsed)) return undefined
  return Math.max(0, elapsed - (freshness.leaseUntil() - boundMs))
}
