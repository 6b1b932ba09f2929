/**
 * Follows the log of all partitions for a node: passes published events on to the reader of their partition, and asks the
 * primaries for all heads at least twice a second, which finds the events that publishing lost.
 */
import type { ChangeLog, LogHead } from '../../store/change-log.ts'
import type { Clock } from './clock.ts'
import { InvariantError, invariant, type ReportBroken } from './invariant.ts'
import type { PartitionHistory } from './partition-history.ts'
import { type LogListener, PartitionReader } from './partition-reader.ts'

/** How to follow. */
interface LogReaderOptions {
  readonly log: ChangeLog
  readonly clock: Clock
  readonly listener: LogListener
  /** Called when the log can no longer be followed; once until `onRecovery`. */
  readonly onTrouble: (error: unknown) => void
  readonly onRecovery: () => void
  readonly onBroken: ReportBroken
  /** Most events kept per partition. Default is 512, less with more than 128 partitions. */
  readonly keptEvents?: number
}

/** Longest time between two reads of the heads. */
const POLL_MS = 500
const MAX_KEPT_EVENTS = 512
/** Over all partitions: about ten megabytes. */
const KEPT_EVENTS_BUDGET = 65_536

export class LogReader {
  /** One per partition, in order. */
  readonly histories: readonly PartitionHistory[]
  readonly #options: LogReaderOptions
  readonly #readers: readonly PartitionReader[]
  #lastHeads: readonly LogHead[] = []
  #stopPolling = (): void => undefined
  #stopListening = (): void => undefined
  #isTroubled = false
  #isClosed = false

  constructor(options: LogReaderOptions) {
    const { partitions } = options.log
    const defaultKept = Math.min(MAX_KEPT_EVENTS, Math.ceil(KEPT_EVENTS_BUDGET / partitions))
    const shared = {
      ...options,
      keptEvents: options.keptEvents ?? defaultKept,
      isClosed: () => this.#isClosed,
      report: (error: unknown) => this.#report(error),
    }
    this.#options = options
    this.#readers = Array.from({ length: partitions }, (_, n) => new PartitionReader(n, shared))
    this.histories = this.#readers.map(({ history }) => history)
  }

  /** Most changes that any partition is behind its head, as of the last read of the heads. */
  get lag(): number {
    return Math.max(0, ...this.#lastHeads.map((head, n) => lagOf(head, this.histories[n])))
  }

  start(): void {
    const subscription = this.#options.log.subscribe({
      published: (message) => this.#readers[message.partition]?.published(message),
      subscribed: () => void this.#lookForMore(),
    })
    this.#stopListening = subscription.close
    void this.#poll()
  }

  close(): void {
    this.#isClosed = true
    this.#stopPolling()
    this.#stopListening()
  }

  /** Asks the primaries for their positions. */
  async readHeads(): Promise<readonly LogHead[]> {
    const before = this.histories.map(({ epoch, seq }) => ({ epoch, seq }))
    const heads = await this.#options.log.heads()
    // `hasReached` would be true of no heads at all.
    invariant(heads.length === before.length, 'the heads of all partitions are read together')
    this.#lastHeads = heads
    // A head below the position held before the question is another history under the same epoch: a flushed database, or
    // a forged message. A read of the log from a position above the head resets the partition.
    await this.#catchUp((n) => {
      const [head, position] = [heads[n], before[n]]
      return head?.epoch === position?.epoch && Number(head?.seq) < Number(position?.seq)
    })
    return heads
  }

  hasReached(heads: readonly LogHead[]): boolean {
    return heads.every(({ epoch, seq }, n) => this.histories[n]?.hasReached(epoch, seq))
  }

  /** Reads everything up to the heads; rejects when it cannot be read. */
  async reach(heads: readonly LogHead[]): Promise<void> {
    await this.#catchUp((n) => {
      const { epoch, seq } = heads[n] as LogHead
      return !this.histories[n]?.hasReached(epoch, seq)
    })
  }

  async #catchUp(isDue: (partition: number) => boolean): Promise<void> {
    await Promise.all(this.#readers.map((reader, n) => isDue(n) && reader.catchUp()))
  }

  async #lookForMore(): Promise<void> {
    try {
      await this.reach(await this.readHeads())
      this.#reportRecovery()
    } catch (error) {
      this.#report(error)
    }
  }

  async #poll(): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.now()
    await this.#lookForMore()
    if (this.#isClosed) return
    const untilNext = Math.max(0, startedAt + POLL_MS - clock.now())
    this.#stopPolling = clock.after(untilNext, () => void this.#poll())
  }

  #report(error: unknown): void {
    if (error instanceof InvariantError) this.#options.onBroken(error)
    if (this.#isClosed || this.#isTroubled) return
    this.#isTroubled = true
    this.#options.onTrouble(error)
  }

  #reportRecovery(): void {
    if (this.#isClosed || !this.#isTroubled) return
    this.#isTroubled = false
    this.#options.onRecovery()
  }
}

/** Histories of different epochs share nothing that is known, so the lag is at least one change. */
function lagOf(head: LogHead, history: PartitionHistory | undefined): number {
  if (history?.epoch !== head.epoch) return Math.max(1, head.seq)
  return Math.max(0, head.seq - history.seq)
}
