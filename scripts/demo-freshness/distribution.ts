// Figures as a table.

/** Times in milliseconds. */
export interface Distribution {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Sums times up. */
export function distributionOf(times: readonly number[]): Distribution {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

/** One line of a table of distributions. */
export function distributionLine(what: string, times: readonly number[]): string {
  const { p50, p90, p99, max } = distributionOf(times)
  const cells = [p50, p90, p99, max].map((ms) => ms.toFixed(2).padStart(9))
  return `  ${what.padEnd(52)}${cells.join('')}`
}

/** Its head. */
export const DISTRIBUTION_HEAD = `  ${'milliseconds'.padEnd(52)}${['p50', 'p90', 'p99', 'max'].map((name) => name.padStart(9)).join('')}`

/** Monotonic milliseconds that mean the same in every process of this machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
