/**
 * The protocol of the cache: what may be served, what may be stored, and what each frame of the feed changes.
 *
 * A pure state machine without I/O or timers. Time is passed in as elapsed milliseconds, which never run slower than real
 * time (time/elapsed-clock.ts). Each partition has an epoch, the last applied change, and marks of what was invalidated. One
 * lease covers all partitions.
 *
 *   unsynced   before the first `start`. Nothing is stored, nothing is served.
 *   synced     positions are known: answers may be stored.
 *   leased     synced, and a node answered a probe that was sent less than the bound ago: entries may be served.
 *
 * Transitions:
 *
 *   start         enters synced. Resets every partition whose history the node cannot continue.
 *   event         advances the partition by one. Anything else but a repeated event resets the partition.
 *   reset         drops the entries of the partition and takes the node's position. Refuses every answer that was asked for
 *                 before, and every answer that was read before the new position.
 *   lease         extends the lease, counted from when its probe was *sent*. Nothing else extends it: neither an open
 *                 socket nor an event.
 *   disconnected  forgets unanswered probes. The lease still holds for what it covers.
 *   startOver     returns to unsynced.
 */

import { assertInvariant } from '../invariant.ts'
import type {
  EventFrame,
  FeedCursor,
  FreshnessStamp,
  ServerFrame,
  StartFrame,
} from '../wire/index.ts'
import { type Groups, type SingleEvent, singleEvents } from './groups.ts'
import { createMarks, type Marks } from './marks.ts'

/** What the cache must do after a frame. `at` is the time of the frame in elapsed milliseconds. */
export type Effect =
  /** Drop all entries of the partition. */
  | { readonly kind: 'reset'; readonly partition: number; readonly at: number }
  /** Drop the entries of all partitions. */
  | { readonly kind: 'reset-all'; readonly at: number }
  /** Drop the entries that the event touches and that were read before it. */
  | {
      readonly kind: 'invalidate'
      readonly partition: number
      readonly seq: number
      readonly event: SingleEvent
      readonly at: number
    }
  /** The lease was extended. `sentAt` is when its probe was sent, in elapsed milliseconds. */
  | { readonly kind: 'leased'; readonly sentAt: number }

/** What may be done with an answer that has arrived. */
export type FillVerdict =
  | 'store'
  /** Return it once, but do not store it: the client is unsynced, or the answer is from another epoch. */
  | 'pass'
  /** Neither store nor return it: it is older than a known invalidation. */
  | 'stale'

/** Limits of the protocol. */
export interface FreshnessOptions {
  /** Staleness bound: how long a lease lasts from the sending of its probe, in milliseconds. */
  readonly boundMs: number
  /** Marks kept per partition. */
  readonly marksPerPartition: number
}

interface PartitionState {
  readonly epoch: string
  applied: number
  readonly marks: Marks
  /** Answers that were asked for up to this time are stale, in elapsed milliseconds. */
  refusedUntil: number
}

const NO_EFFECTS: readonly Effect[] = []

/** The protocol state of one client. */
export class Freshness {
  readonly #options: FreshnessOptions
  readonly #partitions: PartitionState[] = []
  /** When each unanswered probe was sent. */
  readonly #probes = new Map<number, number>()
  #lastProbe = 0
  #leaseUntil = 0
  #isSynced = false
  /** Time of the last transition. */
  #latest = Number.NEGATIVE_INFINITY

  constructor(options: FreshnessOptions) {
    this.#options = options
  }

  /** Whether entries may be served at this time. */
  isLeased(now: number): boolean {
    return now < this.#leaseUntil
  }

  /** Until when entries may be served; 0 before the first lease. */
  leaseUntil(): number {
    return this.#leaseUntil
  }

  /** @param askedAt when the look-up was sent, in elapsed milliseconds */
  judge(stamp: FreshnessStamp, groups: Groups, askedAt: number): FillVerdict {
    const state = this.#partitions[stamp.partition]
    if (state === undefined) return 'pass'
    // The reset dropped the marks of older changes, and a node that lags may have moved the position back. So neither shows
    // whether an answer from before the reset is stale.
    if (askedAt <= state.refusedUntil) return 'stale'
    if (state.epoch !== stamp.epoch) return 'pass'
    return stamp.seq >= state.marks.required(groups) ? 'store' : 'stale'
  }

