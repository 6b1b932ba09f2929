/** What we are measured against: each a server in a process of its own, as small or as fast as it can be made. */
import { join } from 'node:path'
import { startChild } from './child.ts'
import type { Machine } from './machine.ts'
import type { Listening } from './peers/serve.ts'

/** A server to be loaded. */
export interface LoadedServer {
  readonly ports: readonly number[]
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** Files of `peers/`. */
export type PeerName = 'bare-http' | 'bare-koa' | 'oidc-provider'

/** Starts one on the core of the server. */
export async function startPeer(
  machine: Machine,
  name: PeerName,
  ...args: readonly string[]
): Promise<LoadedServer> {
  const module = join(import.meta.dirname, 'peers', `${name}.ts`)
  const child = startChild(machine, module, { part: 'server', args })
  const { port } = await child.ask<Listening>('where')
  return { ports: [port], pids: [child.pid], stop: child.stop }
}
