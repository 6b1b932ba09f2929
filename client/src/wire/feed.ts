/**
 * The frames of `/feed`, a WebSocket with JSON texts. The client sends `hello` first. The node answers with `start`, which has
 * one entry for each partition in order, and then sends every change as an `event`. A `lease` answers a `probe`: before it,
 * the node has written on the same socket every change up to heads that it read after the probe arrived.
 *
 * A reader ignores unknown frames and members. An event of unknown type touches everything in its partition.
 */
import type { FeedEvent } from './feed-event.ts'

/** Version of the protocol. A node refuses other versions with close code {@link FEED_CLOSE.version}. */
export const FEED_VERSION = 1

/** The position of a client in a partition: the epoch it follows, and the last change it has applied. */
export type FeedCursor = readonly [epoch: string, seq: number]

/** First frame of a client. On a reconnect it contains the cursors of all partitions. */
export interface HelloFrame {
  readonly type: 'hello'
  readonly version: number
  readonly cursors?: { readonly [partition: string]: FeedCursor }
}

/** Asks for a lease. `n` increases with every probe. */
export interface ProbeFrame {
  readonly type: 'probe'
  readonly n: number
}

/** Reports which changes the client has applied. */
export interface AckFrame {
  readonly type: 'ack'
  readonly cursors: { readonly [partition: string]: FeedCursor }
}

/** Frames that a client may send. */
export type ClientFrame = HelloFrame | ProbeFrame | AckFrame

/**
 * How a partition continues. `resume`: the missed changes follow, up to `seq` and beyond. `reset`: the client must drop what it
 * knows of the partition, and continue at this epoch and seq.
 */
export type PartitionStart = readonly [how: 'resume' | 'reset', epoch: string, seq: number]

/** Answers `hello`. The index in the list is the partition. */
export interface StartFrame {
  readonly type: 'start'
  readonly partitions: readonly PartitionStart[]
}

/** One change. */
export interface EventFrame {
  readonly type: 'event'
  readonly partition: number
  readonly epoch: string
  readonly seq: number
  readonly event: FeedEvent
}

/** The history of a partition has been replaced by another. */
export interface ResetFrame {
  readonly type: 'reset'
  readonly partition: number
  readonly epoch: string
  readonly seq: number
}

/** Answers `probe`. */
export interface LeaseFrame {
  readonly type: 'lease'
  readonly n: number
}

/** The node is about to close. The client should reconnect, to another node, after about this time. */
export interface GoodbyeFrame {
  readonly type: 'goodbye'
  readonly reconnect_after_ms: number
}

/** Frames that a node may send. */
export type ServerFrame = StartFrame | EventFrame | ResetFrame | LeaseFrame | GoodbyeFrame

/** WebSocket close codes of the feed (RFC 6455 §7.4.2: 4000 to 4999 are for private use). */
export const FEED_CLOSE = {
  /** The client's registration does not allow the feed any more. */
  unauthorized: 4401,
  /** A frame was malformed, too large or out of order, or there were too many. */
  protocol: 4400,
  /** The protocol version is not supported. */
  version: 4406,
  /** The client read too slowly. It should reconnect with its cursors. */
  slow: 4408,
} as const
