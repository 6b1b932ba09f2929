/**
 * The cache as one thing: which answer may be given at once, what becomes of one that arrives, what an event takes away.
 * Pure, like the protocol it obeys: time is passed in, nothing is sent or awaited.
 *
 * With a feed, entries are served while a lease lasts; void tokens are remembered until there is no room, because a void
 * token never becomes valid again (a change of our own registration clears them). Without a feed both live for the
 * staleness bound. In either case nothing is served at or past its `exp`, by the larger of two measures: this machine's
 * clock, and the server's clock at the time of the answer plus what has elapsed since we asked. Nor is it once what its
 * stamp says was left of a role in it has elapsed since we asked; that takes no clock but the partition's.
 *
 * One token has an entry for each set of contexts it was asked about, but is void in all of them or in none.
 */
import { isActive } from '../decision.ts'
import type { DiscardReason } from '../health.ts'
import type { ActiveToken } from '../wire/index.ts'
import type { Entry, EntryCache } from './entry-cache.ts'
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
  /** May be returned to whoever asked. */
  | { readonly kind: 'passed'; readonly reason: DiscardReason }
  /** Must not be returned. */
  | { readonly kind: 'refused'; readonly reason: DiscardReason }

/** How entries stay good: `feed` by leases, `ttl` for the staleness bound, `none` not at all. */
export type CacheMode = 'feed' | 'ttl' | 'none'

/** The cache of a client. */
export interface Answers {
  /** The entry of a key, if it may be served at this moment. */
  find(key: string, moment: Moment): Entry | undefined
  /** Whether a token is known to be void. */
  isVoid(token: string, elapsed: number): boolean
  /** The entry of a key, if it was good no longer than `allowMs` ago; for callers who opted in. */
  findStale(key: string, moment: Moment, allowMs: number): Entry | undefined
  /** @param contexts what the token was asked about in, space-separated; by default nothing */
  settle(token: string, landed: Landed, moment: Moment, contexts?: string): Settled
  apply(effects: readonly Effect[]): void
  /** Elapsed milliseconds up to which changes are included in what is served from an entry. */
  asOf(entry: Entry): number
  clear(): void
}

/** What the cache is made from. */
export interface AnswersOptions {
  readonly entries: EntryCache
  readonly negatives: NegativeCache
  readonly freshness: Freshness
  /** Staleness bound in milliseconds. */
  readonly boundMs: number
  /** How old an answer may be when it arrives, in milliseconds; the bound unless given. */
  readonly lateMs?: number
  /** Our own client id: a change of it decides which tokens are ours. */
  readonly clientId: string
  /** May change once the server is known. */
  readonly mode: () => CacheMode
}

/** Outside any partition, for servers without a feed. */
const NO_PARTITION = 0
/** What an answer takes in memory for each byte of its text; short answers less, for they have much in common with others. */
const MEMORY_PER_BYTE = 1.5
/** What an entry takes besides its answer: the object and its places in the indexes. */
const ENTRY_OVERHEAD_BYTES = 200
/** What each context it was asked for in, and each token it came from, takes besides: names and index slots. */
const NAME_OVERHEAD_BYTES = 300
/** HTTP dates are cut to whole seconds. */
const DATE_GRANULARITY_MS = 1_000

const KEPT: Settled = { kind: 'kept' }

/** The key of an entry: a token, and the contexts it was asked about in (space-separated, '' for none). */
export function entryKey(token: string, contexts: string): string {
  return contexts === '' ? token : `${token} ${contexts}`
}

