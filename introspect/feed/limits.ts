/** All limits of the feed. */

export interface FeedLimits {
  /** Most sockets of a node, including those that are still being authenticated. */
  readonly maxConnections: number
  /** Most sockets of one client on a node: half, so that one client cannot take every place. */
  readonly maxConnectionsPerClient: number
  /** Longest wait for `hello`, in milliseconds. */
  readonly helloTimeoutMs: number
  /** Most bytes of a client's frame; a larger frame closes the socket. */
  readonly maxFrameBytes: number
  /** Most frames of a client within a second, including pings. */
  readonly maxFramesPerSecond: number
  /** Most probes of a client that wait for their lease; further ones are ignored. */
  readonly maxOpenProbes: number
  /** Bytes a socket may leave unread before it is closed. */
  readonly maxBufferedBytes: number
  /** Most bytes of missed events at a start; well below `maxBufferedBytes`. */
  readonly maxMissedBytes: number
  /** A socket that is silent for half of this time is pinged, for all of it cut; in milliseconds. */
  readonly silenceMs: number
  /** Longest wait for the client's close frame, in milliseconds. */
  readonly closeTimeoutMs: number
  /** A graceful shutdown spreads reconnects over this time, in milliseconds; below the staleness bound, so that caches survive. */
  readonly reconnectSpreadMs: number
}

/** Longest cursor in a frame: `"4095":["0123456789abcdef",123456789012345],` */
const CURSOR_BYTES = 64

/** @param partitions number of partitions; a frame that names all of them must fit */
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
