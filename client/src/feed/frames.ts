/**
 * Reads the frames of a node. The members that this client relies on must be valid. Unknown members and frames of unknown type
 * are accepted, because newer nodes may send them.
 */
import type { FeedEvent, PartitionStart, ServerFrame } from '../wire/index.ts'

/** Longest frame that a node may send, in characters: enough for a `start` with 4096 partitions. */
const MAX_FRAME_LENGTH = 1_048_576

/** Most partitions an installation can have. */
const MAX_PARTITIONS = 4_096

/** The result of reading a text. */
export type FrameReading =
  | { readonly kind: 'frame'; readonly frame: ServerFrame }
  /** A type of a later version: ignored. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'malformed' }

const MALFORMED: FrameReading = { kind: 'malformed' }
const UNKNOWN: FrameReading = { kind: 'unknown' }

/** Reads one text frame. */
export function readFrame(text: unknown): FrameReading {
  if (typeof text !== 'string' || text.length > MAX_FRAME_LENGTH) return MALFORMED
  const value = parse(text)
  if (!isObject(value) || typeof value.type !== 'string') return MALFORMED
  if (!Object.hasOwn(CHECKS, value.type)) return UNKNOWN
  const check = CHECKS[value.type as ServerFrame['type']]
  return check(value) ? { kind: 'frame', frame: value as unknown as ServerFrame } : MALFORMED
}

type Members = Readonly<Record<string, unknown>>

const CHECKS: Readonly<Record<ServerFrame['type'], (frame: Members) => boolean>> = {
  start: ({ partitions }) =>
    Array.isArray(partitions) &&
    partitions.length > 0 &&
    partitions.length <= MAX_PARTITIONS &&
    partitions.every(isPartitionStart),
  event: (frame) => isPosition(frame) && isFeedEvent(frame.event),
  reset: isPosition,
  lease: ({ n }) => isCount(n),
  goodbye: ({ reconnect_after_ms }) => isCount(reconnect_after_ms),
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller accepts objects only.
    return undefined
  }
}

function isPosition({ partition, epoch, seq }: Members): boolean {
  return isCount(partition) && typeof epoch === 'string' && epoch !== '' && isCount(seq)
}

function isPartitionStart(value: unknown): value is PartitionStart {
  if (!Array.isArray(value)) return false
  const [how, epoch, seq] = value
  return (how === 'resume' || how === 'reset') && typeof epoch === 'string' && isCount(seq)
}

const EVENT_NAMES: Readonly<Record<FeedEvent['type'], readonly string[]>> = {
  token: ['jti'],
  grant: ['grant_id'],
  session: ['sid'],
  subject: ['sub'],
  subjects: [],
  subject_client: ['sub', 'client_id'],
  client: ['client_id'],
  all: [],
  schema: [],
}

/**
 * An event of unknown type is valid: it touches everything. An event of known type must name what it touches, and its
 * contexts must be a list of names if there are any.
 */
function isFeedEvent(value: unknown): value is FeedEvent {
  if (!isObject(value) || typeof value.type !== 'string') return false
  const names = Object.hasOwn(EVENT_NAMES, value.type)
    ? EVENT_NAMES[value.type as FeedEvent['type']]
    : []
  if (value.type === 'subjects') {
    return Array.isArray(value.subjects) && value.subjects.every(isChangedSubject)
  }
  return names.every((name) => typeof value[name] === 'string') && isNamesOrNothing(value.contexts)
}

function isChangedSubject(value: unknown): boolean {
  return isObject(value) && typeof value.sub === 'string' && isNamesOrNothing(value.contexts)
}

function isNamesOrNothing(value: unknown): boolean {
  if (value === undefined) return true
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
