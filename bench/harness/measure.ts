/** What a measure is, and what it is given. Each file of `measures/` has one. */
import type { Finding } from '../report/finding.ts'
import type { Machine } from './machine.ts'

/** One thing that `npm run bench` measures. */
export interface Measure {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  run(bench: Bench): Promise<Finding>
}

/** What a measure is given. */
export interface Bench {
  /** Smaller sizes and fewer rounds: everything in two minutes. */
  readonly isQuick: boolean
  readonly machine: Machine
  /** Over how many processes the clients of a fleet are spread. */
  readonly fleetProcesses: number
  /** Shows what is being done now. */
  readonly step: (text: string) => void
  /** Registers something to stop when the scope ends, whether the measure succeeds or fails. */
  readonly atEnd: (stop: () => Promise<unknown>) => void
}

/** Runs work in a scope: what it starts is stopped at the end, the last first. */
export async function inScope<Result>(
  bench: Omit<Bench, 'atEnd'>,
  work: (bench: Bench) => Promise<Result>,
): Promise<Result> {
  const stops: (() => Promise<unknown>)[] = []
  try {
    return await work({ ...bench, atEnd: (stop) => void stops.push(stop) })
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}
