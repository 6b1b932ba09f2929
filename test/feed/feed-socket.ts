/**
 * A simple client of the feed: a WebSocket, the frames it received in order, and ways to wait for them. It keeps the position
 * of each partition and throws when a frame does not continue it: a gap, a repetition, another epoch.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import type {
  EventFrame,
  FeedCursor,
  LeaseFrame,
  ServerFrame,
  StartFrame,
} from '../../client/src/wire/index.ts'
import { basic, type TestClient } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'

/** A connected client. */
export interface FeedSocket {
  readonly socket: WebSocket
  readonly frames: readonly ServerFrame[]
  /** Where the frames so far lead, by partition. */
  readonly cursors: Readonly<Record<string, FeedCursor>>
  /** Set once it is closed. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined
  send(frame: object | string): void
  /** Sends a probe with a new number and waits for its lease. */
  lease(): Promise<LeaseFrame>
  started(): Promise<StartFrame>
  /** The first event that fits, once it is there. */
  event(matches: (frame: EventFrame) => boolean): Promise<EventFrame>
  closeCode(): Promise<number>
  close(): void
}

/** A refused upgrade. */
export interface Refusal {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const feedUrl = (node: string) => `${node.replace(/^http/, 'ws')}/feed`

/** Opens a socket; says nothing yet. */
export async function openFeed(node: string, client: TestClient): Promise<FeedSocket> {
  const socket = new WebSocket(feedUrl(node), { headers: { authorization: basic(client) } })
  const feed = follow(socket)
  await once(socket, 'open')
  return feed
}

/** Opens a socket, says hello and waits for the start. */
export async function startFeedSocket(
  node: string,
  client: TestClient,
  cursors?: Readonly<Record<string, FeedCursor>>,
): Promise<FeedSocket> {
  const feed = await openFeed(node, client)
  feed.send({ type: 'hello', version: 1, ...(cursors === undefined ? {} : { cursors }) })
  await feed.started()
  return feed
}

/** Tries to open a socket that is expected to be refused. */
export async function refusedFeed(
  node: string,
  headers: Readonly<Record<string, string>>,
): Promise<Refusal> {
  const socket = new WebSocket(feedUrl(node), { headers })
  socket.on('error', () => undefined)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const { statusCode = 0 } = response
  return { status: statusCode, headers: response.headers, body: await text(response) }
}

function follow(socket: WebSocket): FeedSocket {
  const frames: ServerFrame[] = []
  const cursors: Record<string, FeedCursor> = {}
  let known: Readonly<Record<string, FeedCursor>> = {}
  let closed: FeedSocket['closed']
  let fault: Error | undefined
  let lastProbe = 0
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as ServerFrame
    frames.push(frame)
    fault ??= advance(cursors, known, frame)
  })
  socket.on('close', (code, reason) => {
    closed = { code, reason: String(reason) }
  })
  socket.on('error', () => undefined)

  async function found<Frame extends ServerFrame>(matches: (frame: ServerFrame) => boolean) {
    const frame = await waitFor(() => {
      if (fault !== undefined) return true
      return frames.find(matches)
    })
    if (fault !== undefined) throw fault
    return frame as Frame
  }

  function send(frame: object | string): void {
    const hello = frame as { cursors?: typeof known; type?: string }
    if (hello.type === 'hello') known = hello.cursors ?? {}
    socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  return {
    socket,
    frames,
    cursors,
    get closed() {
      return closed
    },
    send,
    lease() {
      const n = ++lastProbe
      send({ type: 'probe', n })
      return found<LeaseFrame>((frame) => frame.type === 'lease' && frame.n === n)
    },
    started: () => found<StartFrame>((frame) => frame.type === 'start'),
    event: (matches) => found<EventFrame>((frame) => frame.type === 'event' && matches(frame)),
    async closeCode() {
      await waitFor(() => closed !== undefined)
      return (closed as NonNullable<typeof closed>).code
    },
    close: () => socket.terminate(),
  }
}

/** Moves the cursors as a client would; returns what is wrong with a frame. */
function advance(
  cursors: Record<string, FeedCursor>,
  known: Readonly<Record<string, FeedCursor>>,
  frame: ServerFrame,
): Error | undefined {
  const fault = () => new Error(`out of sequence: ${JSON.stringify(frame)}`)
  switch (frame.type) {
    case 'start':
      for (const [n, [how, epoch, seq]] of frame.partitions.entries()) {
        const cursor = known[n]
        if (how === 'resume' && cursor?.[0] !== epoch) return fault()
        cursors[n] = how === 'resume' ? (cursor as FeedCursor) : [epoch, seq]
      }
      return undefined
    case 'event': {
      const [epoch, seq] = cursors[frame.partition] ?? ['', 0]
      if (epoch !== frame.epoch || frame.seq !== seq + 1) return fault()
      cursors[frame.partition] = [epoch, frame.seq]
      return undefined
    }
    case 'reset':
      if (cursors[frame.partition] === undefined) return fault()
      cursors[frame.partition] = [frame.epoch, frame.seq]
      return undefined
    default:
      return undefined
  }
}