  /** Positions for `hello`; `undefined` while unsynced. */
  cursors(): { readonly [partition: string]: FeedCursor } | undefined {
    if (!this.#isSynced) return undefined
    const cursors = this.#partitions.map(({ epoch, applied }): FeedCursor => [epoch, applied])
    return Object.fromEntries(cursors.entries())
  }

  /** Records a probe that is about to be sent. Returns its number. */
  probe(now: number): number {
    this.#advance(now)
    this.#lastProbe += 1
    this.#probes.set(this.#lastProbe, now)
    return this.#lastProbe
  }

  /** Applies a frame of the feed. Frames of unknown type change nothing. */
  apply(frame: ServerFrame, now: number): readonly Effect[] {
    this.#advance(now)
    switch (frame.type) {
      case 'start':
        return this.#start(frame, now)
      case 'event':
        return this.#event(frame, now)
      case 'reset':
        return this.#partitions[frame.partition] === undefined
          ? NO_EFFECTS
          : [this.#reset(frame.partition, frame.epoch, frame.seq, now)]
      case 'lease':
        return this.#lease(frame.n, now)
      default:
        return NO_EFFECTS
    }
  }

  /** Makes stale every answer of a partition that was asked for at or before a time. */
  refuseAskedUntil(partition: number, at: number): void {
    const state = this.#partitions[partition]
    if (state !== undefined) state.refusedUntil = Math.max(state.refusedUntil, at)
  }

  disconnected(): void {
    this.#probes.clear()
  }

  /** Forgets everything but the number of the last probe, so that a late lease cannot be taken for a new one. */
  startOver(): void {
    this.#partitions.length = 0
    this.#probes.clear()
    this.#leaseUntil = 0
    this.#isSynced = false
    this.#latest = Number.NEGATIVE_INFINITY
  }

  /** Protects the staleness bound: leases are counted on this clock, and would last too long if it went back. */
  #advance(now: number): void {
    assertInvariant(now >= this.#latest, 'elapsed time never goes back')
    this.#latest = now
  }

  #start({ partitions }: StartFrame, now: number): readonly Effect[] {
    const effects: Effect[] = []
    if (this.#partitions.length !== partitions.length) {
      this.#partitions.length = 0
      effects.push({ kind: 'reset-all', at: now })
    }
    partitions.forEach(([how, epoch, seq], partition) => {
      // A node that lags may name a position before ours. Its events up to ours will be ignored.
      const resumes = how === 'resume' && this.#partitions[partition]?.epoch === epoch
      if (!resumes) effects.push(this.#reset(partition, epoch, seq, now))
    })
    // A partition without state would let its answers pass and ignore its events, while the lease vouches for it.
    assertInvariant(
      partitions.every((_start, partition) => this.#partitions[partition] !== undefined),
      'every partition has a position once the client is synced',
    )
    this.#isSynced = true
    return effects
  }

  #reset(partition: number, epoch: string, seq: number, now: number): Effect {
    const marks = createMarks(seq, this.#options.marksPerPartition)
    this.#partitions[partition] = { epoch, applied: seq, marks, refusedUntil: now }
    return { kind: 'reset', partition, at: now }
  }

  #event({ partition, epoch, seq, event }: EventFrame, now: number): readonly Effect[] {
    const state = this.#partitions[partition]
    if (state === undefined) return NO_EFFECTS
    if (state.epoch === epoch && seq <= state.applied) return NO_EFFECTS
    if (state.epoch !== epoch || seq !== state.applied + 1) {
      return [this.#reset(partition, epoch, seq, now)]
    }
    // A mark of an event that was not applied means that entries and marks disagree about what is stale.
    assertInvariant(state.marks.position <= state.applied, 'no mark is ahead of the position')
    state.applied = seq
    return singleEvents(event).map((one) => {
      state.marks.raise(one, seq)
      return { kind: 'invalidate', partition, seq, event: one, at: now }
    })
  }

  #lease(n: number, now: number): readonly Effect[] {
    const sentAt = this.#probes.get(n)
    if (sentAt === undefined || !this.#isSynced) return NO_EFFECTS
    // A node answers in order, so it will not answer an older probe any more.
    for (const older of this.#probes.keys()) if (older <= n) this.#probes.delete(older)
    const { boundMs } = this.#options
    const until = Math.max(this.#leaseUntil, sentAt + boundMs)
    // This is the staleness bound itself.
    assertInvariant(until <= now + boundMs, 'a lease ends within one bound from now')
    this.#leaseUntil = until
    return [{ kind: 'leased', sentAt }]
  }
}

/** Makes the state of a client that has not connected to any node yet. */
export function createFreshness(options: FreshnessOptions): Freshness {
  return new Freshness(options)
}
