/**
 * What a node knows of one partition's history: the epoch, the position, and the last events up to it, so that clients
 * that were away for a while can continue without a read from Redis. Pure: no I/O, no time.
 *
 *   unknown     epoch '' and position 0; every event belongs to another epoch.
 *   following   an epoch. `reset` enters it from either state and drops the kept events; `apply` moves the position by
 *               exactly one or not at all. `forget` leaves it.
 *
 * `apply` ignores events at or before the position. It refuses gaps and other epochs; the caller then reads the log.
 *
 * Invariant: the kept events are those of `floor + 1 … seq` of this epoch, without a gap.
 */
import { invariant } from './invariant.ts'

/** A frame as it is written to every socket: encoded once. */
export type EncodedFrame = Buffer

/** What `apply` did with an event. */
export type ApplyOutcome = 'applied' | 'ignored' | 'gap' | 'other-epoch'

/** One partition's history. Its members are changed by its methods alone. */
export class PartitionHistory {
  /** '' while unknown. */
  epoch = ''
  seq = 0
  /** The oldest position from which a client can continue. */
  floor = 0
  /** A ring: event n is stored at index n modulo its size. */
  #ring: EncodedFrame[] = []
  readonly #keptEvents: number

  /** @param keptEvents most events kept, at least 1 */
  constructor(keptEvents: number) {
    this.#keptEvents = keptEvents
  }

  /** Whether everything up to this position of this epoch has been applied. */
  hasReached(epoch: string, seq: number): boolean {
    return epoch === this.epoch && this.seq >= seq
  }

  apply(epoch: string, seq: number, frame: EncodedFrame): ApplyOutcome {
    if (epoch !== this.epoch) return 'other-epoch'
    if (seq <= this.seq) return 'ignored'
    if (seq !== this.seq + 1) return 'gap'
    this.seq = seq
    this.#ring[seq % this.#keptEvents] = frame
    this.floor = Math.max(this.floor, seq - this.#keptEvents)
    invariant(this.#ring.length <= this.#keptEvents, 'a history keeps a bounded number of events')
    return 'applied'
  }

  reset(epoch: string, seq: number): void {
    invariant(epoch !== '', 'a history is reset to a known epoch')
    invariant(Number.isSafeInteger(seq) && seq >= 0, 'a position is a natural number')
    this.#moveTo(epoch, seq)
  }

  /** Back to unknown. */
  forget(): void {
    this.#moveTo('', 0)
  }

  /** The events after a position, in order; `undefined` when a client cannot continue from it. */
  eventsAfter(epoch: string, seq: number): readonly EncodedFrame[] | undefined {
    if (this.epoch === '' || epoch !== this.epoch) return undefined
    if (seq < this.floor || seq > this.seq) return undefined
    return Array.from({ length: this.seq - seq }, (_, n) => {
      const frame = this.#ring[(seq + 1 + n) % this.#keptEvents]
      invariant(frame !== undefined, 'every event after the floor is kept')
      return frame
    })
  }

  #moveTo(epoch: string, seq: number): void {
    Object.assign(this, { epoch, seq, floor: seq })
    this.#ring = []
  }
}
