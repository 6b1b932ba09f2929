/**
 * Follows the log of all partitions for a node. Published events are applied when they continue a sequence; in every
 * other case the log itself is read. All heads are asked for at least every `pollMs`, which finds what publishing lost.
 *
 * Each partition is *unknown*, *following* or *catching up* (following, with a read of its log under way; at most one,
 * and one more when something came in meanwhile that did not fit). Only a read of the log resets a partition, so that
 * no published message can take it back to an epoch that is gone. A failed read leaves it where it is, for the next
 * poll or the next `reach`.
 *
 * Listeners are told of an event or reset in the same step in which the position moves: whoever keeps up with what it
 * is told stands exactly where `histories` stand, at any moment.
 */
import type {
  ChangeLog,
  LoggedEvent,
  LogHead,
  LogPage,
  PublishedEvent,
} from '../../store/change-log.ts'
import type { Clock } from './clock.ts'
import { encodeEvent } from './frames.ts'
import {
  createPartitionHistory,
  type EncodedFrame,
  type PartitionHistory,
} from './partition-history.ts'

/** Who is told. */
export interface LogListener {
  /** @param receivedAt when the event came in from Redis, by the node's clock */
  changed(partition: number, logged: LoggedEvent, frame: EncodedFrame, receivedAt: number): void
  /**
   * The partition goes on from its present position; what was known of it before is void. `previousEpoch` may be the
   * present one: then its history goes on, and only a part of it was not to be had.
   */
  reset(partition: number, previousEpoch: string): void
}

/** How to follow. */
export interface LogReaderOptions {
  readonly log: ChangeLog
  readonly clock: Clock
  readonly listener: LogListener
  /** Told when the log can no longer be followed, once until `onRecovery`. */
  readonly onTrouble: (error: unknown) => void
  readonly onRecovery: () => void
  /** Longest time between two looks at the heads, in milliseconds. Default is 500. */
  readonly pollMs?: number
  /** Most events kept a partition. Default is 512, less with more than 128 partitions. */
  readonly keptEvents?: number
}

/** Follows the log. */
export interface LogReader {
  /** One a partition, in order. */
  readonly histories: readonly PartitionHistory[]
  /** Most changes any partition is behind its head, as far as the last look at the heads tells. */
  readonly lag: number
  start(): void
  /** Asks the primaries where they stand. */
  readHeads(): Promise<readonly LogHead[]>
  hasReached(heads: readonly LogHead[]): boolean
  /** Reads whatever is missing up to the heads; rejects when it cannot be read. */
  reach(heads: readonly LogHead[]): Promise<void>
  close(): void
}

const DEFAULT_POLL_MS = 500
const MAX_KEPT_EVENTS = 512
/** Over all partitions: some ten megabytes. */
const KEPT_EVENTS_BUDGET = 65_536

