/**
 * One client's socket on the feed: carries out what `connection-state.ts` decides. A socket whose client reads too slowly is
 * closed. So is one whose state breaks an invariant, with code 1011. In both cases the client returns with its cursors.
 */
import type { RawData, WebSocket } from 'ws'
import { FEED_CLOSE, type FeedCursor } from '../../client/src/wire/index.ts'
import { AckLedger } from './ack-ledger.ts'
import type { Broadcast } from './broadcast.ts'
import type { Clock } from './clock.ts'
import { ConnectionState, type FrameAction, offence } from './connection-state.ts'
import { encodeFrame, parseClientFrame } from './frames.ts'
import { guard, type ReportBroken } from './invariant.ts'
import type { LeaseGate } from './lease-gate.ts'
import type { FeedLimits } from './limits.ts'
import type { FeedMetrics } from './metrics.ts'
import type { EncodedFrame, PartitionHistory } from './partition-history.ts'
import { planStart } from './start-plan.ts'

/** What all connections of a node use. */
export interface FeedEnvironment {
  readonly histories: readonly PartitionHistory[]
  readonly gate: LeaseGate
  readonly broadcast: Broadcast
  readonly clock: Clock
  readonly limits: FeedLimits
  readonly metrics: FeedMetrics
  readonly onBroken: ReportBroken
}

/** Is called when one connection changes. */
interface ConnectionListener {
  /** The connection is live. */
  joined(): void
  /** Called once when the connection ends, with the reason if the node ended it. */
  left(why?: { readonly code: number; readonly reason: string }): void
}

const TEXT = { binary: false, compress: false } as const
const RETRY_START_MS = 200
const GOING_AWAY = 1001
const INTERNAL_ERROR = 1011

export class FeedConnection {
  readonly #socket: WebSocket
  readonly #env: FeedEnvironment
  readonly #listener: ConnectionListener
  readonly #state: ConnectionState
  #acks: AckLedger | undefined
  #cancelTimer: () => void

  constructor(socket: WebSocket, environment: FeedEnvironment, listener: ConnectionListener) {
    const { clock, limits } = environment
    this.#socket = socket
    this.#env = environment
    this.#listener = listener
    this.#state = new ConnectionState(limits, clock.now())
    this.#cancelTimer = clock.after(limits.helloTimeoutMs, () =>
      this.close(FEED_CLOSE.protocol, 'no hello in time'),
    )
    socket.on('message', (data, isBinary) => this.#guard(() => this.#received(data, isBinary)))
    socket.on('ping', () => this.#guard(() => this.#heard()))
    socket.on('pong', () => this.#guard(() => this.#state.ponged(clock.now())))
    // The close event that follows reports the error.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#leave()
      this.#cancelTimer()
    })
  }

  /** Writes a frame of the broadcast. */
  deliver(frame: EncodedFrame, number: number): void {
    this.#guard(() => {
      this.#state.delivering(number)
      this.#write(frame)
    })
  }

  /** Pings a silent socket; cuts one that stays silent. */
  lookAfter(): void {
    const verdict = this.#state.judgeSilence(this.#env.clock.now())
    if (verdict === 'cut') this.cut()
    else if (verdict === 'ping' && this.#socket.readyState === this.#socket.OPEN)
      this.#socket.ping()
  }

  /** Most changes of any partition that a live client received and has not acknowledged; 0 if it never acknowledges. */
  unacknowledged(): number {
    return this.#state.phase === 'live' ? (this.#acks?.lag() ?? 0) : 0
  }

  goodbye(reconnectAfterMs: number): void {
    this.#write(encodeFrame({ type: 'goodbye', reconnect_after_ms: reconnectAfterMs }))
    this.close(GOING_AWAY, 'the node is about to stop')
  }

  close(code: number, reason: string): void {
    if (this.#state.phase === 'closed') return
    this.#leave({ code, reason })
    this.#socket.close(code, reason)
    // A client that reads too slowly does not answer the close frame soon either.
    const { clock, limits } = this.#env
    this.#cancelTimer = clock.after(limits.closeTimeoutMs, () => this.#socket.terminate())
  }

  /** Ends the connection immediately, without a close frame. */
  cut(): void {
    this.#leave()
    this.#socket.terminate()
  }

  #leave(why?: { readonly code: number; readonly reason: string }): void {
    if (this.#state.phase === 'closed') return
    this.#state.phase = 'closed'
    this.#cancelTimer()
    this.#env.broadcast.leave(this)
    this.#listener.left(why)
  }

  #guard(transition: () => void): void {
    guard(transition, (error) => {
      this.#env.onBroken(error)
      this.close(INTERNAL_ERROR, 'internal error')
    })
  }

  #write(frame: EncodedFrame): void {
    if (this.#state.phase !== 'live') return
    this.#socket.send(frame, TEXT)
    if (this.#socket.bufferedAmount <= this.#env.limits.maxBufferedBytes) return
    this.#env.metrics.slowClosed()
    this.close(FEED_CLOSE.slow, 'the socket is read too slowly')
  }

  #heard(): void {
    const mayGoOn = this.#state.heard(this.#env.clock.now())
    if (!mayGoOn) this.close(FEED_CLOSE.protocol, 'too many frames')
  }

  #received(data: RawData, isBinary: boolean): void {
    this.#heard()
    if (this.#state.phase !== 'closed') this.#act(this.#read(data as Buffer, isBinary))
  }

  #read(bytes: Buffer, isBinary: boolean): FrameAction {
    if (isBinary) return offence('frames are JSON texts')
    if (bytes.length > this.#env.limits.maxFrameBytes) return offence('the frame is too large')
    return this.#state.received(parseClientFrame(bytes.toString('utf8')))
  }

  #act(action: FrameAction): void {
    if (action.kind === 'close') this.close(action.code, action.reason)
    else if (action.kind === 'start') {
      this.#cancelTimer()
      this.#waitToStart(action.cursors)
    } else if (action.kind === 'probe') {
      this.#env.metrics.probed()
      if (action.isTaken) this.#waitForLease(action.n)
    } else if (action.kind === 'acknowledge') {
      this.#acks ??= new AckLedger(this.#env.histories)
      this.#acks.note(action.cursors)
    }
  }

  #waitToStart(cursors: Readonly<Record<string, FeedCursor>>): void {
    if (this.#state.phase !== 'starting') return
    this.#env.gate.enter({
      pass: () => this.#guard(() => this.#start(cursors)),
      // A client says hello only once, so the node tries again. Without a start the client serves nothing from its cache.
      fail: () => {
        if (this.#state.phase !== 'starting') return
        this.#cancelTimer = this.#env.clock.after(RETRY_START_MS, () => this.#waitToStart(cursors))
      },
    })
  }

  #start(cursors: Readonly<Record<string, FeedCursor>>): void {
    if (this.#state.phase === 'closed') return
    const { histories, limits, broadcast } = this.#env
    const { partitions, missed } = planStart(histories, cursors, limits.maxMissedBytes)
    this.#state.goLive(broadcast.sent)
    broadcast.join(this)
    this.#listener.joined()
    this.#write(encodeFrame({ type: 'start', partitions }))
    for (const frame of missed) this.#write(frame)
  }

  #waitForLease(n: number): void {
    const { gate, broadcast, metrics } = this.#env
    gate.enter({
      pass: () =>
        this.#guard(() => {
          if (!this.#state.mayLease(n, broadcast.sent)) return
          metrics.leased()
          this.#write(encodeFrame({ type: 'lease', n }))
        }),
      fail: () => this.#guard(() => this.#state.probeSettled()),
    })
  }
}
