/**
 * One call at a time, for two holders in turn: A B, B A, … Whatever else the machine does meets both within the same
 * millisecond, and nothing but the call itself is waited for.
 */
import { quantile } from '../figure.ts'

/** A median and its tail, in microseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
}

/** Calls for each of two, one after the other. */
export async function timeInTurn<Holder>(
  calls: number,
  holders: readonly [Holder, Holder],
  call: (holder: Holder, n: number) => Promise<unknown>,
): Promise<readonly [Latency, Latency]> {
  const times: readonly [number[], number[]] = [[], []]
  for (let n = 0; n < calls; n++) {
    for (const which of n % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      times[which].push(await timeOf(() => call(holders[which], n)))
    }
  }
  return [latencyOf(times[0]), latencyOf(times[1])]
}

/** Time of one call, in microseconds. */
export async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await call()
  return (performance.now() - startedAt) * 1_000
}

/** @param times in microseconds, in any order; at least one */
export function latencyOf(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}
