/** What the load process is told and what it tells back. */

/** A stretch of load. */
export interface LoadPlan {
  readonly host: string
  /** Connections are spread over them. */
  readonly ports: readonly number[]
  readonly connections: number
  /** Whole requests, head and body; sent in turn, from the beginning again. */
  readonly requests: readonly string[]
  readonly seconds: number
  /** Ends the stretch when so many were sent, if that is sooner; at least as many as connections. */
  readonly count?: number
  /** Requests a second, some each millisecond, whether earlier ones were answered or not; absent means as many as go. */
  readonly rate?: number
  /** What every answer must hold. */
  readonly expect: string
  readonly status: number
}

/** What came of it. Times in microseconds. */
export interface LoadResult {
  readonly answered: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** What the load process itself used; near the whole of its core it, and not the server, set the pace. */
  readonly cpuUs: number
}
