/**
 * The client: the cache in front, the service behind, the feed keeping both in step. What may be served and kept is
 * decided by answers.ts and freshness.ts; this file brings the parts together and counts what they do.
 */
import { createAnswers, type Moment } from './answers.ts'
import {
  type Decision,
  INVALID_TOKEN,
  isActive,
  MISSING_TOKEN,
  type Requirements,
  refuse,
  type Source,
  UNAVAILABLE,
} from './decision.ts'
import { publishDiscard, publishStale } from './diagnostics.ts'
import { createDiscovery } from './discovery.ts'
import { createElapsedClock } from './elapsed-clock.ts'
import { basicAuthorization, createSend } from './endpoint.ts'
import { createEntryCache } from './entry-cache.ts'
import { ClaimcheckError, invalidArgument, invalidType } from './errors.ts'
import { createFeedKeeper } from './feed-keeper.ts'
import { createFreshness } from './freshness.ts'
import { type ClientHealth, createCounts, type DiscardReason } from './health.ts'
import { createIntrospector } from './introspector.ts'
import { createLookups, type Question } from './lookups.ts'
import { createNegativeCache } from './negative-cache.ts'
import { type ClientOptions, resolveOptions } from './options.ts'
import { INACTIVE } from './reply.ts'
import type { IntrospectionResponse } from './wire/index.ts'

/** How to look a token up. */
export interface LookupOptions {
  /** Contexts to resolve roles in, such as `course:123`. */
  readonly contexts?: readonly string[]
  /** `bounded` (default): the cache within the staleness bound. `live`: the service, asked after this call. */
  readonly freshness?: 'bounded' | 'live'
  /**
   * Serve facts up to this much older than the staleness bound when the service is out of reach, in milliseconds. Default
   * is 0: refuse. Each such answer is counted and published.
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
   * @throws {RangeError} for a demand that is misspelt, or a role or permission without its context
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

interface Facts {
  readonly answer: IntrospectionResponse
  readonly source: Source
  /** Elapsed milliseconds: changes made before are included. */
  readonly asOf: number
}

