/**
 * The protocol of the cache: what it may serve, what it may store, and what each frame of the feed changes. A pure state
 * machine: no I/O, no timers; time is passed in as elapsed milliseconds that never run slow (elapsed-clock.ts).
 *
 * Per partition it holds the epoch it follows, the last change applied, and marks of what was invalidated. Over all of
 * them stands one lease.
 *
 *   unsynced   before the first `start`: nothing is stored, nothing is served.
 *   synced     positions are known: answers may be stored. Served only while the lease lasts.
 *   (leased)   synced, and a `lease` came for a probe that was sent less than the bound ago.
 *
 * `start` enters synced. `lease` prolongs the lease, counted from when its probe was *sent*; nothing else does: no open
 * socket, no event. `disconnected` forgets probes and keeps everything else: the lease still holds for what it covers.
 * Whatever does not continue a history (another epoch, a gap, a reset, another number of partitions) resets the
 * partition: entries are dropped, and every answer asked for before, or read before its new position, is refused. Events at or below the
 * position are ignored, frames of unknown type too.
 */

import type { FeedCursor, FreshnessStamp, ServerFrame } from '../wire/index.ts'
import { type Groups, type SingleEvent, singleEvents } from './groups.ts'
import { createMarks, type Marks } from './marks.ts'

/** What the cache has to do after a frame. */
export type Effect =
  /** Everything of the partition is void. `at` is when, in elapsed milliseconds. */
  | { readonly kind: 'reset'; readonly partition: number; readonly at: number }
  /** Everything of all partitions is void. */
  | { readonly kind: 'reset-all'; readonly at: number }
  /** Entries the event touches and that were read before it are void. */
  | {
      readonly kind: 'invalidate'
      readonly partition: number
      readonly seq: number
      readonly event: SingleEvent
      readonly at: number
    }
  /** `sentAt` is when its probe was sent, in elapsed milliseconds. */
  | { readonly kind: 'leased'; readonly sentAt: number }

/** What becomes of an answer that has arrived. */
export type FillVerdict =
  | 'store'
  /** Good to return once, but not to keep: not synced yet, or read in another epoch. */
  | 'pass'
  /** Known to be older than an invalidation: neither kept nor returned. */
  | 'stale'

/** The protocol state of one client. */
export interface Freshness {
  /** Whether entries may be served at this moment. */
  isLeased(now: number): boolean
  /** Until when entries may be served; 0 before the first lease. */
  leaseUntil(): number
  /** @param askedAt when the look-up was sent, in elapsed milliseconds */
  judge(stamp: FreshnessStamp, groups: Groups, askedAt: number): FillVerdict
  /** Positions for `hello`; `undefined` before the first `start`. */
  cursors(): { readonly [partition: string]: FeedCursor } | undefined
  /** Notes a probe that is about to be sent, and numbers it. */
  probe(now: number): number
  apply(frame: ServerFrame, now: number): readonly Effect[]
  /** Makes every answer of a partition stale that was asked for at or before a moment. */
  fence(partition: number, at: number): void
  disconnected(): void
}

/** How the protocol is bounded. */
export interface FreshnessOptions {
  /** Staleness bound: how long a lease lasts from the sending of its probe, in milliseconds. */
  readonly boundMs: number
  /** Marks kept per partition. */
  readonly marksPerPartition: number
}

interface PartitionState {
  epoch: string
  applied: number
  marks: Marks
  /** When it stood anew, or was fenced since, in elapsed milliseconds. */
  fencedAt: number
}

const NO_EFFECTS: readonly Effect[] = []

/** Makes the state of a client that has not heard of any node yet. */
export function createFreshness({ boundMs, marksPerPartition }: FreshnessOptions): Freshness {
  const partitions: PartitionState[] = []
  const probes = new Map<number, number>()
  let leaseUntil = 0
  let lastProbe = 0
  let isStarted = false

  function stand(partition: number, epoch: string, seq: number, now: number): Effect {
    const marks = createMarks(seq, marksPerPartition)
    partitions[partition] = { epoch, applied: seq, marks, fencedAt: now }
    return { kind: 'reset', partition, at: now }
  }

  function start(frame: Extract<ServerFrame, { type: 'start' }>, now: number): readonly Effect[] {
    const effects: Effect[] = []
    if (partitions.length !== frame.partitions.length) {
      partitions.length = 0
      effects.push({ kind: 'reset-all', at: now })
    }
    frame.partitions.forEach(([how, epoch, seq], partition) => {
      const state = partitions[partition]
      // A node that is behind may name a position before ours; its events up to ours will be ignored.
      const resumes = how === 'resume' && state?.epoch === epoch
      if (!resumes) effects.push(stand(partition, epoch, seq, now))
    })
    isStarted = true
    return effects
  }

  function event(frame: Extract<ServerFrame, { type: 'event' }>, now: number): readonly Effect[] {
    const state = partitions[frame.partition]
    if (state === undefined) return NO_EFFECTS
    const { epoch, seq } = frame
    if (state.epoch === epoch && seq <= state.applied) return NO_EFFECTS
    if (state.epoch !== epoch || seq !== state.applied + 1) {
      return [stand(frame.partition, epoch, seq, now)]
    }
    state.applied = seq
    return singleEvents(frame.event).map((one) => {
      state.marks.raise(one, seq)
      return { kind: 'invalidate', partition: frame.partition, seq, event: one, at: now }
    })
  }

  function lease(n: number): readonly Effect[] {
    const sentAt = probes.get(n)
    if (sentAt === undefined || !isStarted) return NO_EFFECTS
    // A node answers in order: what is older than an answered probe will not be answered any more.
    for (const older of probes.keys()) if (older <= n) probes.delete(older)
    leaseUntil = Math.max(leaseUntil, sentAt + boundMs)
    return [{ kind: 'leased', sentAt }]
  }

  return {
    isLeased: (now) => now < leaseUntil,
    leaseUntil: () => leaseUntil,

    judge(stamp, groups, askedAt) {
      const state = partitions[stamp.partition]
      if (state === undefined) return 'pass'
      // Asked before the partition stood anew: what was known of it since then may be gone from the marks, and a node that
      // is behind may have set us back to a position this answer would pass.
      if (askedAt <= state.fencedAt) return 'stale'
      if (state.epoch !== stamp.epoch) return 'pass'
      return stamp.seq >= state.marks.required(groups) ? 'store' : 'stale'
    },

    cursors() {
      if (!isStarted) return undefined
      return Object.fromEntries(
        partitions.map(({ epoch, applied }, partition) => [partition, [epoch, applied] as const]),
      )
    },

    probe(now) {
      lastProbe += 1
      probes.set(lastProbe, now)
      return lastProbe
    },

    apply(frame, now) {
      switch (frame.type) {
        case 'start':
          return start(frame, now)
        case 'event':
          return event(frame, now)
        case 'reset':
          return partitions[frame.partition] === undefined
            ? NO_EFFECTS
            : [stand(frame.partition, frame.epoch, frame.seq, now)]
        case 'lease':
          return lease(frame.n)
        default:
          return NO_EFFECTS
      }
    },

    fence(partition, at) {
      const state = partitions[partition]
      if (state !== undefined) state.fencedAt = Math.max(state.fencedAt, at)
    },

    disconnected() {
      probes.clear()
    },
  }
}
