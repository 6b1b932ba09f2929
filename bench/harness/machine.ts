/**
 * The machine that the figures come from, and which process runs on which of its cores. On two cores the server has one, and
 * Redis and the load share the other. With more cores, Redis has one, and the load has all that are left.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** What a process does in a measurement. */
export type Part = 'server' | 'redis' | 'load'

/** The machine, as the report describes it. */
export interface Machine {
  readonly description: string
  /** Cores of each part, such as `2,3`; absent when the operating system places the processes. */
  readonly placement?: Readonly<Record<Part, string>>
  /** Cores that the load may use. */
  readonly loadCores: number
  /** Restricts a running process, with all of its threads, to the cores of its part. */
  pin(pid: number, part: Part): void
}

/** Looks at this machine. */
export function findMachine(): Machine {
  const [server, redis, ...others] = usableCores()
  const model = cpus()[0]?.model ?? 'unknown processor'
  const memory = Math.round(totalmem() / 2 ** 30)
  const description = `${availableParallelism()} × ${model.trim()}, ${memory} GiB, ${type()} ${release()}, Node ${process.versions.node}`
  if (server === undefined || redis === undefined) {
    return { description, loadCores: 1, pin: () => undefined }
  }
  const load = others.length === 0 ? redis : others.join(',')
  const placement = { server, redis, load }
  return {
    description,
    placement,
    loadCores: Math.max(1, others.length),
    pin(pid, part) {
      const args = ['-a', '-c', '-p', placement[part], String(pid)]
      execFileSync('taskset', args, { stdio: 'ignore' })
    },
  }
}

/** From the output of `taskset`, such as `pid 1's current affinity list: 0,2-4`; empty where there is no such program. */
function usableCores(): readonly string[] {
  try {
    const output = execFileSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' })
    const list = output.slice(output.lastIndexOf(':') + 1).trim()
    return list.split(',').flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number) as [number, number?]
      return Array.from({ length: last - first + 1 }, (_, n) => String(first + n))
    })
  } catch {
    // The report says that the operating system places the processes.
    return []
  }
}

const NANOSECONDS_PER_MICROSECOND = 1_000

/**
 * CPU time that the living threads of a process have used so far, in microseconds; `NaN` where the system has no
 * `/proc/<pid>/task/<tid>/schedstat`. Its first number is in nanoseconds: `/proc/<pid>/stat` counts in hundredths of a second,
 * which is too coarse for a stretch of half a second.
 */
export function cpuMicroseconds(pid: number): number {
  try {
    const times = readdirSync(`/proc/${pid}/task`).map((tid) => threadNanoseconds(pid, tid))
    return times.reduce((sum, time) => sum + time, 0) / NANOSECONDS_PER_MICROSECOND
  } catch {
    // Another operating system: the report shows a dash.
    return Number.NaN
  }
}

function threadNanoseconds(pid: number, tid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'latin1').split(' ', 1)[0])
  } catch {
    // The thread has ended since the folder was read.
    return 0
  }
}

/** Resident memory of a process, in bytes; `undefined` where the system has no `/proc`. */
export function residentBytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
  } catch {
    // Another operating system: the report has no picture of the memory.
    return undefined
  }
}
