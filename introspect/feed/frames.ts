/**
 * Encodes the frames a node sends and parses the frames clients send. A frame for many sockets is encoded once. An event
 * is sent as the text it was logged as.
 */
import type {
  ClientFrame,
  EventFrame,
  FeedCursor,
  ServerFrame,
} from '../../client/src/wire/index.ts'
import { MAX_PARTITIONS } from '../../store/partitions.ts'
import type { EncodedFrame } from './partition-history.ts'

/** What a client sent. Frames of a type that this version does not know are ignored, so that newer clients can send more. */
export type ReceivedFrame = ClientFrame | { readonly type: 'unknown' }

const EPOCH = /^[0-9a-f]{1,40}$/
const PARTITION = /^(?:0|[1-9]\d{0,3})$/

/** @param json the event, as logged */
export function encodeEvent(
  partition: number,
  epoch: string,
  seq: number,
  json: string,
): EncodedFrame {
  return Buffer.from(
    `{"type":"event","partition":${partition},"epoch":"${epoch}","seq":${seq},"event":${json}}`,
  )
}

/** Encodes any frame but an event. */
export function encodeFrame(frame: Exclude<ServerFrame, EventFrame>): EncodedFrame {
  return Buffer.from(JSON.stringify(frame))
}

/** Parses a client's frame; `undefined` when it is malformed. Unknown members are ignored. */
export function parseClientFrame(text: string): ReceivedFrame | undefined {
  const frame = parseObject(text)
  if (frame === undefined || typeof frame.type !== 'string') return undefined
  switch (frame.type) {
    case 'hello':
      return parseHello(frame)
    case 'probe':
      return isCount(frame.n) ? { type: 'probe', n: frame.n } : undefined
    case 'ack':
      return isCursors(frame.cursors) ? { type: 'ack', cursors: frame.cursors } : undefined
    default:
      return { type: 'unknown' }
  }
}

type JsonObject = Readonly<Record<string, unknown>>

// Cursors of another version may have another form, so they are not checked.
function parseHello({ version, cursors }: JsonObject): ClientFrame | undefined {
  if (!isCount(version)) return undefined
  if (cursors === undefined || version !== 1) return { type: 'hello', version }
  return isCursors(cursors) ? { type: 'hello', version, cursors } : undefined
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // Not JSON, hence malformed.
    return undefined
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isCursors(value: unknown): value is Record<string, FeedCursor> {
  return (
    isObject(value) &&
    Object.entries(value).every(([partition, cursor]) => isPartition(partition) && isCursor(cursor))
  )
}

function isPartition(text: string): boolean {
  return PARTITION.test(text) && Number(text) < MAX_PARTITIONS
}

function isCursor(value: unknown): value is FeedCursor {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [epoch, seq] = value as unknown[]
  return typeof epoch === 'string' && EPOCH.test(epoch) && isCount(seq)
}
