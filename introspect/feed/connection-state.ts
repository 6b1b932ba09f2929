/**
 * The state of one client's connection. Pure: frames and times in, what to do out.
 *
 *   greeting   open; the client has sent nothing. `hello` leads to starting; a time-out or any other known frame closes.
 *   starting   the cursors are known. The connection waits at the gate like a probe, so that a client that comes from a
 *              node ahead of this one is not reset. Probes are taken.
 *   live       at any moment, everything the node's reader has applied has been written to the client. `start`, the missed
 *              events and joining the broadcast are one step, so that nothing is missed or repeated between them.
 *              Leases are written only in this state.
 *   closed     nothing more is written, and every frame is ignored. All other states lead here.
 *
 * Frames of unknown type are ignored in every state. Frames that are malformed, too large, too many or out of order close
 * the connection.
 */
import {
  FEED_CLOSE,
  FEED_VERSION,
  type FeedCursor,
  type HelloFrame,
} from '../../client/src/wire/index.ts'
import type { ReceivedFrame } from './frames.ts'
import { invariant } from './invariant.ts'
import type { FeedLimits } from './limits.ts'

/** What to do about a frame. */
export type FrameAction =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'start'; readonly cursors: Readonly<Record<string, FeedCursor>> }
  /** `isTaken` is false when too many probes wait already; this one gets no lease. */
  | { readonly kind: 'probe'; readonly n: number; readonly isTaken: boolean }
  | { readonly kind: 'acknowledge'; readonly cursors: Readonly<Record<string, FeedCursor>> }

const IGNORE: FrameAction = { kind: 'ignore' }

/** The action for a frame that is not allowed. */
export function offence(reason: string): FrameAction {
  return { kind: 'close', code: FEED_CLOSE.protocol, reason }
}

export class ConnectionState {
  phase: 'greeting' | 'starting' | 'live' | 'closed' = 'greeting'
  readonly #limits: FeedLimits
  #lastProbe = -1
  /** Probes that wait at the gate. */
  #openProbes = 0
  #lastHeardAt: number
  #secondBegan: number
  #framesThisSecond = 0
  /** Number of the last broadcast frame that was written. */
  #delivered = 0

  /** @param now by the node's clock, like all times here */
  constructor(limits: FeedLimits, now: number) {
    this.#limits = limits
    this.#lastHeardAt = now
    this.#secondBegan = now
  }

  /** A frame or a ping came. Returns false when the client has sent too many within a second. */
  heard(now: number): boolean {
    this.ponged(now)
    if (now - this.#secondBegan >= 1_000) {
      this.#secondBegan = now
      this.#framesThisSecond = 0
    }
    this.#framesThisSecond++
    return this.#framesThisSecond <= this.#limits.maxFramesPerSecond
  }

  ponged(now: number): void {
    invariant(now >= this.#lastHeardAt, 'the clock of the node never goes back')
    this.#lastHeardAt = now
  }

  /** What to do about a client that has been silent for a while. */
  judgeSilence(now: number): 'nothing' | 'ping' | 'cut' {
    const silentMs = now - this.#lastHeardAt
    if (silentMs >= this.#limits.silenceMs) return 'cut'
    return silentMs >= this.#limits.silenceMs / 2 ? 'ping' : 'nothing'
  }

  /** @param frame `undefined` for a malformed one */
  received(frame: ReceivedFrame | undefined): FrameAction {
    invariant(this.phase !== 'closed', 'a closed connection receives nothing')
    if (frame === undefined) return offence('the frame is malformed')
    if (frame.type === 'unknown') return IGNORE
    if (frame.type === 'hello') return this.#greeted(frame)
    if (this.phase === 'greeting') return offence('hello comes first')
    if (frame.type === 'ack') return { kind: 'acknowledge', cursors: frame.cursors }
    const { n } = frame
    if (n <= this.#lastProbe) return offence('n grows with every probe')
    this.#lastProbe = n
    const isTaken = this.#openProbes < this.#limits.maxOpenProbes
    if (isTaken) this.#openProbes++
    return { kind: 'probe', n, isTaken }
  }

  #greeted({ version, cursors = {} }: HelloFrame): FrameAction {
    if (this.phase !== 'greeting') return offence('hello comes once')
    const reason = `the version is ${FEED_VERSION}`
    if (version !== FEED_VERSION) return { kind: 'close', code: FEED_CLOSE.version, reason }
    this.phase = 'starting'
    return { kind: 'start', cursors }
  }

  /** The client is brought up to date, and joins the broadcast after its frame number `sent`. */
  goLive(sent: number): void {
    invariant(this.phase === 'starting', 'a connection starts once, after hello')
    this.phase = 'live'
    this.#delivered = sent
  }

  /** The broadcast frame of this number is about to be written. */
  delivering(number: number): void {
    invariant(this.phase === 'live', 'only live connections receive changes')
    const isNext = number === this.#delivered + 1
    invariant(isNext, 'a connection receives every change, once and in order')
    this.#delivered = number
  }

  /** The heads are reached. Returns whether the lease may be written; `sent` numbers the last broadcast frame. */
  mayLease(n: number, sent: number): boolean {
    this.probeSettled()
    if (this.phase !== 'live') return false
    invariant(n <= this.#lastProbe, 'a lease answers a probe')
    invariant(this.#delivered === sent, 'a lease follows every change that the node has applied')
    return true
  }

  /** A probe has left the gate, with or without a lease. */
  probeSettled(): void {
    invariant(this.#openProbes > 0, 'a probe leaves the gate once')
    this.#openProbes--
  }
}
