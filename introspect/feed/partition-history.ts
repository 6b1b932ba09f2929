/**
 * What a node knows of one partition's history: the epoch, the position, and the last events up to it, so that clients
 * that were away for a while can go on without asking Redis. Pure: no I/O, no time.
 *
 * States: *unknown* (epoch '', position 0; every event belongs to another epoch) and *following* an epoch. `reset`
 * enters following, from either, and forgets the events; `apply` moves the position by exactly one or not at all.
 * Ignored: events at or before the position. Refused, for the caller to ask the log: gaps and other epochs.
 *
 * Invariant: the kept events are those of `floor + 1 … seq` of this epoch, without a gap.
 */

/** A frame as it goes to every socket: encoded once. */
export type EncodedFrame = Buffer

/** What became of an event. */
export type ApplyOutcome = 'applied' | 'ignored' | 'gap' | 'other-epoch'

/** One partition's history. */
export interface PartitionHistory {
  /** '' while unknown. */
  readonly epoch: string
  readonly seq: number
  /** The oldest position one can go on from. */
  readonly floor: number
  /** Whether everything up to that position of that epoch has been applied. */
  hasReached(epoch: string, seq: number): boolean
  apply(epoch: string, seq: number, frame: EncodedFrame): ApplyOutcome
  reset(epoch: string, seq: number): void
  /** What follows a position, in order; `undefined` when one cannot go on from it. */
  eventsAfter(epoch: string, seq: number): readonly EncodedFrame[] | undefined
}

/** @param keptEvents most events kept, at least 1 */
export function createPartitionHistory(keptEvents: number): PartitionHistory {
  let epoch = ''
  let seq = 0
  let floor = 0
  /** A ring: the event of number n stands at n modulo its size. */
  let ring: EncodedFrame[] = []

  return {
    get epoch() {
      return epoch
    },
    get seq() {
      return seq
    },
    get floor() {
      return floor
    },
    hasReached: (otherEpoch, otherSeq) => otherEpoch === epoch && seq >= otherSeq,

    apply(eventEpoch, eventSeq, frame) {
      if (eventEpoch !== epoch) return 'other-epoch'
      if (eventSeq <= seq) return 'ignored'
      if (eventSeq !== seq + 1) return 'gap'
      seq = eventSeq
      ring[seq % keptEvents] = frame
      if (seq - floor > keptEvents) floor = seq - keptEvents
      return 'applied'
    },

    reset(newEpoch, newSeq) {
      epoch = newEpoch
      seq = newSeq
      floor = newSeq
      ring = []
    },

    eventsAfter(cursorEpoch, cursorSeq) {
      if (epoch === '' || cursorEpoch !== epoch) return undefined
      if (cursorSeq < floor || cursorSeq > seq) return undefined
      return Array.from(
        { length: seq - cursorSeq },
        (_, n) => ring[(cursorSeq + 1 + n) % keptEvents] as EncodedFrame,
      )
    },
  }
}
