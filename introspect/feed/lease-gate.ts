/**
 * When a node may vouch for what it has told: rule 10 of the feed. A *ticket* (a probe, or a client that wants to
 * start) passes once the heads of all partitions have been read from their primaries by a read that began after the
 * ticket came in, and the node's own reader stands at every one of them. Its `pass` runs in the very step in which that
 * was found true, so nothing can come between the finding and the frame that is then written.
 *
 * States: *idle* (nobody waits) → *due* (tickets wait for the next read, which keeps its distance from the last) →
 * *reading* (the heads are read, then reached; tickets that come in now wait for the next read, for this one may have
 * begun before a revocation they must not miss) → idle or due. Heads that cannot be read, or cannot be reached, fail
 * the tickets of that read: silence is the safe reply. Heads that stop being the reader's while it reaches for them (the
 * epoch changed on the way) keep their tickets for the next read.
 */
import type { LogHead } from '../../store/change-log.ts'
import type { Clock } from './clock.ts'
import type { LogReader } from './log-reader.ts'

/** Something that waits. Exactly one of the two is called, unless the gate is closed first. */
export interface Ticket {
  pass(): void
  fail(): void
}

export interface LeaseGateOptions {
  readonly reader: Pick<LogReader, 'readHeads' | 'reach' | 'hasReached'>
  readonly clock: Clock
  /** Shortest time between the beginnings of two reads, in milliseconds. Default is 20. */
  readonly minIntervalMs?: number
}

export interface LeaseGate {
  enter(ticket: Ticket): void
  close(): void
}

const DEFAULT_MIN_INTERVAL_MS = 20
/** A read that takes long, over thousands of partitions, is followed by this many times its length of rest … */
const REST_RATIO = 4
/** … but a Redis that hung and is back is not kept waiting. */
const MAX_REST_MS = 500

export function createLeaseGate(options: LeaseGateOptions): LeaseGate {
  const { reader, clock, minIntervalMs = DEFAULT_MIN_INTERVAL_MS } = options
  let state: 'idle' | 'due' | 'reading' | 'closed' = 'idle'
  let waiting: Ticket[] = []
  let notBefore = Number.NEGATIVE_INFINITY
  let cancelDue = (): void => undefined

  function becomeDue(): void {
    state = 'due'
    const restMs = notBefore - clock.now()
    if (restMs <= 0) void round()
    else cancelDue = clock.after(restMs, () => void round())
  }

  async function round(): Promise<void> {
    state = 'reading'
    const tickets = waiting
    waiting = []
    const startedAt = clock.now()
    const heads = await readAndReach()
    const endedAt = clock.now()
    const restMs = Math.min(REST_RATIO * (endedAt - startedAt), MAX_REST_MS)
    notBefore = Math.max(startedAt + minIntervalMs, endedAt + restMs)
    if (isClosed()) return
    // Synchronous from this look to the last frame.
    if (heads === undefined) for (const ticket of tickets) ticket.fail()
    else if (reader.hasReached(heads)) for (const ticket of tickets) ticket.pass()
    else waiting = [...tickets, ...waiting]
    if (isClosed()) return
    if (waiting.length > 0) becomeDue()
    else state = 'idle'
  }

  async function readAndReach(): Promise<readonly LogHead[] | undefined> {
    try {
      const heads = await reader.readHeads()
      await reader.reach(heads)
      return heads
    } catch {
      // Why is the reader's to tell, at its next poll; here it only means that nothing can be vouched for.
      return undefined
    }
  }

  // Not inlined: the compiler would take the state for what it was before the last call.
  function isClosed(): boolean {
    return state === 'closed'
  }

  return {
    enter(ticket) {
      waiting.push(ticket)
      if (state === 'idle') becomeDue()
    },
    close() {
      state = 'closed'
      cancelDue()
    },
  }
}
