/**
 * The connection to a feed node: opens it, keeps probing, notices when it is of no use any more, and comes back with
 * jitter. It moves frames between the socket and the protocol (freshness.ts) and decides nothing about entries.
 *
 *   opening   a socket is being opened; gives up after the time-out.
 *   greeting  `hello` is sent; waiting for `start`.
 *   running   probing every third of the bound; a node that answers no probe for a whole bound is left.
 *   waiting   closed; a timer leads back to opening.
 *   closed    for good.
 */

import type { Effect, Freshness } from '../cache/freshness.ts'
import type { Backoff } from '../time/backoff.ts'
import { callLater, type Timer } from '../time/timer.ts'
import { type ClientFrame, FEED_VERSION, type ServerFrame } from '../wire/index.ts'
import { type FrameReading, readFrame } from './frames.ts'

/** What a session tells the client about. */
export interface FeedSessionEvents {
  /** A frame has come, for the protocol. Returns what it changed. */
  readonly onFrame: (frame: ServerFrame) => readonly Effect[]
  /** The connection is gone; `reason` is for people. */
  readonly onDown: (reason: string) => void
  readonly onUp: () => void
}

/** What a session is made from. Times in milliseconds. */
export interface FeedSessionOptions extends FeedSessionEvents {
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

/** A session that keeps itself going. */
export interface FeedSession {
  close(): void
}

const PROBES_PER_BOUND = 3
/** Longest that a node may send us away for. */
const MAX_RECONNECT_MS = 60_000

/** `WebSocket` of Node takes headers; the standard type does not know. */
type SocketWithHeaders = new (url: string, init: { headers: Record<string, string> }) => WebSocket

/** Starts a session. */
export function openFeedSession(options: FeedSessionOptions): FeedSession {
  const { freshness, boundMs, timeoutMs, backoff, now } = options
  let socket: WebSocket | undefined
  let timer: Timer | undefined
  let isClosed = false

  function arm(delayMs: number, then: () => void): void {
    clearTimeout(timer)
    timer = callLater(then, delayMs)
  }

  function open(): void {
    const Socket = options.WebSocket as unknown as SocketWithHeaders
    const opened = new Socket(options.url, { headers: { authorization: options.authorization } })
    socket = opened
    let lastLeaseAt = now()
    let isRunning = false

    const leave = (reason: string, delayMs?: number): void => {
      if (socket !== opened) return
      socket = undefined
      opened.close()
      freshness.disconnected()
      options.onDown(reason)
      // `error` and `close` both come for one failure: the back-off is asked once, by the first.
      if (!isClosed) arm(delayMs ?? backoff.next(), open)
    }
    const send = (frame: ClientFrame): void => opened.send(JSON.stringify(frame))
    const probe = (): void => {
      if (now() - lastLeaseAt > boundMs) {
        leave('the node answered no probe')
        return
      }
      send({ type: 'probe', n: freshness.probe(now()) })
      arm(boundMs / PROBES_PER_BOUND, probe)
    }
    const receive = (reading: FrameReading): void => {
      if (reading.kind === 'malformed') leave('the node sent a malformed frame')
      if (reading.kind !== 'frame') return
      const { frame } = reading
      const effects = options.onFrame(frame)
      if (frame.type === 'start' && !isRunning) {
        isRunning = true
        options.onUp()
        probe()
      } else if (frame.type === 'lease' && effects.length > 0) {
        lastLeaseAt = now()
        backoff.reset()
      } else if (frame.type === 'goodbye') {
        leave('the node said goodbye', Math.min(frame.reconnect_after_ms, MAX_RECONNECT_MS))
      }
    }

    arm(timeoutMs, () => leave('no answer from the node'))
    opened.addEventListener('open', () => {
      const cursors = freshness.cursors()
      send({ type: 'hello', version: FEED_VERSION, ...(cursors === undefined ? {} : { cursors }) })
    })
    opened.addEventListener('message', ({ data }) => {
      if (socket === opened) receive(readFrame(data))
    })
    opened.addEventListener('close', ({ code }) => leave(`the connection was closed (${code})`))
    opened.addEventListener('error', () => leave('the connection failed'))
  }

  open()
  return {
    close() {
      isClosed = true
      clearTimeout(timer)
      const open = socket
      socket = undefined
      open?.close()
    },
  }
}
