/** Timers that do not keep the process of their user alive. */

/** A timer under way. */
export type Timer = ReturnType<typeof setTimeout>

/** Calls back later, unless nothing else is left to wait for. */
export function callLater(then: () => void, delayMs: number): Timer {
  const timer = setTimeout(then, delayMs)
  // Node's timers are objects that can be let go of; elsewhere they are numbers.
  ;(timer as unknown as { unref?: () => void }).unref?.()
  return timer
}
