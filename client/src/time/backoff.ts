/** How long to wait before the next attempt: full jitter over a doubling range. Holds no timer; randomness comes in. */

/** Bounds of the waiting, in milliseconds. */
export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Counts attempts and says how long to wait. */
export interface Backoff {
  /** The wait before the next attempt. */
  next(): number
  /** To be called when an attempt has proved good. */
  reset(): void
}

/** Makes a back-off that starts at the first step. */
export function createBackoff({ firstMs, maxMs, random }: BackoffOptions): Backoff {
  let attempts = 0
  return {
    next() {
      const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempts, 30))
      attempts += 1
      return Math.round(random() * ceiling)
    },
    reset() {
      attempts = 0
    },
  }
}
