/**
 * Follows the log of one partition.
 *
 *   unknown      nothing has been read yet. The first page of the log leads to following.
 *   following    published events are applied when they continue the sequence. Anything else starts a read of the log.
 *   distrusted   an invariant broke. The history is forgotten, so nothing is applied and no head counts as reached, until
 *                the next page of the log resets the partition and its listener with it.
 *
 * In each phase at most one read of the log is under way. A call for another one meanwhile makes it read once more, because
 * its last page may be older than the call. Only a page of the log resets a partition: a published message cannot take
 * it back to an epoch that has ended. A failed read changes nothing; the next poll or the next `catchUp` repeats it.
 *
 * The listener is called in the same step in which the position moves. So a connection that receives what the listener
 * receives is at the position of `history` at any moment.
 */
import type { ChangeLog, LoggedEvent, LogPage, PublishedEvent } from '../../store/change-log.ts'
import type { Clock } from './clock.ts'
import { encodeEvent } from './frames.ts'
import { guard, InvariantError, invariant } from './invariant.ts'
import { type ApplyOutcome, type EncodedFrame, PartitionHistory } from './partition-history.ts'

/** Is called for every movement of a partition. */
export interface LogListener {
  /** @param receivedAt when the event arrived from Redis, by the node's clock */
  changed(partition: number, logged: LoggedEvent, frame: EncodedFrame, receivedAt: number): void
  /**
   * The partition continues from its present position; earlier knowledge of it is void. When `previousEpoch` is the
   * present epoch, the history is the same and only a part of its log could not be read.
   */
  reset(partition: number, history: PartitionHistory, previousEpoch: string): void
}

/** What the readers of all partitions use. */
interface PartitionReaderOptions {
  readonly log: Pick<ChangeLog, 'read'>
  readonly clock: Clock
  readonly listener: LogListener
  readonly keptEvents: number
  readonly isClosed: () => boolean
  /** Called for each failed read that nothing waits for, and for each broken invariant. */
  readonly report: (error: unknown) => void
}

export class PartitionReader {
  readonly history: PartitionHistory
  readonly #partition: number
  readonly #options: PartitionReaderOptions
  #phase: 'unknown' | 'following' | 'distrusted' = 'unknown'
  #reading: Promise<void> | undefined
  #mustReadAgain = false

  constructor(partition: number, options: PartitionReaderOptions) {
    this.history = new PartitionHistory(options.keptEvents)
    this.#partition = partition
    this.#options = options
  }

  published(message: PublishedEvent): void {
    const { clock, isClosed, report } = this.#options
    const { epoch, seq } = message
    // Most events that a read has brought are also published; no frame is encoded for them.
    if (isClosed() || this.history.hasReached(epoch, seq)) return
    const recover = (error: InvariantError) => {
      this.#distrust()
      report(error)
    }
    guard(() => {
      const outcome = this.#apply(epoch, message, clock.now())
      if (outcome === 'gap' || outcome === 'other-epoch') this.catchUp().catch(report)
    }, recover)
  }

  /** Reads the log up to a moment after this call; rejects when it cannot be read. */
  catchUp(): Promise<void> {
    if (this.#reading === undefined) this.#reading = this.#read()
    else this.#mustReadAgain = true
    return this.#reading
  }

  async #read(): Promise<void> {
    const { log, isClosed } = this.#options
    let page: LogPage
    try {
      do {
        this.#mustReadAgain = false
        const { epoch, seq } = this.history
        page = await log.read(this.#partition, epoch, seq)
        if (isClosed()) return
        this.#take(page, seq)
      } while (this.#mustReadAgain || !this.history.hasReached(page.epoch, page.seq))
    } catch (error) {
      if (error instanceof InvariantError) this.#distrust()
      throw error
    } finally {
      // In the same step as the last look at `#mustReadAgain`: a later caller starts its own read.
      this.#reading = undefined
    }
  }

  #take(page: LogPage, from: number): void {
    const previousEpoch = this.history.epoch
    const wasUnknown = this.#phase === 'unknown'
    if (this.#phase === 'following' && this.#continue(page, from)) return
    const { listener, keptEvents } = this.#options
    const { epoch, seq, floor } = page
    this.#phase = 'following'
    // The first page starts at the oldest events that are kept, for clients that were connected to other nodes.
    this.history.reset(epoch, wasUnknown ? Math.max(floor, seq - keptEvents) : seq)
    if (!wasUnknown) listener.reset(this.#partition, this.history, previousEpoch)
  }

  /** Applies a page. False when its history is another one, or when its log was trimmed or has a hole at `from`. */
  #continue({ epoch, seq, events }: LogPage, from: number): boolean {
    if (this.history.epoch !== epoch || from > seq) return false
    const receivedAt = this.#options.clock.now()
    for (const event of events) this.#apply(epoch, event, receivedAt)
    invariant(this.history.seq >= from, 'a position never moves back within an epoch')
    return this.history.seq > from || seq === from
  }

  #apply(epoch: string, logged: LoggedEvent, receivedAt: number): ApplyOutcome {
    const frame = encodeEvent(this.#partition, epoch, logged.seq, logged.json)
    const outcome = this.history.apply(epoch, logged.seq, frame)
    if (outcome !== 'applied') return outcome
    invariant(this.#phase === 'following', 'only a followed partition applies events')
    this.#options.listener.changed(this.#partition, logged, frame, receivedAt)
    return outcome
  }

  #distrust(): void {
    this.#phase = 'distrusted'
    this.history.forget()
  }
}
