/** The servers that Claimcheck is compared with, each in its own process. */
import { join } from 'node:path'
import { startChild } from './child.ts'
import type { LoadedServer } from './load.ts'
import type { Bench } from './measure.ts'
import type { Listening } from './peers/serve.ts'

/** Files of `peers/`. */
export type PeerName = 'bare-koa' | 'oidc-provider'

/** Starts one on the core of the server. */
export async function startPeer(
  bench: Bench,
  name: PeerName,
  ...args: readonly string[]
): Promise<LoadedServer> {
  const module = join(import.meta.dirname, 'peers', `${name}.ts`)
  const child = startChild(bench, module, { part: 'server', args })
  const { port } = await child.ask<Listening>('where')
  return { port, pid: child.pid }
}
