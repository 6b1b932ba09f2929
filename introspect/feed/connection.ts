/**
 * One client's socket on the feed.
 *
 * *greeting*  — open, nothing said. `hello` leaves it; so does time, or any other known frame (both close).
 * *starting*  — the cursors are known; waits at the gate like a probe, so that a client coming from a node that was
 *               ahead of this one is not reset. Probes are taken. Passing the gate leaves it: `start`, the missed events
 *               and joining the broadcast are one step, hence no gap and no repetition between them.
 * *live*      — has been told everything the node's reader has applied, at any moment. Leases are written only here.
 * *closed*    — says nothing more and ignores whatever comes. Entered from all others; left by none.
 *
 * Ignored in every state: frames of unknown type. Closing: frames that are malformed, too large, too many or out of
 * order; what a slow reader leaves unread beyond the limit.
 */

import type { RawData, WebSocket } from 'ws'
import {
  FEED_CLOSE,
  FEED_VERSION,
  type FeedCursor,
  type HelloFrame,
} from '../../client/src/wire/index.ts'
import { type AckLedger, createAckLedger } from './ack-ledger.ts'
import type { Clock } from './clock.ts'
import { encodeGoodbye, encodeLease, encodeStart, parseClientFrame } from './frames.ts'
import type { LeaseGate } from './lease-gate.ts'
import type { FeedLimits } from './limits.ts'
import type { FeedMetrics } from './metrics.ts'
import type { EncodedFrame, PartitionHistory } from './partition-history.ts'
import { planStart } from './start-plan.ts'

/** What all connections of a node use. */
export interface FeedEnvironment {
  readonly histories: readonly PartitionHistory[]
  readonly gate: LeaseGate
  readonly clock: Clock
  readonly limits: FeedLimits
  readonly metrics: FeedMetrics
  /** The connection has been told everything; from now on it is to be told of every change. */
  joined(connection: FeedConnection): void
  /** Called once, whatever ended it; with the reason if the node did. */
  left(connection: FeedConnection, why?: { readonly code: number; readonly reason: string }): void
}

/** A connection, from the node's side. */
export interface FeedConnection {
  /** Writes a frame, if it is live. */
  tell(frame: EncodedFrame): void
  /** Looks after it: pings a silent socket, cuts one that stays silent. */
  lookAfter(): void
  /** Most changes of any partition that the client was told of and has not acknowledged; 0 if it never does. */
  unacknowledged(): number
  goodbye(reconnectAfterMs: number): void
  close(code: number, reason: string): void
  /** At once, without a word. */
  cut(): void
}

const TEXT = { binary: false, compress: false } as const
const RETRY_START_MS = 200
const GOING_AWAY = 1001

