/**
 * The connection to a feed node. Opens it, sends probes, notices when it has failed, and reconnects with jitter. It moves
 * frames between the socket and the protocol (freshness.ts), and decides nothing about entries.
 *
 *   waiting   no socket. A timer leads to opening.
 *   opening   a socket is being opened. Leads to waiting when the time-out passes.
 *   greeting  `hello` is sent. Leads to running with `start`, to waiting when the time-out passes.
 *   running   a probe is sent every third of the bound. Leads to waiting when no probe was answered for a whole bound.
 *   closed    final.
 *
 * From every phase but closed, a lost connection, a malformed frame, `goodbye` and a fault of the client lead to waiting.
 */

import type { Effect, Freshness } from '../cache/freshness.ts'
import { assertInvariant } from '../invariant.ts'
import type { Backoff } from '../time/backoff.ts'
import { callLater, type Timer } from '../time/timer.ts'
import { type ClientFrame, FEED_VERSION, type ServerFrame } from '../wire/index.ts'
import { readFrame } from './frames.ts'

/** The parts and limits of a session, and what it reports. Times in milliseconds. */
export interface FeedSessionOptions {
  /** A frame has arrived, for the protocol. Returns what it changed. */
  readonly onFrame: (frame: ServerFrame) => readonly Effect[]
  /** The node has answered `hello`. */
  readonly onUp: () => void
  /** The connection is gone; `reason` is for people. */
  readonly onDown: (reason: string) => void
  /** A step of the session has thrown: the state of the client may be wrong. */
  readonly onFault: (error: unknown) => void
  readonly url: string
  readonly authorization: string
  readonly WebSocket: typeof WebSocket
  readonly freshness: Freshness
  readonly boundMs: number
  readonly timeoutMs: number
  readonly backoff: Backoff
  /** Elapsed milliseconds. */
  readonly now: () => number
}

type Phase = 'waiting' | 'opening' | 'greeting' | 'running' | 'closed'

const PROBES_PER_BOUND = 3
/** Longest time that a node may ask the client to stay away. */
const MAX_RECONNECT_MS = 60_000

/** Node's `WebSocket` accepts headers, which its standard type does not know. */
type SocketWithHeaders = new (url: string, init: { headers: Record<string, string> }) => WebSocket

/** A session that reconnects by itself until it is closed. */
export class FeedSession {
  readonly #options: FeedSessionOptions
  #phase: Phase = 'waiting'
  #socket: WebSocket | undefined
  #timer: Timer | undefined
  /** Elapsed milliseconds of the last lease, or of the opening. */
  #lastLeaseAt = 0

  constructor(options: FeedSessionOptions) {
    this.#options = options
  }

  /** Opens the first connection. @throws {InvariantViolation} when the session is already open */
  open(): void {
    // Two sockets would feed one protocol: a lease of one would vouch for events that are on their way on the other.
    assertInvariant(
      this.#phase === 'waiting' && this.#socket === undefined,
      'a session has one connection at a time',
    )
    const { url, authorization, now, timeoutMs } = this.#options
    const Socket = this.#options.WebSocket as unknown as SocketWithHeaders
    const socket = new Socket(url, { headers: { authorization } })
    this.#phase = 'opening'
    this.#socket = socket
    this.#lastLeaseAt = now()
    this.#arm(timeoutMs, () => this.leave('no answer from the node'))
    // Events of a socket that was left are ignored: `error` and `close` both come for one failure.
    const on = (type: string, handle: (event: MessageEvent & CloseEvent) => void): void =>
      socket.addEventListener(type, (event) => {
        if (socket === this.#socket) this.#guard(() => handle(event as MessageEvent & CloseEvent))
      })
    on('open', () => this.#greet())
    on('message', ({ data }) => this.#receive(data))
    on('close', ({ code }) => this.leave(`the connection was closed (${code})`))
    on('error', () => this.leave('the connection failed'))
  }

  /** Gives up the connection and opens another one later: after the back-off, unless a delay is given. */
  leave(reason: string, delayMs?: number): void {
    if (this.#phase === 'closed') return
    const { freshness, backoff, onDown } = this.#options
    this.#phase = 'waiting'
    this.#dropSocket()
    freshness.disconnected()
    onDown(reason)
    this.#arm(delayMs ?? backoff.next(), () => this.open())
  }

  /** Ends the session. */
  close(): void {
    this.#phase = 'closed'
    clearTimeout(this.#timer)
    this.#dropSocket()
  }

  #greet(): void {
    assertInvariant(this.#phase === 'opening', '`hello` is the first frame of a connection')
    this.#phase = 'greeting'
    const cursors = this.#options.freshness.cursors()
    const hello: ClientFrame = { type: 'hello', version: FEED_VERSION }
    this.#send(cursors === undefined ? hello : { ...hello, cursors })
  }

  #receive(data: unknown): void {
    const reading = readFrame(data)
    if (reading.kind === 'malformed') this.leave('the node sent a malformed frame')
    if (reading.kind !== 'frame') return
    const { frame } = reading
    const effects = this.#options.onFrame(frame)
    if (frame.type === 'start') this.#run()
    else if (frame.type === 'lease' && effects.length > 0) this.#renew()
    else if (frame.type === 'goodbye') {
      this.leave('the node said goodbye', Math.min(frame.reconnect_after_ms, MAX_RECONNECT_MS))
    }
  }

  #run(): void {
    if (this.#phase === 'running') return
    this.#phase = 'running'
    this.#options.onUp()
    this.#probe()
  }

  #renew(): void {
    // A lease answers a probe, and probes are sent in this phase only.
    assertInvariant(this.#phase === 'running', 'a lease comes on a running connection')
    this.#lastLeaseAt = this.#options.now()
    this.#options.backoff.reset()
  }

  #probe(): void {
    // The node may vouch for events only after `start` has said where they begin.
    assertInvariant(this.#phase === 'running', 'a probe is sent on a running connection')
    const { freshness, boundMs, now } = this.#options
    if (now() - this.#lastLeaseAt > boundMs) {
      this.leave('the node answered no probe')
      return
    }
    this.#send({ type: 'probe', n: freshness.probe(now()) })
    this.#arm(boundMs / PROBES_PER_BOUND, () => this.#probe())
  }

  #send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  /** Sets the one timer of the session. */
  #arm(delayMs: number, then: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = callLater(() => this.#guard(then), delayMs)
  }

  /** An exception in a timer or a listener would end the process of the application. */
  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#options.onFault(error)
    }
  }

  #dropSocket(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }
}
