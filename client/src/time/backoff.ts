/** How long to wait before the next attempt: full jitter over a doubling range. Has no timer; randomness is passed in. */

/** Bounds of the wait, in milliseconds. */
export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Counts attempts and computes the wait. */
export interface Backoff {
  /** The wait before the next attempt. */
  next(): number
  /** Call it when an attempt has succeeded. */
  reset(): void
}

/** Makes a back-off without any attempt yet. */
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
