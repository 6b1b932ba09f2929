/**
 * Finds the facts about a token: in the cache, from the service, or in an outage from a stale entry. What may be served and
 * stored is decided by cache/answers.ts and cache/freshness.ts.
 */
import { type Answers, entryKey, type Moment } from './cache/answers.ts'
import type { Entry } from './cache/entry.ts'
import { INACTIVE } from './cache/reply.ts'
import { isComplete, type Source } from './decision.ts'
import { contextsOf, isPresentable, type LookupOptions, lookupRules } from './demands.ts'
import { publishDiscard, publishStale } from './diagnostics.ts'
import { ClaimcheckError, isOutage, messageOf } from './errors.ts'
import type { FeedKeeper } from './feed/keeper.ts'
import type { ClientCounts, DiscardReason } from './health.ts'
import type { Lookups, Question } from './service/lookups.ts'
import type { ElapsedClock } from './time/elapsed-clock.ts'
import { type IntrospectionResponse, isTokenShaped } from './wire/index.ts'

/** What is known about a token. */
export interface Facts {
  readonly answer: IntrospectionResponse
  readonly source: Source
  /** Elapsed milliseconds: changes made before are included. */
  readonly asOf: number
}

/** The parts of a resolver. */
export interface ResolverOptions {
  readonly answers: Answers
  readonly lookups: Lookups
  readonly keeper: FeedKeeper
  readonly clock: ElapsedClock
  readonly counts: ClientCounts
  /** Staleness bound in milliseconds. */
  readonly boundMs: number
  /** Aborted when the client is closed. */
  readonly closing: AbortSignal
}

/** A question, and whether an answer without contexts decides it too, if that answer is complete. */
interface Search extends Question {
  readonly takesComplete: boolean
}

/** Resolves the tokens of one client. */
export class Resolver {
  readonly #parts: ResolverOptions
  #problem: string | undefined

  constructor(parts: ResolverOptions) {
    this.#parts = parts
  }

  /** Why the last look-up failed; `undefined` after one that did not. */
  get lastProblem(): string | undefined {
    return this.#problem
  }

  /** Both clocks now. */
  moment(): Moment {
    const { clock } = this.#parts
    return { elapsed: clock.now(), wall: clock.wall }
  }

  /** The answer in the cache. The shortest path: it makes no `Facts` and checks no shape. */
  peek(token: string): IntrospectionResponse | undefined {
    const { answers, counts } = this.#parts
    const at = this.moment()
    const entry = answers.find(token, at)
    if (entry !== undefined) {
      counts.hits += 1
      return entry.answer
    }
    if (!answers.isVoid(token, at.elapsed)) return undefined
    counts.negativeHits += 1
    return INACTIVE
  }

  /**
   * The facts, from the cache within the bound or else from the service.
   *
   * @param takesComplete whether an answer without contexts will do, if it is complete
   * @throws {ClaimcheckError} when there is no trustworthy answer
   */
  async resolve(token: string, options: LookupOptions, takesComplete: boolean): Promise<Facts> {
    const { closing, boundMs } = this.#parts
    if (closing.aborted) throw new ClaimcheckError('ERR_CLAIMCHECK_CLOSED', 'the client is closed')
    const { freshness, allowStaleMs } = lookupRules(options)
    const contexts = contextsOf(options.contexts ?? [])
    if (!this.#mayBeIssued(token)) {
      return { answer: INACTIVE, source: 'cache', asOf: this.moment().elapsed }
    }
    // With a bound of 0, even an answer that another caller asked for a moment ago is too old.
    const live = freshness === 'live' || boundMs === 0
    const search = { key: entryKey(token, contexts), token, contexts, takesComplete }
    const known = live ? undefined : this.#fromCache(search)
    if (known !== undefined) return known
    try {
      return await this.#fromService(search, live)
    } catch (error) {
      this.#problem = messageOf(error)
      return this.#fromStale(search, allowStaleMs, error)
    }
  }

  /** A server with a feed issues tokens of one shape. Of other servers, only the syntax of a bearer token is known. */
  #mayBeIssued(token: string): boolean {
    return isPresentable(token) && (this.#parts.keeper.mode() !== 'feed' || isTokenShaped(token))
  }

  #fromCache(search: Search): Facts | undefined {
    const { answers, counts } = this.#parts
    const at = this.moment()
    const entry = entryFor(search, (key) => answers.find(key, at))
    if (entry !== undefined) {
      counts.hits += 1
      return { answer: entry.answer, source: 'cache', asOf: answers.asOf(entry) }
    }
    if (!answers.isVoid(search.token, at.elapsed)) return undefined
    counts.negativeHits += 1
    return { answer: INACTIVE, source: 'cache', asOf: at.elapsed }
  }

  /** Asks a second time when the first answer was older than a known change. */
  async #fromService(question: Question, live: boolean): Promise<Facts> {
    const facts = (await this.#ask(question, live)) ?? (await this.#ask(question, true))
    if (facts !== undefined) return facts
    throw new ClaimcheckError(
      'ERR_CLAIMCHECK_STALE',
      'no answer can be trusted: each was older than a known change, or met an internal fault',
    )
  }

  /** One look-up at the service; `undefined` when its answer must not be returned. */
  async #ask(question: Question, live: boolean): Promise<Facts | undefined> {
    const { answers, counts, lookups, keeper } = this.#parts
    counts.liveLookups += 1
    try {
      const landed = await lookups.ask(question, live)
      const { token, contexts } = question
      const settled = answers.settle(token, landed, this.moment(), contexts)
      if (settled.kind !== 'kept') this.#discard(settled.reason)
      if (settled.kind === 'refused') return undefined
      this.#problem = undefined
      return { answer: landed.reply.answer, source: 'live', asOf: landed.askedAt }
    } catch (error) {
      if (error instanceof ClaimcheckError) throw error
      // Any other error is a defect of this library, and may have left a change of the cache half done.
      keeper.startOver(error)
      return undefined
    }
  }

  #discard(reason: DiscardReason): void {
    this.#parts.counts.discarded[reason] += 1
    publishDiscard({ reason })
  }

  #fromStale(search: Search, allowMs: number, error: unknown): Facts {
    if (allowMs === 0 || !isOutage(error)) throw error
    const { answers, counts } = this.#parts
    const at = this.moment()
    const entry = entryFor(search, (key) => answers.findStale(key, at, allowMs))
    if (entry === undefined) throw error
    const asOf = answers.asOf(entry)
    counts.staleServed += 1
    publishStale({ staleForMs: Math.round(at.elapsed - asOf) })
    return { answer: entry.answer, source: 'stale', asOf }
  }
}

/** The entry that decides a search: its own, or the one that names all contexts. */
function entryFor(
  { key, token, takesComplete }: Search,
  find: (key: string) => Entry | undefined,
): Entry | undefined {
  const own = find(key)
  if (own !== undefined || !takesComplete || key === token) return own
  const plain = find(token)
  return plain !== undefined && isComplete(plain.answer) ? plain : undefined
}