export function createFeedConnection(
  socket: WebSocket,
  environment: FeedEnvironment,
): FeedConnection {
  const { histories, gate, clock, limits, metrics, joined, left } = environment
  let state: 'greeting' | 'starting' | 'live' | 'closed' = 'greeting'
  let lastProbe = -1
  let openProbes = 0
  let lastHeardAt = clock.now()
  let secondBegan = lastHeardAt
  let framesThisSecond = 0
  let acks: AckLedger | undefined
  let cancelTimer = clock.after(limits.helloTimeoutMs, () =>
    close(FEED_CLOSE.protocol, 'no hello in time'),
  )

  function tell(frame: EncodedFrame): void {
    if (state !== 'live') return
    socket.send(frame, TEXT)
    if (socket.bufferedAmount <= limits.maxBufferedBytes) return
    metrics.slowClosed()
    close(FEED_CLOSE.slow, 'the socket is read too slowly')
  }

  function heard(): void {
    lastHeardAt = clock.now()
    if (lastHeardAt - secondBegan >= 1_000) {
      secondBegan = lastHeardAt
      framesThisSecond = 0
    }
    framesThisSecond++
    if (framesThisSecond > limits.maxFramesPerSecond) close(FEED_CLOSE.protocol, 'too many frames')
  }

  function received(data: RawData, isBinary: boolean): void {
    heard()
    if (state === 'closed') return
    const offence = isBinary ? 'frames are JSON texts' : take(data as Buffer)
    if (offence !== undefined) close(FEED_CLOSE.protocol, offence)
  }

  /** Does what a frame asks. Returns what is wrong with it, if anything. */
  function take(bytes: Buffer): string | undefined {
    if (bytes.length > limits.maxFrameBytes) return 'the frame is too large'
    const frame = parseClientFrame(bytes.toString('utf8'))
    if (frame === undefined) return 'the frame is malformed'
    if (frame.type === 'unknown') return undefined
    if (frame.type === 'hello') return greeted(frame)
    if (state === 'greeting') return 'hello comes first'
    return frame.type === 'probe' ? probed(frame.n) : acknowledged(frame.cursors)
  }

  function greeted({ version, cursors = {} }: HelloFrame): string | undefined {
    if (state !== 'greeting') return 'hello comes once'
    if (version !== FEED_VERSION) {
      close(FEED_CLOSE.version, `the version is ${FEED_VERSION}`)
      return undefined
    }
    cancelTimer()
    state = 'starting'
    waitToStart(cursors)
    return undefined
  }

  function waitToStart(cursors: Readonly<Record<string, FeedCursor>>): void {
    if (state !== 'starting') return
    gate.enter({
      pass: () => start(cursors),
      // Said only once, so it is not forgotten: a client without a start has no cache to be wrong about.
      fail() {
        if (state !== 'starting') return
        cancelTimer = clock.after(RETRY_START_MS, () => waitToStart(cursors))
      },
    })
  }

  function start(cursors: Readonly<Record<string, FeedCursor>>): void {
    if (state !== 'starting') return
    const { partitions, missed } = planStart(histories, cursors, limits.maxMissedBytes)
    state = 'live'
    joined(connection)
    tell(encodeStart(partitions))
    for (const frame of missed) tell(frame)
  }

  function probed(n: number): string | undefined {
    if (n <= lastProbe) return 'probes grow'
    lastProbe = n
    metrics.probed()
    if (openProbes >= limits.maxOpenProbes) return undefined
    openProbes++
    gate.enter({
      pass() {
        openProbes--
        if (state !== 'live') return
        metrics.leased()
        tell(encodeLease(n))
      },
      fail() {
        openProbes--
      },
    })
    return undefined
  }

  function acknowledged(cursors: Readonly<Record<string, FeedCursor>>): undefined {
    acks ??= createAckLedger(histories)
    acks.note(cursors)
  }

  function lookAfter(): void {
    const silentMs = clock.now() - lastHeardAt
    if (silentMs >= limits.silenceMs) cut()
    else if (silentMs >= limits.silenceMs / 2 && socket.readyState === socket.OPEN) socket.ping()
  }

  function leave(why?: { readonly code: number; readonly reason: string }): void {
    if (state === 'closed') return
    state = 'closed'
    cancelTimer()
    left(connection, why)
  }

  function close(code: number, reason: string): void {
    if (state === 'closed') return
    leave({ code, reason })
    socket.close(code, reason)
    // Whoever reads too slowly will not see the close frame soon either.
    cancelTimer = clock.after(limits.closeTimeoutMs, () => socket.terminate())
  }

  function cut(): void {
    leave()
    socket.terminate()
  }

  const connection: FeedConnection = {
    tell,
    lookAfter,
    unacknowledged: () => acks?.lag() ?? 0,
    goodbye(reconnectAfterMs) {
      tell(encodeGoodbye(reconnectAfterMs))
      close(GOING_AWAY, 'the node is about to stop')
    },
    close,
    cut,
  }

  socket.on('message', received)
  socket.on('ping', heard)
  socket.on('pong', () => {
    lastHeardAt = clock.now()
  })
  // What went wrong is told by the close that follows.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    leave()
    cancelTimer()
  })
  return connection
}
