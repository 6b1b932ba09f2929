/**
 * Decides when a node may give a lease: rule 10 of the feed. A *ticket* (a probe, or a client that wants to start) passes
 * once the heads of all partitions have been read from their primaries by a read that began after the ticket came in,
 * and the node's own reader has reached every one of them. `pass` runs in the same step in which that was found true, so
 * nothing can come between the check and the frame that is then written.
 *
 *   idle      no ticket waits.
 *   due       tickets wait for the next read, which keeps its distance from the last.
 *   reading   the heads are read, then reached. Tickets that come in now wait for the next read, because this one may have
 *             begun before a revocation that they must cover. Leads to idle or due.
 *   closed    no ticket passes any more.
 *
 * When the heads cannot be read or reached, the tickets of that read fail: silence is the safe reply. When the reader has
 * left the epoch of the heads while it was reaching for them, their tickets wait for the next read.
 */
import type { LogHead } from '../../store/change-log.ts'
import type { Clock } from './clock.ts'
import { guard, InvariantError, invariant, type ReportBroken } from './invariant.ts'
import type { LogReader } from './log-reader.ts'

/** Something that waits. Exactly one of the two is called, unless the gate is closed first. */
export interface Ticket {
  pass(): void
  fail(): void
}

interface LeaseGateOptions {
  readonly reader: Pick<LogReader, 'readHeads' | 'reach' | 'hasReached'>
  readonly clock: Clock
  readonly onBroken: ReportBroken
}

/** Shortest time between the beginnings of two reads. */
const MIN_INTERVAL_MS = 20
/** A long read, over thousands of partitions, is followed by a rest of this many times its length … */
const REST_RATIO = 4
/** … but a Redis that hung and has recovered is not kept waiting. */
const MAX_REST_MS = 500

/** The tickets of a gate. Pure: it neither reads nor waits. */
export class TicketQueue {
  phase: 'idle' | 'due' | 'reading' | 'closed' = 'idle'
  /** Number of the last read that has begun. */
  #lastRead = 0
  /** Wait for the next read. `since` is the number of the last read that had begun when the ticket came in. */
  #waiting: { readonly ticket: Ticket; readonly since: number }[] = []
  /** Wait for the end of the read under way. */
  #inRead: { readonly ticket: Ticket; readonly since: number }[] = []

  /** Returns whether a read has to be planned for the ticket. */
  add(ticket: Ticket): boolean {
    if (this.phase === 'closed') return false
    this.#waiting.push({ ticket, since: this.#lastRead })
    if (this.phase !== 'idle') return false
    this.phase = 'due'
    return true
  }

  /** The next read begins, for all tickets that wait. */
  beginRead(): void {
    invariant(this.phase === 'due' && this.#waiting.length > 0, 'a read begins when tickets wait')
    invariant(this.#inRead.length === 0, 'reads do not overlap')
    this.phase = 'reading'
    this.#lastRead++
    this.#inRead = this.#waiting
    this.#waiting = []
  }

  /** The heads that were read are reached. Returns the tickets that pass. */
  pass(): readonly Ticket[] {
    invariant(this.phase === 'reading' || this.phase === 'closed', 'tickets pass after a read')
    const areCovered = this.#inRead.every(({ since }) => since < this.#lastRead)
    invariant(areCovered, 'a ticket passes by a read that began after it came in')
    return this.drop()
  }

  /** It is not known whether the heads are reached. Returns the tickets that fail. */
  drop(): readonly Ticket[] {
    const dropped = this.#inRead.map(({ ticket }) => ticket)
    this.#inRead = []
    return dropped
  }

  /** The epoch of a head has ended: the tickets wait for the next read. */
  keep(): void {
    this.#waiting.unshift(...this.#inRead)
    this.#inRead = []
  }

  /** The read is over. Returns whether the next one is due. */
  endRead(): boolean {
    if (this.phase !== 'closed') this.phase = this.#waiting.length === 0 ? 'idle' : 'due'
    return this.phase === 'due'
  }

  close(): void {
    this.phase = 'closed'
    this.#waiting = []
    this.#inRead = []
  }
}

export class LeaseGate {
  readonly #options: LeaseGateOptions
  readonly #queue = new TicketQueue()
  #notBefore = Number.NEGATIVE_INFINITY
  #cancelDue = (): void => undefined

  constructor(options: LeaseGateOptions) {
    this.#options = options
  }

  enter(ticket: Ticket): void {
    if (this.#queue.add(ticket)) this.#planRead()
  }

  close(): void {
    this.#queue.close()
    this.#cancelDue()
  }

  #planRead(): void {
    const { clock } = this.#options
    const restMs = this.#notBefore - clock.now()
    if (restMs <= 0) void this.#round()
    else this.#cancelDue = clock.after(restMs, () => void this.#round())
  }

  async #round(): Promise<void> {
    const { clock } = this.#options
    const fail = () => this.#queue.drop().forEach((ticket) => void ticket.fail())
    const recover = (error: InvariantError) => {
      this.#options.onBroken(error)
      fail()
    }
    const startedAt = clock.now()
    guard(() => this.#queue.beginRead(), recover)
    const heads = await this.#readAndReach()
    const endedAt = clock.now()
    const restMs = Math.min(REST_RATIO * (endedAt - startedAt), MAX_REST_MS)
    this.#notBefore = Math.max(startedAt + MIN_INTERVAL_MS, endedAt + restMs)
    // Synchronous from this check to the last frame.
    if (heads === undefined) fail()
    else if (!this.#options.reader.hasReached(heads)) this.#queue.keep()
    else guard(() => this.#queue.pass().forEach((ticket) => void ticket.pass()), recover)
    if (this.#queue.endRead()) this.#planRead()
  }

  async #readAndReach(): Promise<readonly LogHead[] | undefined> {
    const { reader, onBroken } = this.#options
    try {
      const heads = await reader.readHeads()
      await reader.reach(heads)
      return heads
    } catch (error) {
      // The reader reports at its next poll why the heads cannot be read. Here it only means that no ticket passes.
      if (error instanceof InvariantError) onBroken(error)
      return undefined
    }
  }
}
