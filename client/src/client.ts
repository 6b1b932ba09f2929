/**
 * The client: the cache in front, the service behind, the feed keeping both in step. What may be served and kept is
 * decided by answers.ts and freshness.ts; this file brings the parts together and counts what they do.
 */
import { createAnswers, entryKey, type Moment } from './cache/answers.ts'
import { createEntryCache, type Entry } from './cache/entry-cache.ts'
import { createFreshness } from './cache/freshness.ts'
import { createNegativeCache } from './cache/negative-cache.ts'
import { INACTIVE } from './cache/reply.ts'
import {
  type Decision,
  INVALID_TOKEN,
  isActive,
  isComplete,
  MISSING_TOKEN,
  placesOf,
  type Requirements,
  refuse,
  type Source,
  UNAVAILABLE,
} from './decision.ts'
import { assertDemands, contextsOf, isPresentable, lookupRules } from './demands.ts'
import { publishDiscard, publishStale } from './diagnostics.ts'
import { ClaimcheckError, isOutage } from './errors.ts'
import { createFeedKeeper } from './feed/keeper.ts'
import { type ClientHealth, createCounts, type DiscardReason } from './health.ts'
import { type ClientOptions, resolveOptions } from './options.ts'
import { createDiscovery } from './service/discovery.ts'
import { basicAuthorization, createSend } from './service/endpoint.ts'
import { createIntrospector } from './service/introspector.ts'
import { createLookups, type Question } from './service/lookups.ts'
import { createElapsedClock } from './time/elapsed-clock.ts'
import { type IntrospectionResponse, isTokenShaped } from './wire/index.ts'

/** How to look a token up. */
export interface LookupOptions {
  /** Contexts to resolve roles in, such as `course:123`; at most 100. By default all, where there are few enough. */
  readonly contexts?: readonly string[]
  /** `bounded` (default): the cache within the staleness bound. `live`: the service, asked after this call. */
  readonly freshness?: 'bounded' | 'live'
  /**
   * Serve facts up to this much older than the staleness bound when the service is out of reach, in milliseconds. Default
   * is 0: refuse. Must be a non-negative integer. Each such answer is counted and published.
   */
  readonly allowStaleMs?: number
}

/** How to look the facts of a decision up; its context comes from the demands. */
export type AuthorizeOptions = Omit<LookupOptions, 'contexts'>

/** A client of one issuer. */
export interface Client {
  /**
   * What the cache knows, at once: the RFC 7662 answer, or `undefined` when only the service can tell. The object is
   * shared and frozen.
   */
  peek(token: string): IntrospectionResponse | undefined
  /**
   * What a token is worth: from the cache within the staleness bound, else from the service.
   *
   * @throws {ClaimcheckError} when the truth cannot be had; that never means that the token is inactive
   * @see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)
   * @example
   * ```ts
   * const answer = await claims.introspect(token)
   * if (answer.active) console.log(answer.sub)
   * ```
   */
  introspect(token: string, options?: LookupOptions): Promise<IntrospectionResponse>
  /**
   * Decides whether a request may go on. A refusal is a value with the status and header to answer with; an outage is
   * the refusal 503.
   *
   * @throws {TypeError} or {RangeError} for a demand that is misspelt, a role or permission without its context, or
   * parents without either
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
  /** Whether a token is active. @throws {ClaimcheckError} when the truth cannot be had */
  isAuthenticated(token: string): Promise<boolean>
  /** Whether a token is active and meets the demands. @throws {ClaimcheckError} when the truth cannot be had */
  isAuthorized(token: string, needs: Requirements): Promise<boolean>
  /** What the client is doing, and how stale it may be right now. */
  health(): ClientHealth
  /** Stops everything. Look-ups under way fail with `ERR_CLAIMCHECK_CLOSED`. */
  close(): void
}

/** A question, and whether an answer without contexts will do where it tells of all of them. */
interface Search extends Question {
  readonly takesComplete: boolean
}

interface Facts {
  readonly answer: IntrospectionResponse
  readonly source: Source
  /** Elapsed milliseconds: changes made before are included. */
  readonly asOf: number
}

