/** The reference: a server of its own that sends one text to all its sockets with `ws`, and does nothing else. */
import { join } from 'node:path'
import { type BenchChild, startChild } from '../child.ts'
import type { Machine } from '../machine.ts'

/** What the process is started with. */
export interface BroadcasterPlan {
  /** As long as a frame of the feed. */
  readonly text: string
  /** Whatever is published here on `channel` makes it broadcast, too. */
  readonly redisUrl: string
  readonly channel: string
}

/** When a broadcast began, and when the last socket had been written to; by the machine's clock. */
export interface Broadcast {
  readonly startedAt: number
  readonly writtenAt: number
}

/** A running server. */
export interface Broadcaster {
  readonly url: string
  broadcast(): Promise<Broadcast>
  stop(): Promise<void>
}

/** Starts one on the core of the server. */
export async function startBroadcaster(
  machine: Machine,
  plan: BroadcasterPlan,
): Promise<Broadcaster> {
  const module = join(import.meta.dirname, 'broadcaster-process.ts')
  const child: BenchChild = startChild(machine, module, { part: 'server' })
  const port = await child.ask<number>(plan)
  return {
    url: `ws://127.0.0.1:${port}`,
    broadcast: () => child.ask<Broadcast>('broadcast'),
    stop: child.stop,
  }
}
