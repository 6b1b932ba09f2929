/**
 * The machine the figures are of, and which process runs on which of its cores. Load and what is loaded are kept apart
 * where there are two cores; Redis has one of its own where there are three.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** What a process does in a measurement. */
export type Part = 'server' | 'redis' | 'load'

/** The machine, as the report describes it. */
export interface Machine {
  readonly description: string
  readonly cores: number
  /** Core of each part; absent when processes are left where they are. */
  readonly placement?: Readonly<Record<Part, string>>
  /** Puts a running process, and all of its threads, onto the core of its part. */
  pin(pid: number, part: Part): void
}

/** @param cores those this process may use */
function place([server, redis, load = redis]: readonly string[]): Machine['placement'] {
  if (server === undefined || redis === undefined || load === undefined) return undefined
  return { server, redis, load }
}

/** Looks at this machine. */
export function findMachine(): Machine {
  const cores = availableParallelism()
  const placement = place(usableCores())
  const model = cpus()[0]?.model ?? 'unknown processor'
  const memory = Math.round(totalmem() / 2 ** 30)
  return {
    description: `${cores} × ${model.trim()}, ${memory} GiB, ${type()} ${release()}, Node ${process.versions.node}`,
    cores,
    ...(placement === undefined ? {} : { placement }),
    pin(pid, part) {
      if (placement !== undefined) {
        execFileSync('taskset', ['-a', '-c', '-p', placement[part], String(pid)], {
          stdio: 'ignore',
        })
      }
    },
  }
}

/** What `taskset` says, such as `pid 1's current affinity list: 0,2-4`; none where there is no such program. */
function usableCores(): readonly string[] {
  try {
    const said = execFileSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' })
    const list = said.slice(said.lastIndexOf(':') + 1).trim()
    return list.split(',').flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number) as [number, number?]
      return Array.from({ length: last - first + 1 }, (_, n) => String(first + n))
    })
  } catch {
    // The report says that processes are where the system puts them.
    return []
  }
}

const TICKS_PER_SECOND = 100
const USER_TIME_FIELD = 11

/** Processor time a process has used so far, in microseconds; `undefined` where the system has no `/proc`. */
export function cpuMicroseconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name of the program stands in brackets and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[USER_TIME_FIELD]) + Number(fields[USER_TIME_FIELD + 1])
    return (ticks * 1_000_000) / TICKS_PER_SECOND
  } catch {
    // Another system: the column stays empty.
    return undefined
  }
}

/** Resident memory of a process, in bytes; `undefined` where the system has no `/proc`. */
export function residentBytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
  } catch {
    // As above.
    return undefined
  }
}
