/** Loads a server from a process of its own, and tells what it took on both sides. */
import { join } from 'node:path'
import { startChild } from './child.ts'
import type { LoadPlan, LoadResult } from './load/plan.ts'
import { cpuMicroseconds, type Machine } from './machine.ts'
import type { LoadedServer } from './peers.ts'

/** A load process; one is enough for a whole measure. */
export interface Loader {
  /** @throws {Error} when an answer is not the one that was expected, or a connection fails */
  load(server: LoadedServer, stretch: Stretch): Promise<Loaded>
  stop(): Promise<void>
}

/** What to send, and how. */
export type Stretch = Omit<LoadPlan, 'host' | 'ports'>

/** What a stretch of load came to. Times in microseconds. */
export interface Loaded {
  readonly answered: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Processor time of the server for one answer, over all its processes. */
  readonly cpu: number
  /** How much of a core the load process was busy: near 1 it was the one that could not go on. */
  readonly loadShare: number
}

const HOST = '127.0.0.1'

/** Starts one on the core of the load. */
export function startLoader(machine: Machine): Loader {
  const module = join(import.meta.dirname, 'load', 'process.ts')
  const child = startChild(machine, module, { part: 'load' })
  return {
    async load({ ports, pids }, stretch) {
      const before = cpuOf(pids)
      const plan: LoadPlan = { ...stretch, host: HOST, ports }
      const { answered, seconds, p50, p99, cpuUs } = await child.ask<LoadResult>(plan)
      return {
        answered,
        perSecond: answered / seconds,
        p50,
        p99,
        cpu: (cpuOf(pids) - before) / answered,
        loadShare: cpuUs / (seconds * 1e6),
      }
    },
    stop: child.stop,
  }
}

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (cpuMicroseconds(pid) ?? Number.NaN), 0)
}

/** The whole text of a POST with a form or a JSON body. */
export function postRequest(path: string, authorization: string, body: string): string {
  const type = /^[[{]/.test(body) ? 'application/json' : 'application/x-www-form-urlencoded'
  return [
    `POST ${path} HTTP/1.1`,
    `Host: ${HOST}`,
    `Authorization: ${authorization}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}