/** A bulk change of roles in many contexts raises one for each. */
const MARKS_PER_PARTITION = 1_024
const RETRY_SPREAD_MS = 100
const NO_OPTIONS: LookupOptions = Object.freeze({})

/**
 * Makes a client and connects it to the issuer's feed.
 *
 * @throws {TypeError} or {RangeError} naming the option that is wrong
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
  const resolved = resolveOptions(options)
  const { environment, maxStalenessMs: boundMs } = resolved
  const clock = createElapsedClock(environment)
  const { now } = clock
  const closing = new AbortController()
  const counts = createCounts()
  const send = createSend({ ...resolved, closing: closing.signal })
  const discover = createDiscovery(resolved.issuer, send)
  const authorization = basicAuthorization(resolved.clientId, resolved.clientSecret)
  const freshness = createFreshness({ boundMs, marksPerPartition: MARKS_PER_PARTITION })
  const keeper = createFeedKeeper({
    options: resolved,
    authorization,
    discover,
    freshness,
    counts,
    now,
  })
  const entries = createEntryCache(resolved)
  const negatives = createNegativeCache(resolved.maxNegatives)
  const { mode } = keeper
  const { clientId } = resolved
  const answers = createAnswers({
    entries,
    negatives,
    freshness,
    boundMs,
    lateMs: boundMs === 0 ? resolved.timeoutMs : boundMs,
    clientId,
    mode,
  })
  const lookups = createLookups({
    ...resolved,
    introspector: createIntrospector({ discover, send, authorization }),
    now,
    pauseBeforeRetry: () =>
      new Promise((resolve) => setTimeout(resolve, environment.random() * RETRY_SPREAD_MS)),
  })
  let lookupProblem: string | undefined

  const moment = (): Moment => ({ elapsed: clock.now(), wall: clock.wall })

  /** The entry that decides a search: its own, or the one that tells of all contexts. */
  function entryFor(
    { key, token, takesComplete }: Search,
    find: (key: string) => Entry | undefined,
  ): Entry | undefined {
    const own = find(key)
    if (own !== undefined || !takesComplete || key === token) return own
    const plain = find(token)
    return plain !== undefined && isComplete(plain.answer) ? plain : undefined
  }

  function fromCache(search: Search): Facts | undefined {
    const at = moment()
    const entry = entryFor(search, (key) => answers.find(key, at))
    if (entry !== undefined) {
      counts.hits += 1
      return { answer: entry.answer, source: 'cache', asOf: answers.asOf(entry) }
    }
    if (!answers.isVoid(search.token, at.elapsed)) return undefined
    counts.negativeHits += 1
    return { answer: INACTIVE, source: 'cache', asOf: at.elapsed }
  }

  function discard(reason: DiscardReason): void {
    counts.discarded[reason] += 1
    publishDiscard({ reason })
  }

  /** One look-up at the service; `undefined` when its answer is known to be too old to be returned. */
  async function ask(question: Question, live: boolean): Promise<Facts | undefined> {
    counts.liveLookups += 1
    const landed = await lookups.ask(question, live)
    const settled = answers.settle(question.token, landed, moment(), question.contexts)
    if (settled.kind !== 'kept') discard(settled.reason)
    if (settled.kind === 'refused') return undefined
    lookupProblem = undefined
    return { answer: landed.reply.answer, source: 'live', asOf: landed.askedAt }
  }

  /** Asks once more when the first answer was overtaken by a change that is already known. */
  async function fromService(question: Question, live: boolean): Promise<Facts> {
    const facts = (await ask(question, live)) ?? (await ask(question, true))
    if (facts !== undefined) return facts
    throw new ClaimcheckError('ERR_CLAIMCHECK_STALE', 'every answer was older than a known change')
  }

  function fromStale(search: Search, allowMs: number, error: unknown): Facts {
    if (allowMs === 0 || !isOutage(error)) throw error
    const at = moment()
    const entry = entryFor(search, (key) => answers.findStale(key, at, allowMs))
    if (entry === undefined) throw error
    const asOf = answers.asOf(entry)
    counts.staleServed += 1
    publishStale({ staleForMs: Math.round(at.elapsed - asOf) })
    return { answer: entry.answer, source: 'stale', asOf }
  }

  /** A server with a feed issues tokens of one shape; of any other server it is only known what a header can hold. */
  function mayBeIssued(token: string): boolean {
    return isPresentable(token) && (mode() !== 'feed' || isTokenShaped(token))
  }

  /** How old the facts that are served may be; `undefined` when none are. */
  function stalenessMs(): number | undefined {
    if (closing.signal.aborted) return undefined
    if (mode() === 'ttl') return boundMs
    const elapsed = now()
    if (mode() === 'none' || !freshness.isLeased(elapsed)) return undefined
    return Math.max(0, elapsed - (freshness.leaseUntil() - boundMs))
  }

  async function resolve(
    token: string,
    options: LookupOptions,
    takesComplete = false,
  ): Promise<Facts> {
    if (closing.signal.aborted)
      throw new ClaimcheckError('ERR_CLAIMCHECK_CLOSED', 'the client is closed')
    const { freshness: wanted, allowStaleMs } = lookupRules(options)
    const contexts = contextsOf(options.contexts ?? [])
    if (!mayBeIssued(token)) return { answer: INACTIVE, source: 'cache', asOf: now() }
    // A bound of 0 leaves no room even for an answer that was asked for by somebody else a moment ago.
    const live = wanted === 'live' || boundMs === 0
    const search = { key: entryKey(token, contexts), token, contexts, takesComplete }
    const known = live ? undefined : fromCache(search)
    if (known !== undefined) return known
    try {
      return await fromService(search, live)
    } catch (error) {
      lookupProblem = error instanceof Error ? error.message : String(error)
      return fromStale(search, allowStaleMs, error)
    }
  }

  async function decide(
    token: string | undefined,
    needs: Requirements,
    options: AuthorizeOptions,
  ): Promise<Decision> {
    if (token === undefined || token === '') return MISSING_TOKEN
    const lookup = { ...options, contexts: placesOf(needs) }
    const { answer, source, asOf } = await resolve(token, lookup, true)
    const refusal = refuse(answer, needs)
    if (refusal !== undefined) return refusal
    if (!isActive(answer)) return INVALID_TOKEN
    const { wall, elapsed } = moment()
    return { ok: true, claims: answer, source, asOf: Math.round(wall - (elapsed - asOf)) }
  }

  keeper.start(answers)
  return {
    // The shortest way to the answer: no facts are put together, nothing but the clocks is asked.
    peek(token) {
      const at = moment()
      const entry = answers.find(token, at)
      if (entry !== undefined) {
        counts.hits += 1
        return entry.answer
      }
      if (!answers.isVoid(token, at.elapsed)) return undefined
      counts.negativeHits += 1
      return INACTIVE
    },

    introspect: async (token, options = NO_OPTIONS) => (await resolve(token, options)).answer,

    async authorize(token, needs, options = NO_OPTIONS) {
      assertDemands(needs)
      try {
        return await decide(token, needs, options)
      } catch (error) {
        if (error instanceof ClaimcheckError) return UNAVAILABLE
        throw error
      }
    },

    isAuthenticated: async (token) => isActive((await resolve(token, NO_OPTIONS)).answer),

    async isAuthorized(token, needs) {
      assertDemands(needs)
      return (await decide(token, needs, NO_OPTIONS)).ok
    },

    health() {
      return {
        ...keeper.state(),
        stalenessMs: stalenessMs(),
        lagMs: keeper.lagMs(),
        entries: entries.size,
        entryBytes: entries.bytes,
        negatives: negatives.size,
        pendingLookups: lookups.pending,
        lastProblem: lookupProblem ?? keeper.lastProblem(),
        counts: { ...counts, discarded: { ...counts.discarded } },
      }
    },

    close() {
      if (closing.signal.aborted) return
      closing.abort()
      keeper.close()
      answers.clear()
    },
  }
}