/** Makes an empty cache. */
export function createAnswers(options: AnswersOptions): Answers {
  const { entries, negatives, freshness, boundMs, lateMs = boundMs, clientId, mode } = options
  /** Elapsed milliseconds at which the negatives were last cleared. */
  let negativesClearedAt = Number.NEGATIVE_INFINITY

  function isUnexpired(entry: Entry, { elapsed, wall }: Moment): boolean {
    return elapsed < entry.expiresAt && wall < entry.expiresAtWall
  }

  function clearNegatives(at: number): void {
    negatives.clear()
    negativesClearedAt = Math.max(negativesClearedAt, at)
  }

  /** A change of our own registration: what we may see of every token is another now. */
  function forgetOwn(partition: number, at: number): void {
    entries.reset(partition)
    freshness.fence(partition, at)
    clearNegatives(at)
  }

  function keepVoid(token: string, contexts: string, askedAt: number): void {
    entries.delete(token)
    entries.delete(entryKey(token, contexts))
    // What was void before the change that cleared the negatives need not be void after it.
    if (askedAt <= negativesClearedAt) return
    negatives.add(token, mode() === 'feed' ? Number.POSITIVE_INFINITY : askedAt + boundMs)
  }

  function keep(token: string, contexts: string, answer: ActiveToken, landed: Landed): Settled {
    const { reply, askedAt } = landed
    const key = entryKey(token, contexts)
    const groups = groupsOf(answer, contexts)
    const isFeed = mode() === 'feed'
    const { stamp } = reply
    // An answer that names no expiry would be served by a feed for ever.
    const isMarked = groups !== undefined && stamp !== undefined && answer.exp !== undefined
    if (isFeed && !isMarked) return passed('unmarked')
    if (isFeed && groups !== undefined && stamp !== undefined) {
      const verdict = freshness.judge(stamp, groups, askedAt)
      if (verdict === 'stale') return { kind: 'refused', reason: 'stale' }
      if (verdict === 'pass') return passed('unsynced')
    }
    const { exp = Number.POSITIVE_INFINITY } = answer
    const { leftMs = Number.POSITIVE_INFINITY } = stamp ?? {}
    const names = (groups?.contexts?.length ?? 0) + (groups?.origins?.length ?? 0)
    entries.set(
      new KeptAnswer({
        key,
        answer,
        partition: stamp?.partition ?? NO_PARTITION,
        seq: stamp?.seq ?? 0,
        expiresAt: askedAt + Math.min(leftMs, remainingMs(exp, reply)),
        livesMs: isFeed ? undefined : boundMs,
        askedAt,
        bytes: Math.ceil(
          key.length +
            MEMORY_PER_BYTE * reply.bytes +
            ENTRY_OVERHEAD_BYTES +
            names * NAME_OVERHEAD_BYTES,
        ),
      }),
    )
    return KEPT
  }

  return {
    find(key, moment) {
      const entry = entries.get(key)
      if (entry === undefined || !isUnexpired(entry, moment)) return undefined
      if (moment.elapsed >= entry.liveUntil) return undefined
      if (mode() === 'feed' && !freshness.isLeased(moment.elapsed)) return undefined
      entry.isUsed = true
      return entry
    },

    isVoid: (token, elapsed) => negatives.has(token, elapsed),

    findStale(key, moment, allowMs) {
      const entry = entries.get(key)
      if (entry === undefined || !isUnexpired(entry, moment)) return undefined
      const goodUntil = mode() === 'feed' ? freshness.leaseUntil() : entry.liveUntil
      return moment.elapsed < goodUntil + allowMs ? entry : undefined
    },

    settle(token, landed, moment, contexts = '') {
      const { answer } = landed.reply
      if (moment.elapsed - landed.askedAt > lateMs) {
        return { kind: 'refused', reason: 'late' }
      }
      if (mode() === 'none') return KEPT
      if (!isActive(answer)) {
        keepVoid(token, contexts, landed.askedAt)
        return KEPT
      }
      return keep(token, contexts, answer, landed)
    },

    apply(effects) {
      for (const effect of effects) {
        if (effect.kind === 'reset') {
          entries.reset(effect.partition)
          // Among the changes that were missed may be one of our own registration.
          clearNegatives(effect.at)
        } else if (effect.kind === 'reset-all') {
          entries.clear()
          clearNegatives(effect.at)
        } else if (effect.kind === 'invalidate') {
          const { event } = effect
          entries.invalidate(effect.partition, effect.seq, event)
          if (event.type === 'client' && event.client_id === clientId) {
            forgetOwn(effect.partition, effect.at)
          }
        }
      }
    },

    asOf: (entry) =>
      mode() === 'feed' ? Math.max(entry.askedAt, freshness.leaseUntil() - boundMs) : entry.askedAt,

    clear() {
      entries.clear()
      negatives.clear()
    },
  }
}

function passed(reason: DiscardReason): Settled {
  return { kind: 'passed', reason }
}

/** What was left of the token when the server answered, as its own clock saw it. */
function remainingMs(exp: number, { serverTimeMs }: Reply): number {
  if (serverTimeMs === undefined) return Number.POSITIVE_INFINITY
  return exp * 1_000 - serverTimeMs - DATE_GRANULARITY_MS
}
