// One `npm start` per data directory: two Redis servers on one append-only file would destroy it.
//
// The lock is a listening unix socket, not a pid file: the kernel releases it when the process
// ends, however it ends. A connection attempt shows whether a lock is stale or live.

import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { socketPath } from './socket-path.ts'

export interface StartLock {
  /** Whether an earlier start was killed before it could give the lock back. */
  readonly isRecovered: boolean
  release(): void
}

/**
 * Takes the data directory for this process.
 *
 * @throws {Error} when another `npm start` is running on it.
 */
export async function takeStartLock(dataDir: string): Promise<StartLock> {
  const path = socketPath(dataDir, 'start.sock')
  const owner = await answer(path)
  if (owner.kind === 'alive') {
    throw new Error(
      `npm start is already running on ${dataDir} (process ${owner.pid}); stop that one, or give ` +
        'this one a data directory and ports of its own (CLAIMCHECK_DATA_DIR, ' +
        'CLAIMCHECK_ISSUER_PORT, CLAIMCHECK_INTROSPECT_PORT)',
    )
  }
  if (owner.kind === 'stale') rmSync(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(String(process.pid))
  })
  server.listen(path)
  await once(server, 'listening')
  server.unref()
  return { isRecovered: owner.kind === 'stale', release: () => server.close() }
}

type Owner =
  | { readonly kind: 'alive'; readonly pid: string }
  | { readonly kind: 'stale' }
  | { readonly kind: 'none' }

function answer(path: string): Promise<Owner> {
  return new Promise((done) => {
    let pid = ''
    const socket = connect(path)
    socket.on('data', (data) => {
      pid += data.toString()
    })
    socket.on('end', () => done({ kind: 'alive', pid }))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      done({ kind: error.code === 'ENOENT' ? 'none' : 'stale' }),
    )
  })
}
