/**
 * The cache as a whole: which answer may be served at once, what becomes of an answer that arrives, and what an event drops.
 * Like the protocol it obeys, it has no I/O; time is passed in.
 *
 * With a feed, entries are served while a lease lasts. Void tokens are remembered as long as there is room, because a void
 * token never becomes valid again; a change of this client's registration clears them. Without a feed, both live for the
 * staleness bound.
 *
 * No answer is served at or after its `exp`, by the earlier of two measures: this machine's clock, and the server's clock at
 * the time of the answer plus the time elapsed since the request. An answer with a role that ends is served no longer than
 * its stamp allows (`leftMs`), counted from the request; this uses the clock of the partition alone.
 *
 * A token has one entry for each set of contexts it was asked about, but is void in all contexts or in none.
 */
import { isActive } from '../decision.ts'
import type { DiscardReason } from '../health.ts'
import { assertInvariant } from '../invariant.ts'
import type { ActiveToken } from '../wire/index.ts'
import type { Entry } from './entry.ts'
import type { EntryCache } from './entry-cache.ts'
import type { Effect, Freshness } from './freshness.ts'
import { groupsOf } from './groups.ts'
import { KeptAnswer } from './kept-answer.ts'
import type { NegativeCache } from './negative-cache.ts'
import type { Landed, Reply } from './reply.ts'

/** Both clocks at one moment: elapsed milliseconds, and epoch milliseconds. */
export interface Moment {
  readonly elapsed: number
  readonly wall: number
}

/** What has become of an answer that arrived. */
export type Settled =
  | { readonly kind: 'kept' }
  /** Not kept, but may be returned to the caller. */
  | { readonly kind: 'passed'; readonly reason: DiscardReason }
  /** Must not be returned. */
  | { readonly kind: 'refused'; readonly reason: DiscardReason }

/** How entries stay valid: `feed` by leases, `ttl` for the staleness bound, `none` not at all. */
export type CacheMode = 'feed' | 'ttl' | 'none'

/** The parts and limits of a cache. */
export interface AnswersOptions {
  readonly entries: EntryCache
  readonly negatives: NegativeCache
  readonly freshness: Freshness
  /** Staleness bound in milliseconds. */
  readonly boundMs: number
  /** How old an answer may be when it arrives, in milliseconds. By default the bound. */
  readonly lateMs?: number
  /** This client's own id: a change of its registration changes which tokens are valid here. */
  readonly clientId: string
  /** Asked each time, because it changes once the server is known. */
  readonly mode: () => CacheMode
}

/** Partition of answers from servers without a feed. */
const NO_PARTITION = 0
/** Memory of an answer for each byte of its text. Short answers take less, because they share more with others. */
const MEMORY_PER_BYTE = 1.5
/** Memory of an entry besides its answer: the object and its places in the indexes. */
const ENTRY_OVERHEAD_BYTES = 200
/** Memory for each context the answer was asked in, and for each origin of its token: names and index places. */
const NAME_OVERHEAD_BYTES = 300
/** HTTP dates are rounded down to whole seconds. */
const DATE_GRANULARITY_MS = 1_000

const KEPT: Settled = { kind: 'kept' }
const STALE: Settled = { kind: 'refused', reason: 'stale' }

/** The key of an entry: a token, and the contexts it was asked about in (space-separated, '' for none). */
export function entryKey(token: string, contexts: string): string {
  return contexts === '' ? token : `${token} ${contexts}`
}

/** The cache of a client. */
export class Answers {
  readonly #options: AnswersOptions
  /** Elapsed milliseconds at which the negatives were last cleared. */
  #negativesClearedAt = Number.NEGATIVE_INFINITY

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  /** The entry of a key, if it may be served at this moment. */
  find(key: string, moment: Moment): Entry | undefined {
    const { entries, freshness, mode } = this.#options
    const entry = entries.get(key)
    if (entry === undefined || !isUnexpired(entry, moment)) return undefined
    if (moment.elapsed >= entry.liveUntil) return undefined
    if (mode() === 'feed' && !freshness.isLeased(moment.elapsed)) return undefined
    entry.isUsed = true
    return entry
  }

  /** The entry of a key, if it could be served at most `allowMs` ago; for callers that opted in. */
  findStale(key: string, moment: Moment, allowMs: number): Entry | undefined {
    const { entries, freshness, mode } = this.#options
    const entry = entries.get(key)
    if (entry === undefined || !isUnexpired(entry, moment)) return undefined
    const goodUntil = mode() === 'feed' ? freshness.leaseUntil() : entry.liveUntil
    return moment.elapsed < goodUntil + allowMs ? entry : undefined
  }

  /** Whether a token is known to be void. */
  isVoid(token: string, elapsed: number): boolean {
    return this.#options.negatives.has(token, elapsed)
  }