export function createLogReader(options: LogReaderOptions): LogReader {
  const { log, clock, listener, onTrouble, onRecovery, pollMs = DEFAULT_POLL_MS } = options
  const keptEvents =
    options.keptEvents ?? Math.min(MAX_KEPT_EVENTS, Math.ceil(KEPT_EVENTS_BUDGET / log.partitions))
  const histories = Array.from({ length: log.partitions }, () => createPartitionHistory(keptEvents))
  const reads = new Map<number, Promise<void>>()
  const repeats = new Set<number>()
  let lastHeads: readonly LogHead[] = []
  let stopPolling = (): void => undefined
  let stopListening = (): void => undefined
  let isTroubled = false
  let isClosed = false

  const historyOf = (partition: number) => histories[partition] as PartitionHistory
  const isReached = ({ epoch, seq }: LogHead, partition: number) =>
    historyOf(partition).hasReached(epoch, seq)

  function apply(partition: number, epoch: string, logged: LoggedEvent, at: number) {
    const frame = encodeEvent(partition, epoch, logged.seq, logged.json)
    const outcome = historyOf(partition).apply(epoch, logged.seq, frame)
    if (outcome === 'applied') listener.changed(partition, logged, frame, at)
    return outcome
  }

  function published(message: PublishedEvent): void {
    const { partition, epoch, seq } = message
    // Most of what a read has brought already is told again; no frame is made for it.
    if (isClosed || historyOf(partition).hasReached(epoch, seq)) return
    const outcome = apply(partition, epoch, message, clock.now())
    if (outcome === 'gap' || outcome === 'other-epoch') catchUp(partition).catch(report)
  }

  /** Reads the log of a partition up to a moment after this call. */
  function catchUp(partition: number): Promise<void> {
    const underWay = reads.get(partition)
    if (underWay !== undefined) {
      repeats.add(partition)
      return underWay
    }
    const read = readOn(partition)
    reads.set(partition, read)
    return read
  }

  async function readOn(partition: number): Promise<void> {
    const history = historyOf(partition)
    let isBehind: boolean
    try {
      do {
        repeats.delete(partition)
        const from = history.seq
        const page = await log.read(partition, history.epoch, from)
        if (isClosed) return
        take(partition, page, from)
        isBehind = !isReached(page, partition)
      } while (isBehind || repeats.has(partition))
    } finally {
      // In the same step as the last look at `repeats`: who comes later begins a read of its own.
      reads.delete(partition)
    }
  }

  function take(partition: number, page: LogPage, from: number): void {
    const history = historyOf(partition)
    const { epoch, seq } = page
    if (history.epoch === '') {
      // The first look: what the log still holds fills the memory for clients that were connected elsewhere.
      history.reset(epoch, Math.max(page.floor, seq - keptEvents))
      return
    }
    const isSameHistory = history.epoch === epoch && from <= seq
    if (isSameHistory) {
      const at = clock.now()
      for (const event of page.events) apply(partition, epoch, event, at)
      if (history.seq > from || seq === from) return
    }
    // Another history; or there is more, and none of it goes on from here: it was trimmed, or has a hole.
    const previousEpoch = history.epoch
    history.reset(epoch, seq)
    listener.reset(partition, previousEpoch)
  }

  function report(error: unknown): void {
    if (isClosed || isTroubled) return
    isTroubled = true
    onTrouble(error)
  }

  function reportRecovery(): void {
    if (isClosed || !isTroubled) return
    isTroubled = false
    onRecovery()
  }

  async function readHeads(): Promise<readonly LogHead[]> {
    const before = histories.map(({ epoch, seq }) => ({ epoch, seq }))
    const heads = await log.heads()
    lastHeads = heads
    // A head that has fallen behind where we were before it was asked is another history under the same name: a
    // flushed database, a made-up message. Reading the log from a position ahead of it resets the partition.
    const shrunk = heads.flatMap(({ epoch, seq }, n) => {
      const position = before[n]
      return epoch === position?.epoch && seq < position.seq ? [n] : []
    })
    await Promise.all(shrunk.map(catchUp))
    return heads
  }

  async function reach(heads: readonly LogHead[]): Promise<void> {
    const missing = heads.flatMap((head, n) => (isReached(head, n) ? [] : [n]))
    await Promise.all(missing.map(catchUp))
  }

  async function poll(): Promise<void> {
    const startedAt = clock.now()
    try {
      await reach(await readHeads())
      reportRecovery()
    } catch (error) {
      report(error)
    }
    if (isClosed) return
    const untilNext = Math.max(0, startedAt + pollMs - clock.now())
    stopPolling = clock.after(untilNext, () => void poll())
  }

  return {
    histories,
    get lag() {
      return lastHeads.reduce((most, head, n) => Math.max(most, lagOf(head, historyOf(n))), 0)
    },
    start() {
      const subscription = log.subscribe({
        published,
        subscribed: () => void readHeads().then(reach).catch(report),
      })
      stopListening = subscription.close
      void poll()
    },
    readHeads,
    hasReached: (heads) => heads.every(isReached),
    reach,
    close() {
      isClosed = true
      stopPolling()
      stopListening()
    },
  }
}

/** In another epoch nothing is known to be common: at least one change. */
function lagOf(head: LogHead, { epoch, seq }: PartitionHistory): number {
  return head.epoch === epoch ? Math.max(0, head.seq - seq) : Math.max(1, head.seq)
}
