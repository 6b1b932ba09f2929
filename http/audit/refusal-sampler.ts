/**
 * Decides which refused attempts are recorded. Within a minute, that is the first of each kind, then the second, fourth,
 * eighth …, each with the number of attempts since the last record. So the records show the size of an attack, but an
 * attacker cannot flood them. Pure: time is passed in.
 */

/** How many attempts a record stands for. */
interface Sample {
  readonly count: number
  /** Whether the attempts may be of different kinds, so that only this one has the caller of the record. */
  readonly isMixed: boolean
}

/** Counts refused attempts. */
export interface RefusalSampler {
  /** Counts an attempt. @returns how many attempts to record it for; `undefined` to not record it */
  note(kind: string): Sample | undefined
}

const WINDOW_MS = 60_000
/** Most kinds counted separately in one window; all further ones are counted as one. */
const MAX_KINDS = 200
const ALL_OTHERS = ''

/** @param now a monotonic clock, in milliseconds */
export function createRefusalSampler(now: () => number): RefusalSampler {
  const counts = new Map<string, number>()
  let windowEnds = Number.NEGATIVE_INFINITY
  return {
    note(kind) {
      if (now() >= windowEnds) {
        counts.clear()
        windowEnds = now() + WINDOW_MS
      }
      const isMixed = !counts.has(kind) && counts.size >= MAX_KINDS
      const counted = isMixed ? ALL_OTHERS : kind
      const count = (counts.get(counted) ?? 0) + 1
      counts.set(counted, count)
      const isPowerOfTwo = (count & (count - 1)) === 0
      if (!isPowerOfTwo) return undefined
      return { count: count === 1 ? 1 : count / 2, isMixed }
    },
  }
}
