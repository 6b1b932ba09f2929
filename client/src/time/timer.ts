/** Timers that do not keep the process of their user alive. */

/** A timer under way. */
export type Timer = ReturnType<typeof setTimeout>

/** Longest delay a timer can have; it would fire at once for a longer one. */
export const MAX_DELAY_MS = 2_147_483_647

/** Calls back later, unless nothing else is left to wait for. */
export function callLater(then: () => void, delayMs: number): Timer {
  const timer = setTimeout(then, Math.min(delayMs, MAX_DELAY_MS))
  // Node's timers are objects that can be let go of; elsewhere they are numbers.
  ;(timer as unknown as { unref?: () => void }).unref?.()
  return timer
}
