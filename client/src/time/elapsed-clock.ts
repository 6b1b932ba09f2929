/**
 * A clock that never runs slower than real time. A suspended machine stops the monotonic clock, and a step changes the wall
 * clock. So this clock adds every leap of the wall clock to the monotonic time. A lease never seems younger than it is (by
 * more than the jitter of the wall clock). On a machine that is not suspended or stepped, its age is exact.
 */

/** The two clocks of a machine, in milliseconds. */
export interface MachineClocks {
  readonly monotonic: () => number
  readonly wall: () => number
}

/** A clock of elapsed milliseconds that starts at 0 and never goes back. */
export interface ElapsedClock {
  now(): number
  /** The wall clock at the last call of `now`. Reading a clock again would add much to the cost of a cache hit. */
  readonly wall: number
}

/** How far the wall clock may run ahead without a leap: it counts whole milliseconds, and may be slewed. */
const JITTER_MS = 2

/** Makes a clock that starts at 0. */
export function createElapsedClock({ monotonic, wall }: MachineClocks): ElapsedClock {
  const start = monotonic()
  let lastWall = wall()
  /** How far the wall clock was ahead of the monotonic one, at least, since its last leap. */
  let offset = lastWall - start
  /** Sum of all leaps of the wall clock: time during which the monotonic clock may have stopped. */
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
