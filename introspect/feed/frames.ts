/**
 * The frames of the feed as bytes, and the reading of what clients send. A frame that goes to many sockets is encoded
 * once; an event is taken over as the text it was logged as.
 */
import type {
  ClientFrame,
  FeedCursor,
  GoodbyeFrame,
  LeaseFrame,
  PartitionStart,
  ResetFrame,
  StartFrame,
} from '../../client/src/wire/index.ts'
import { MAX_PARTITIONS } from '../../store/partitions.ts'
import type { EncodedFrame } from './partition-history.ts'

/** A frame of a type this version does not know: ignored, so that newer clients can say more. */
export interface UnknownFrame {
  readonly type: 'unknown'
}

const EPOCH = /^[0-9a-f]{1,40}$/
const PARTITION = /^(?:0|[1-9]\d{0,3})$/

/** @param json the event, as it was logged */
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

export function encodeReset(partition: number, epoch: string, seq: number): EncodedFrame {
  return encode<ResetFrame>({ type: 'reset', partition, epoch, seq })
}

export function encodeStart(partitions: readonly PartitionStart[]): EncodedFrame {
  return encode<StartFrame>({ type: 'start', partitions })
}

export function encodeLease(n: number): EncodedFrame {
  return encode<LeaseFrame>({ type: 'lease', n })
}

export function encodeGoodbye(reconnectAfterMs: number): EncodedFrame {
  return encode<GoodbyeFrame>({ type: 'goodbye', reconnect_after_ms: reconnectAfterMs })
}

function encode<Frame>(frame: Frame): EncodedFrame {
  return Buffer.from(JSON.stringify(frame))
}

/** Reads a client's frame; `undefined` for what is none. Members that are not known are passed over. */
export function parseClientFrame(text: string): ClientFrame | UnknownFrame | undefined {
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

// The cursors of another version may have another form, so they are looked at only by the version that knows them.
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
    // Not JSON is the commonest way of not being a frame.
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
