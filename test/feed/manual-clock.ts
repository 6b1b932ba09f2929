/** A clock that a test moves. */
import type { Clock } from '../../introspect/feed/clock.ts'

export interface ManualClock extends Clock {
  /** Moves on, and calls in order what falls due on the way. */
  pass(ms: number): void
}

export function createManualClock(): ManualClock {
  let now = 0
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  return {
    now: () => now,
    after(ms, callback) {
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    pass(ms) {
      const until = now + ms
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        timers.delete(next)
        now = Math.max(now, next.at)
        next.callback()
      }
      now = until
    },
  }
}