const MARKS_PER_PARTITION = 256
const RETRY_SPREAD_MS = 100
const MAX_TOKEN_LENGTH = 4_096
/** What may stand behind `Bearer` (RFC 6750 §2.1). */
const B64_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
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
  const { surroundings, maxStalenessMs: boundMs } = resolved
  const now = createElapsedClock(surroundings)
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
  const answers = createAnswers({ entries, negatives, freshness, boundMs, clientId, mode })
  const lookups = createLookups({
    ...resolved,
    introspect: createIntrospector({ discover, send, authorization }),
    now,
    pauseBeforeRetry: () =>
      new Promise((resolve) => setTimeout(resolve, surroundings.random() * RETRY_SPREAD_MS)),
  })
  let lookupProblem: string | undefined

  const moment = (): Moment => ({ elapsed: now(), wall: surroundings.wall() })

  function fromCache(key: string): Facts | undefined {
    const at = moment()
    const entry = answers.find(key, at)
    if (entry !== undefined) {
      counts.hits += 1
      return { answer: entry.answer, source: 'cache', asOf: answers.asOf(entry) }
    }
    if (!answers.isVoid(key, at.elapsed)) return undefined
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
    const settled = answers.settle(question.key, landed, moment())
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

  function fromStale(key: string, allowMs: number, error: unknown): Facts {
    const at = moment()
    const entry = allowMs > 0 ? answers.findStale(key, at, allowMs) : undefined
    if (entry === undefined) throw error
    const asOf = answers.asOf(entry)
    counts.staleServed += 1
    publishStale({ staleForMs: Math.round(at.elapsed - asOf) })
    return { answer: entry.answer, source: 'stale', asOf }
  }

  async function resolve(token: string, options: LookupOptions): Promise<Facts> {
    if (closing.signal.aborted)
      throw new ClaimcheckError('ERR_CLAIMCHECK_CLOSED', 'the client is closed')
    const { freshness: wanted = 'bounded', allowStaleMs = 0 } = options
    if (wanted !== 'bounded' && wanted !== 'live') {
      throw invalidArgument('freshness', 'must be "bounded" or "live"')
    }
    if (!isPresentable(token)) return { answer: INACTIVE, source: 'cache', asOf: now() }
    const contexts = contextsOf(options)
    const key = contexts === '' ? token : `${token} ${contexts}`
    const known = wanted === 'bounded' ? fromCache(key) : undefined
    if (known !== undefined) return known
    try {
      return await fromService({ key, token, contexts }, wanted === 'live')
    } catch (error) {
      lookupProblem = error instanceof Error ? error.message : String(error)
      return fromStale(key, allowStaleMs, error)
    }
  }

  async function decide(
    token: string | undefined,
    needs: Requirements,
    options: AuthorizeOptions,
  ): Promise<Decision> {
    if (token === undefined || token === '') return MISSING_TOKEN
    const { context } = needs
    const contexts = context === undefined || context === '*' ? [] : [context]
    const { answer, source, asOf } = await resolve(token, { ...options, contexts })
    const refusal = refuse(answer, needs)
    if (refusal !== undefined) return refusal
    if (!isActive(answer)) return INVALID_TOKEN
    const { wall, elapsed } = moment()
    return { ok: true, claims: answer, source, asOf: Math.round(wall - (elapsed - asOf)) }
  }

  keeper.start(answers)
  return {
    peek(token) {
      return fromCache(token)?.answer
    },

    introspect: async (token, options = NO_OPTIONS) => (await resolve(token, options)).answer,

    async authorize(token, needs, options = NO_OPTIONS) {
      assertNeeds(needs)
      try {
        return await decide(token, needs, options)
      } catch (error) {
        if (error instanceof ClaimcheckError) return UNAVAILABLE
        throw error
      }
    },

    isAuthenticated: async (token) => isActive((await resolve(token, NO_OPTIONS)).answer),

    async isAuthorized(token, needs) {
      assertNeeds(needs)
      return (await decide(token, needs, NO_OPTIONS)).ok
    },

    health() {
      const elapsed = now()
      const isServing = keeper.mode() === 'feed' ? freshness.isLeased(elapsed) : mode() === 'ttl'
      const leasedAt = freshness.leaseUntil() - boundMs
      return {
        ...keeper.state(),
        stalenessMs: isServing
          ? mode() === 'ttl'
            ? boundMs
            : Math.max(0, elapsed - leasedAt)
          : undefined,
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

/** What could not stand behind `Bearer` was never issued, and is not worth asking about. */
function isPresentable(token: unknown): boolean {
  if (typeof token !== 'string') throw invalidType('token', 'must be a string')
  return token.length <= MAX_TOKEN_LENGTH && B64_TOKEN.test(token)
}

function contextsOf({ contexts = [] }: LookupOptions): string {
  for (const context of contexts) {
    if (typeof context !== 'string' || !/^[\x21-\x7e]+$/.test(context)) {
      throw invalidArgument('contexts', 'must be names such as "course:123", without spaces')
    }
  }
  return [...new Set(contexts)].sort().join(' ')
}

const DEMANDS: ReadonlySet<string> = new Set(['scope', 'audience', 'role', 'permission', 'context'])
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * A demand that is misspelt would be an open door, and so would a role that forgets where it holds: the commonest hole in
 * authorization.
 */
function assertNeeds(needs: Requirements): void {
  for (const name of Object.keys(needs)) {
    if (!DEMANDS.has(name)) throw invalidArgument(name, 'is not a demand')
  }
  const { scope, role, permission, context } = needs
  if (scope !== undefined && !SCOPES.test(scope)) {
    throw invalidArgument('scope', 'must be scopes separated by single spaces')
  }
  if (context !== undefined || (role === undefined && permission === undefined)) return
  throw invalidArgument(
    'context',
    'must say where the role or permission holds; "*" says everywhere on purpose',
  )
}
