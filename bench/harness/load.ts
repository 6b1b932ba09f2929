/** Loads a server from another process, and measures what that takes on both sides. */
import { join } from 'node:path'
import { type Figure, figureOf } from '../report/figure.ts'
import { startChild } from './child.ts'
import type { LoadPlan, LoadResult } from './load-process.ts'
import { cpuMicroseconds } from './machine.ts'
import type { Bench } from './measure.ts'

/** A server that can be loaded. */
export interface LoadedServer {
  readonly port: number
  readonly pid: number
}

/** What to send, and how. */
export type Stretch = Omit<LoadPlan, 'port'>

/** A load process; one is enough for a whole measure. */
export interface Loader {
  /** @throws {Error} when an answer is not the expected one, or a connection fails */
  load(server: LoadedServer, stretch: Stretch): Promise<Loaded>
}

/** The result of a stretch of load. Times in microseconds. */
export interface Loaded {
  readonly answered: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** CPU time for one answer: of the server, and of Redis. */
  readonly cpu: number
  readonly redisCpu: number
  /** How much of a core the load process used: near 1, the load process was the bottleneck. */
  readonly loadShare: number
}

/** Starts one on the cores of the load. */
export function startLoader(bench: Bench, redisPid: number): Loader {
  const module = join(import.meta.dirname, 'load-process.ts')
  const child = startChild(bench, module, { part: 'load' })
  return {
    async load({ port, pid }, stretch) {
      const usedCpu = () => [pid, redisPid, child.pid].map(cpuMicroseconds)
      const before = usedCpu()
      const plan: LoadPlan = { ...stretch, port }
      const { answered, seconds, p50, p99 } = await child.ask<LoadResult>(plan)
      const [server, redis, load] = usedCpu().map((cpu, n) => cpu - (before[n] as number))
      return {
        answered,
        perSecond: answered / seconds,
        p50,
        p99,
        cpu: (server as number) / answered,
        redisCpu: (redis as number) / answered,
        loadShare: (load as number) / (seconds * 1e6),
      }
    },
  }
}

/** One of the numbers, over all rounds. */
export function figureOfLoaded(samples: readonly Loaded[], value: keyof Loaded): Figure {
  return figureOf(samples.map((loaded) => loaded[value]))
}
