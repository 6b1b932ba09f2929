/** Every limit of the feed, in one place. */

export interface FeedLimits {
  /** Most sockets of a node, those that are still being authenticated included. */
  readonly maxConnections: number
  /** Of one client on one node: half, so that there is room for others whatever it does. */
  readonly maxConnectionsPerClient: number
  /** Longest wait for `hello`, in milliseconds. */
  readonly helloTimeoutMs: number
  /** Most bytes of a client's frame; more closes the socket. */
  readonly maxFrameBytes: number
  /** Most frames of a client within a second, pings included. */
  readonly maxFramesPerSecond: number
  /** Most probes of a client that wait for their lease; more are passed over. */
  readonly maxOpenProbes: number
  /** Bytes a socket may leave unread before it is closed. */
  readonly maxBufferedBytes: number
  /** Most bytes of missed events at a start, well below the former. */
  readonly maxMissedBytes: number
  /** A socket that says nothing for half of this is pinged, for all of it cut. */
  readonly silenceMs: number
  /** Longest wait for the other side's close frame. */
  readonly closeTimeoutMs: number
  /** A planned stop spreads the reconnects over this time; below the staleness bound, so that caches last. */
  readonly reconnectSpreadMs: number
}

/** Of a cursor in a frame: `"4095":["0123456789abcdef",123456789012345],` */
const CURSOR_BYTES = 64

/** @param partitions a frame that names all of them must fit */
export function feedLimits(partitions: number): FeedLimits {
  return {
    maxConnections: 10_000,
    maxConnectionsPerClient: 5_000,
    helloTimeoutMs: 10_000,
    maxFrameBytes: 4_096 + CURSOR_BYTES * partitions,
    maxFramesPerSecond: 50,
    maxOpenProbes: 8,
    maxBufferedBytes: 1 << 20,
    maxMissedBytes: 1 << 18,
    silenceMs: 60_000,
    closeTimeoutMs: 2_000,
    reconnectSpreadMs: 2_000,
  }
}
