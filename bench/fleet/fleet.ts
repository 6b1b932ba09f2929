/** Many clients and as many bare sockets, spread over some processes on the cores of the load. */
import { join } from 'node:path'
import { type BenchChild, startChild } from '../harness/child.ts'
import type { Bench } from '../harness/measure.ts'
import type { FleetOrder, FleetPlan } from './process.ts'

/** A fleet as a measure sees it. */
export interface Fleet {
  /** Looks tokens up at every client, until every cache holds them. */
  warm(tokens: readonly string[]): Promise<void>
  /** Watches, once this has resolved, until no client has the token in its cache. One watch at a time. */
  watchToken(token: string): Promise<Watch>
  /** The same until every bare socket has the next text. */
  watchBare(): Promise<Watch>
  /** The status with which one of the clients answers a request. */
  statusOf(token: string): Promise<number>
}

/** What is being watched for. */
export interface Watch {
  /** When the last of the fleet saw it, in milliseconds of the machine's clock. */
  seenByAllAt(): Promise<number>
}

/**
 * Starts the processes and opens everything in them. The clients of an installation run on many machines, so as many cores as
 * the load has share the work; more processes than cores would only take turns. On two cores this is one process, on the core
 * that Redis and the load share.
 */
export async function startFleet(bench: Bench, size: number, plan: FleetPlan): Promise<Fleet> {
  const processes = Math.min(size, bench.fleetProcesses)
  const module = join(import.meta.dirname, 'process.ts')
  const children: BenchChild[] = []
  for (let n = 0; n < processes; n++) {
    const child = startChild(bench, module, { part: 'load' })
    children.push(child)
    const share = Math.floor(((n + 1) * size) / processes) - Math.floor((n * size) / processes)
    await child.ask({ kind: 'open', size: share, plan } satisfies FleetOrder)
  }
  const askAll = <Answer>(order: FleetOrder): Promise<readonly Answer[]> =>
    Promise.all(children.map((child) => child.ask<Answer>(order)))
  const watch = async (order: FleetOrder): Promise<Watch> => {
    await askAll(order)
    return { seenByAllAt: async () => Math.max(...(await askAll<number>({ kind: 'await' }))) }
  }
  return {
    warm: async (tokens) => void (await askAll({ kind: 'warm', tokens })),
    watchToken: (token) => watch({ kind: 'watch token', token }),
    watchBare: () => watch({ kind: 'watch bare' }),
    async statusOf(token) {
      const child = children[Math.floor(Math.random() * processes)] as BenchChild
      return child.ask<number>({ kind: 'status', token } satisfies FleetOrder)
    },
  }
}
