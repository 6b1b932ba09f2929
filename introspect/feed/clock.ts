/** The clock of the feed: elapsed time, never the time of day. Tests replace it. */

export interface Clock {
  /** Milliseconds since a fixed moment in the past; never goes back. */
  now(): number
  /** Calls back once after about this time. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}
