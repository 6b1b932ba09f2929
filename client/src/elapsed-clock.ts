/**
 * Time that only ever runs too fast. A suspended machine stops the monotonic clock, a step changes the wall clock;
 * taking the larger advance of the two means that a lease never seems younger than it is.
 */

/** The two clocks of a machine, in milliseconds. */
export interface MachineClocks {
  readonly monotonic: () => number
  readonly wall: () => number
}

/** A clock of elapsed milliseconds that starts at 0 and never goes back. */
export interface ElapsedClock {
  now(): number
  /** The wall clock at the last `now`: reading a clock is a good part of what a cache hit costs. */
  readonly wall: number
}

/** Makes a clock that stands at 0. */
export function createElapsedClock({ monotonic, wall }: MachineClocks): ElapsedClock {
  let lastMonotonic = monotonic()
  let lastWall = wall()
  let elapsed = 0
  return {
    now() {
      const nowMonotonic = monotonic()
      const nowWall = wall()
      const advance = Math.max(nowMonotonic - lastMonotonic, nowWall - lastWall)
      if (advance > 0) elapsed += advance
      lastMonotonic = nowMonotonic
      lastWall = nowWall
      return elapsed
    },
    get wall() {
      return lastWall
    },
  }
}
