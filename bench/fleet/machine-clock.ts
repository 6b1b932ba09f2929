/** A clock that processes share: one of them sees the beginning, another the end. */

const NANOSECONDS_PER_MS = 1e6

/** Monotonic milliseconds that mean the same in every process of this machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS
}
