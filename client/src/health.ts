/** What a client reports about itself: its state, how stale it may be, and what it has counted. */

/** The state of a client's cache. */
export type ClientState =
  /** Not connected to a feed yet. Every look-up goes to the service. */
  | 'starting'
  /** Connected. Answers are served from the cache within the staleness bound. */
  | 'fresh'
  /** Connection lost. Entries are kept but not served; every look-up goes to the service. */
  | 'suspended'
  /** The server has no feed. Entries live for the staleness bound. */
  | 'ttl'
  /** `maxStalenessMs` is 0. Every look-up goes to the service. */
  | 'uncached'
  /** `close` was called. */
  | 'closed'

/** Why an answer that arrived was not kept. */
export type DiscardReason =
  /** It is older than a known invalidation. It is not returned either, but asked for again. */
  | 'stale'
  /** It arrived before the first positions were known, or is from another epoch. */
  | 'unsynced'
  /** It does not say at which position it was read, or what it belongs to. */
  | 'unmarked'
  /** It took longer than the staleness bound. It is not returned either, but asked for again. */
  | 'late'

/** Counts since the client was made. */
export interface ClientCounts {
  /** Answers from the cache. */
  hits: number
  /** Void tokens recognized from the cache. */
  negativeHits: number
  /** Look-ups at the service, including those that joined a request under way. */
  liveLookups: number
  /** Answers older than the bound, served because `allowStaleMs` allowed it. */
  staleServed: number
  /** Partitions whose entries were dropped because the feed could not be continued. */
  resets: number
  /** Connections to the feed after the first. */
  reconnects: number
  /** Answers that were not kept, by reason. */
  readonly discarded: Record<DiscardReason, number>
}

/** The report of a client. */
export interface ClientHealth {
  /** What the client is doing. */
  readonly state: ClientState
  /** Since when the client is in this state, in milliseconds since 1970. */
  readonly since: number
  /** How old the facts served from the cache may be now, in milliseconds; `undefined` when nothing is served from it. */
  readonly stalenessMs: number | undefined
  /** Time from the last answered probe to its lease, in milliseconds; `undefined` before the first. */
  readonly lagMs: number | undefined

  /** Answers in the cache. */
  readonly entries: number
  /** Estimated memory of these answers, in bytes. */
  readonly entryBytes: number
  /** Void tokens remembered. */
  readonly negatives: number
  /** Look-ups waiting or under way. */
  readonly pendingLookups: number
  /** Why the last look-up failed, or why the feed was lost. For people: do not parse it. `undefined` when all is well. */
  readonly lastProblem: string | undefined
  /** Counts since the client was made. */
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
