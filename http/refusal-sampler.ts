/**
 * Which refused attempts are worth a record of their own. The first of a kind always is; of the further ones in the same
 * minute the second, fourth, eighth …, each standing for those since the last. So an attack leaves a trace that tells its
 * size and cannot be used to write much. Pure: time is passed in.
 */

/** Decides about refused attempts. */
export interface RefusalSampler {
  /** How many attempts a record of this one would stand for; `undefined` when it needs none. */
  note(kind: string): number | undefined
}

const WINDOW_MS = 60_000
/** Kinds told apart in one window; an attacker who makes up more of them is one kind. */
const MAX_KINDS = 200
const ALL_OTHERS = ''

/** @param now milliseconds that never run back */
export function createRefusalSampler(now: () => number): RefusalSampler {
  const counts = new Map<string, number>()
  let windowEnds = Number.NEGATIVE_INFINITY
  return {
    note(kind) {
      if (now() >= windowEnds) {
        counts.clear()
        windowEnds = now() + WINDOW_MS
      }
      const known = counts.has(kind) || counts.size < MAX_KINDS ? kind : ALL_OTHERS
      const count = (counts.get(known) ?? 0) + 1
      counts.set(known, count)
      const isPowerOfTwo = (count & (count - 1)) === 0
      if (!isPowerOfTwo) return undefined
      return count === 1 ? 1 : count / 2
    },
  }
}
