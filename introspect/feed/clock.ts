/** Time as the feed sees it: elapsed, never the time of day. Tests put another in its place. */

export interface Clock {
  /** Milliseconds since some moment in the past; never goes back. */
  now(): number
  /** Calls back once after about this time. Returns how to call it off. */
  after(ms: number, callback: () => void): () => void
}

/** The machine's own. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}
