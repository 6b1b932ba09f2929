/**
 * The frames of `/feed`, a WebSocket of JSON texts. The client speaks first (`hello`); the node answers with `start`, one
 * entry a partition in order, and from then on tells of every change. A `lease` answers a `probe`: when it is written,
 * every change up to the heads read after the probe came in has been written on the same socket before it.
 *
 * A reader ignores frames and members it does not know, except an event of unknown type, which touches everything in
 * its partition.
 */
import type { FeedEvent } from './feed-event.ts'

/** Version of the protocol; a node refuses others with close code {@link FEED_CLOSE.version}. */
export const FEED_VERSION = 1

/** Where a client stands in a partition: the epoch it follows and the last change it has applied. */
export type FeedCursor = readonly [epoch: string, seq: number]

/** First frame of a client; the cursors of all partitions it still follows. */
export interface HelloFrame {
  readonly type: 'hello'
  readonly version: number
  readonly cursors?: { readonly [partition: string]: FeedCursor }
}

/** Asks for a lease. `n` grows with every probe of a connection. */
export interface ProbeFrame {
  readonly type: 'probe'
  readonly n: number
}

/** Tells how far the client has applied. */
export interface AckFrame {
  readonly type: 'ack'
  readonly cursors: { readonly [partition: string]: FeedCursor }
}

/** What a client may send. */
export type ClientFrame = HelloFrame | ProbeFrame | AckFrame

/**
 * How a partition goes on: `resume` — the missed changes follow, up to and beyond `seq`; `reset` — whatever the client
 * knew of the partition is void, and it stands at this epoch and seq now.
 */
export type PartitionStart = readonly [how: 'resume' | 'reset', epoch: string, seq: number]

/** Answers `hello`; the index is the partition. */
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

/** The history of a partition is another one now. */
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

/** The node is about to close; come back to another after about this time. */
export interface GoodbyeFrame {
  readonly type: 'goodbye'
  readonly reconnect_after_ms: number
}

/** What a node may send. */
export type ServerFrame = StartFrame | EventFrame | ResetFrame | LeaseFrame | GoodbyeFrame

/** WebSocket close codes of the feed (RFC 6455 §7.4.2: 4000 and above are ours). */
export const FEED_CLOSE = {
  /** The client's registration no longer allows it. */
  unauthorized: 4401,
  /** A frame was malformed, too large, out of order or one too many. */
  protocol: 4400,
  version: 4406,
  /** It read too slowly; its cursors do the rest. */
  slow: 4408,
} as const
