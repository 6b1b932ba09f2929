/**
 * Follows the feed of an introspection node to show it: it keeps no cache and ignores leases. After a lost connection it
 * resumes from its cursors, so no event is missed while the node still has them.
 *
 *   opening   the socket opens and `hello` is sent; ends with `start` or a time-out.
 *   watching  every event is passed on; regular probes show whether the node is still there.
 *   waiting   the connection is lost; after a random wait a new one is opened.
 */
import {
  type EventFrame,
  FEED_VERSION,
  type FeedCursor,
  type ResetFrame,
  type ServerFrame,
  type StartFrame,
} from '@claimcheck/client/wire'
import { pause } from './retry.ts'

/** Called as the feed goes on. */
interface FeedWatchEvents {
  readonly up: (start: StartFrame) => void
  readonly event: (frame: EventFrame) => void
  /** The node no longer has the events after the cursor: changes may have been missed. */
  readonly reset: (frame: ResetFrame) => void
  readonly down: (reason: string) => void
}

/** What a watcher is made from. */
export interface FeedWatchOptions extends FeedWatchEvents {
  /** ws or wss. */
  readonly url: string
  readonly authorization: string
  readonly timeoutMs: number
  readonly random: () => number
  readonly stop: AbortSignal
}

const PROBE_EVERY_MS = 5_000
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 10_000
const MAX_FRAME_LENGTH = 1_048_576

/** Node's `WebSocket` takes headers, which the standard type lacks. */
type SocketWithHeaders = new (url: string, init: { headers: Record<string, string> }) => WebSocket

/** Follows the feed until it is stopped. */
export async function watchFeed(options: FeedWatchOptions): Promise<void> {
  const cursors = new Map<number, FeedCursor>()
  let failures = 0
  while (!options.stop.aborted) {
    const reason = await watchOnce(options, cursors, () => {
      failures = 0
    })
    if (options.stop.aborted) return
    options.down(reason)
    failures += 1
    const ceiling = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
    await pause(options.random() * ceiling, options.stop).catch(() => undefined)
  }
}

/** One connection. @returns why it ended */
function watchOnce(
  options: FeedWatchOptions,
  cursors: Map<number, FeedCursor>,
  isUp: () => void,
): Promise<string> {
  return new Promise((done) => {
    const Socket = WebSocket as unknown as SocketWithHeaders
    const socket = new Socket(options.url, { headers: { authorization: options.authorization } })
    let probes = 0
    let isAnswered = true
    const end = (reason: string) => {
      clearTimeout(opening)
      clearInterval(probing)
      options.stop.removeEventListener('abort', stop)
      socket.close()
      done(reason)
    }
    const stop = () => end('stopped')
    const opening = setTimeout(() => end('the node does not answer'), options.timeoutMs)
    const probing = setInterval(() => {
      if (probes === 0 && socket.readyState !== WebSocket.OPEN) return
      if (!isAnswered) return end('the node has stopped answering')
      isAnswered = false
      probes += 1
      socket.send(JSON.stringify({ type: 'probe', n: probes }))
    }, PROBE_EVERY_MS)
    options.stop.addEventListener('abort', stop, { once: true })

    socket.addEventListener('open', () => {
      const known = cursors.size === 0 ? {} : { cursors: Object.fromEntries(cursors) }
      socket.send(JSON.stringify({ type: 'hello', version: FEED_VERSION, ...known }))
    })
    socket.addEventListener('close', ({ code }) => end(`the connection was closed (${code})`))
    socket.addEventListener('error', () => end('the connection failed'))
    socket.addEventListener('message', ({ data }) => {
      const frame = readFrame(data)
      if (frame === undefined) return end('the server there does not send a Claimcheck feed')
      switch (frame.type) {
        case 'start':
          clearTimeout(opening)
          frame.partitions.forEach(([, epoch, seq], partition) => {
            cursors.set(partition, [epoch, seq])
          })
          isUp()
          return options.up(frame)
        case 'event':
          cursors.set(frame.partition, [frame.epoch, frame.seq])
          return options.event(frame)
        case 'reset':
          cursors.set(frame.partition, [frame.epoch, frame.seq])
          return options.reset(frame)
        case 'lease':
          isAnswered = true
          return
        case 'goodbye':
          return end('the node is shutting down')
        default:
          return
      }
    })
  })
}

/** A frame with the members that are used here; undefined for anything else. */
function readFrame(data: unknown): ServerFrame | { readonly type: 'other' } | undefined {
  if (typeof data !== 'string' || data.length > MAX_FRAME_LENGTH) return undefined
  try {
    const frame = JSON.parse(data) as ServerFrame
    if (frame.type === 'start') return Array.isArray(frame.partitions) ? frame : undefined
    if (frame.type === 'event' || frame.type === 'reset') {
      return Number.isSafeInteger(frame.partition) ? frame : undefined
    }
    return typeof frame.type === 'string' ? frame : undefined
  } catch {
    // Not JSON, so not a frame.
    return undefined
  }
}
