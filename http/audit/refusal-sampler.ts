/**
 * Which refused attempts are worth a record of their own. The first of a kind always is; of the further ones in the same
 * minute the second, fourth, eighth …, each standing for those since the last. So an attack leaves a trace that tells its
 * size and cannot be used to write much. Pure: time is passed in.
 */

/** What a record of an attempt stands for. */
export interface Sample {
  readonly count: number
  /** Whether these were of kinds no longer told apart, so that nothing about this one holds for the others. */
  readonly isMixed: boolean
}

/** Decides about refused attempts. */
export interface RefusalSampler {
  /** What a record of this attempt would stand for; `undefined` when it needs none. */
  note(kind: string): Sample | undefined
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
      const isMixed = !counts.has(kind) && counts.size >= MAX_KINDS
      const known = isMixed ? ALL_OTHERS : kind
      const count = (counts.get(known) ?? 0) + 1
      counts.set(known, count)
      const isPowerOfTwo = (count & (count - 1)) === 0
      if (!isPowerOfTwo) return undefined
      return { count: count === 1 ? 1 : count / 2, isMixed }
    },
  }
}
