/** What a client tells about itself: how stale it may be, and what it has been doing. */

/** The state of a client's cache. */
export type ClientState =
  /** Not in touch with a feed yet: every look-up is live. */
  | 'starting'
  /** In touch: serving from the cache within the staleness bound. */
  | 'fresh'
  /** Out of touch: entries are kept but not served; every look-up is live. */
  | 'suspended'
  /** The server has no feed: entries live for the staleness bound. */
  | 'ttl'
  /** `maxStalenessMs` is 0: every look-up is live. */
  | 'uncached'
  | 'closed'

/** Why an answer that had arrived was not kept. */
export type DiscardReason =
  /** Older than an invalidation already known. */
  | 'stale'
  /** Came before the first positions were known, or from another epoch. */
  | 'unsynced'
  /** Did not say where it was read, or what it belongs to. */
  | 'unmarked'
  /** Took longer than the staleness bound. */
  | 'late'

/** Counts since the client was made. */
export interface ClientCounts {
  hits: number
  negativeHits: number
  liveLookups: number
  staleServed: number
  resets: number
  reconnects: number
  readonly discarded: Record<DiscardReason, number>
}

/** A client's report. */
export interface ClientHealth {
  readonly state: ClientState
  /** Epoch milliseconds since which it is in that state. */
  readonly since: number
  /** How old the facts served from the cache may be right now, in milliseconds; undefined when it serves none. */
  readonly stalenessMs: number | undefined
  /** How long the feed took to vouch for everything last time, in milliseconds. */
  readonly lagMs: number | undefined
  readonly entries: number
  readonly entryBytes: number
  readonly negatives: number
  readonly pendingLookups: number
  /** Why the feed was left last, and why a look-up failed last; for people. */
  readonly lastProblem: string | undefined
  readonly counts: Readonly<ClientCounts>
}

/** All counts at zero. */
export function createCounts(): ClientCounts {
  return {
    hits: 0,
    negativeHits: 0,
    liveLookups: 0,
    staleServed: 0,
    resets: 0,
    reconnects: 0,
    discarded: { stale: 0, unsynced: 0, unmarked: 0, late: 0 },
  }
}
