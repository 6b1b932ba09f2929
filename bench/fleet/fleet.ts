/** Many clients in a process of their own, beside as many bare sockets that are told by somebody else. */
import { join } from 'node:path'
import { startChild } from '../child.ts'
import type { Machine } from '../machine.ts'
import type { BareReading, FleetOrder, FleetPlan, Sight } from './orders.ts'

/** A fleet as a measure sees it. */
export interface Fleet {
  warm(tokens: readonly string[]): Promise<void>
  /**
   * Watches, once this has resolved, for the moment when no client has the token in its cache any more. Only one thing is
   * watched for at a time.
   */
  watchToken(token: string): Promise<Watch>
  /** The same for the next text, until all bare sockets have it. */
  watchBare(reading: BareReading): Promise<Watch>
  /** The status that one of the clients answers a request with. */
  statusOf(token: string): Promise<number>
  stop(): Promise<void>
}

/** What is being watched for. */
export interface Watch {
  seenByAll(): Promise<Sight>
}

/** Starts a process on the core of the load and opens everything in it. */
export async function startFleet(
  machine: Machine,
  plan: FleetPlan,
  nodeOptions: readonly string[] = [],
): Promise<Fleet> {
  const module = join(import.meta.dirname, 'process.ts')
  const child = startChild(machine, module, { part: 'load', nodeOptions })
  const order = <Answer>(what: FleetOrder): Promise<Answer> => child.ask(what)
  const watch = async (what: FleetOrder): Promise<Watch> => {
    await order(what)
    return { seenByAll: () => order({ kind: 'await' }) }
  }
  try {
    await order({ kind: 'open', plan })
  } catch (error) {
    await child.stop()
    throw error
  }
  return {
    warm: async (tokens) => void (await order({ kind: 'warm', tokens })),
    watchToken: (token) => watch({ kind: 'watch token', token }),
    watchBare: (reading) => watch({ kind: 'watch bare', reading }),
    statusOf: (token) => order({ kind: 'status', token }),
    stop: child.stop,
  }
}
