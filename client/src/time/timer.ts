/** Timers that do not keep the process alive. */

/** A timer that is set. */
export type Timer = ReturnType<typeof setTimeout>

/** Longest delay of a timer; with a longer one it would fire at once. */
export const MAX_DELAY_MS = 2_147_483_647

/** Calls back later, unless the process ends before. */
export function callLater(then: () => void, delayMs: number): Timer {
  const timer = setTimeout(then, Math.min(delayMs, MAX_DELAY_MS))
  // Timers are objects with `unref` in Node, and numbers elsewhere.
  ;(timer as unknown as { unref?: () => void }).unref?.()
  return timer
}