  /** Elapsed milliseconds up to which changes are included in what is served from an entry. */
  asOf({ askedAt }: Entry): number {
    if (this.#options.mode() !== 'feed') return askedAt
    return Math.max(askedAt, this.#options.freshness.leaseUntil() - this.#options.boundMs)
  }

  /**
   * Takes in an answer that has arrived.
   *
   * @param contexts what the token was asked about in, space-separated; by default nothing
   */
  settle(token: string, landed: Landed, { elapsed }: Moment, contexts = ''): Settled {
    const { boundMs, lateMs = boundMs, mode } = this.#options
    const { reply, askedAt } = landed
    // All ends of an entry are counted from the request; a request in the future would make them all too late.
    assertInvariant(askedAt <= elapsed, 'an answer arrives after its request')
    if (elapsed - askedAt > lateMs) return { kind: 'refused', reason: 'late' }
    if (mode() === 'none') return KEPT
    if (isActive(reply.answer)) return this.#keep(token, contexts, reply.answer, landed)
    this.#keepVoid(token, contexts, askedAt)
    return KEPT
  }

  /** Does what a frame of the feed demands. */
  apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'reset') {
        this.#options.entries.reset(effect.partition)
        // One of the missed changes may have been of this client's registration.
        this.#clearNegatives(effect.at)
      } else if (effect.kind === 'reset-all') {
        this.#options.entries.clear()
        this.#clearNegatives(effect.at)
      } else if (effect.kind === 'invalidate') {
        const { partition, seq, event, at } = effect
        this.#options.entries.invalidate(partition, seq, event)
        if (event.type === 'client' && event.client_id === this.#options.clientId) {
          this.#forgetOwn(partition, at)
        }
      }
    }
  }

  /** Drops everything; for a client that is closed. */
  clear(): void {
    this.#options.entries.clear()
    this.#options.negatives.clear()
  }

  #clearNegatives(at: number): void {
    this.#options.negatives.clear()
    this.#negativesClearedAt = at
  }

  /** This client's registration has changed, so another set of tokens may be valid here. */
  #forgetOwn(partition: number, at: number): void {
    this.#options.entries.reset(partition)
    this.#options.freshness.refuseAskedUntil(partition, at)
    this.#clearNegatives(at)
  }

  #keepVoid(token: string, contexts: string, askedAt: number): void {
    this.#options.entries.delete(token)
    this.#options.entries.delete(entryKey(token, contexts))
    // The token may have become valid by the change that cleared the negatives.
    if (askedAt <= this.#negativesClearedAt) return
    const isFeed = this.#options.mode() === 'feed'
    this.#options.negatives.add(
      token,
      isFeed ? Number.POSITIVE_INFINITY : askedAt + this.#options.boundMs,
    )
  }

  #keep(token: string, contexts: string, answer: ActiveToken, landed: Landed): Settled {
    const { stamp } = landed.reply
    const groups = groupsOf(answer, contexts)
    if (this.#options.mode() === 'feed') {
      // A feed would serve an answer without `exp` for ever.
      if (groups === undefined || stamp === undefined || answer.exp === undefined) {
        return passed('unmarked')
      }
      const verdict = this.#options.freshness.judge(stamp, groups, landed.askedAt)
      if (verdict !== 'store') return verdict === 'stale' ? STALE : passed('unsynced')
    }
    const names = (groups?.contexts?.length ?? 0) + (groups?.origins?.length ?? 0)
    this.#options.entries.set(this.#entryOf(entryKey(token, contexts), answer, landed, names))
    return KEPT
  }

  #entryOf(key: string, answer: ActiveToken, { reply, askedAt }: Landed, names: number): Entry {
    const { stamp } = reply
    const { exp = Number.POSITIVE_INFINITY } = answer
    const { leftMs = Number.POSITIVE_INFINITY } = stamp ?? {}
    const bytes = key.length + MEMORY_PER_BYTE * reply.bytes + names * NAME_OVERHEAD_BYTES
    return new KeptAnswer({
      key,
      answer,
      partition: stamp?.partition ?? NO_PARTITION,
      seq: stamp?.seq ?? 0,
      expiresAt: askedAt + Math.min(leftMs, remainingMs(exp, reply)),
      livesMs: this.#options.mode() === 'feed' ? undefined : this.#options.boundMs,
      askedAt,
      bytes: Math.ceil(bytes + ENTRY_OVERHEAD_BYTES),
    })
  }
}

/** Makes an empty cache. */
export function createAnswers(options: AnswersOptions): Answers {
  return new Answers(options)
}

function isUnexpired(entry: Entry, { elapsed, wall }: Moment): boolean {
  return elapsed < entry.expiresAt && wall < entry.expiresAtWall
}

function passed(reason: DiscardReason): Settled {
  return { kind: 'passed', reason }
}

/** How long the token had to live when the server answered, by the server's clock. */
function remainingMs(exp: number, { serverTimeMs }: Reply): number {
  if (serverTimeMs === undefined) return Number.POSITIVE_INFINITY
  return exp * 1_000 - serverTimeMs - DATE_GRANULARITY_MS
}
