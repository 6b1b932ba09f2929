/**
 * Time that does not run slow. A suspended machine stops the monotonic clock, a step changes the wall clock; counting what
 * the wall clock leaps ahead on top of the monotonic one means that a lease never seems younger than it is (by more than
 * the jitter of the wall clock), and that on a machine where nothing happens it seems exactly as old.
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

/** How far the wall clock may run ahead by itself: it ticks in whole milliseconds, and is slewed. */
const JITTER_MS = 2

/** Makes a clock that stands at 0. */
export function createElapsedClock({ monotonic, wall }: MachineClocks): ElapsedClock {
  const start = monotonic()
  let lastWall = wall()
  /** The least the wall clock has been ahead of the monotonic one since the last time it leapt. */
  let offset = lastWall - start
  /** What the wall clock has leapt ahead: time that the monotonic clock may have slept through. */
  let leapt = 0
  return {
    now() {
      const nowMonotonic = monotonic()
      lastWall = wall()
      const ahead = lastWall - nowMonotonic
      if (ahead - offset > JITTER_MS) {
        leapt += ahead - offset
        offset = ahead
      } else if (ahead < offset) {
        offset = ahead
      }
      return nowMonotonic - start + leapt
    },
    get wall() {
      return lastWall
    },
  }
}
