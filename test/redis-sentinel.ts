/** A private primary with one replica under one sentinel, stopped with the test file that started it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort, REDIS_BINARY, startRedis, type TestRedis } from './redis-server.ts'
import { waitFor } from './wait-for.ts'

/** A watched pair of servers. */
export interface TestSentinel {
  readonly url: string
  readonly primary: TestRedis
  readonly replica: TestRedis
  stop(): Promise<void>
}

const NAME = 'main'
const DOWN_AFTER_MS = 300

/** Lets a replica have its first copy at once: it need not wait for others. */
const EAGER = ['--repl-diskless-sync-delay', '0']

/** Starts a server that others may follow. */
export function startPrimary(...args: string[]): Promise<TestRedis> {
  return startRedis(...EAGER, ...args)
}

/** Waits until a replica has all its primary has written so far. */
export async function caughtUp(replica: TestRedis, primary: TestRedis): Promise<void> {
  const written = offsetOf(await primary.direct.info('replication'), 'master_repl_offset')
  await waitFor(async () => {
    const info = await replica.direct.info('replication')
    return (await isLinked(replica)) && offsetOf(info, 'slave_repl_offset') >= written
  })
}

function offsetOf(info: string, field: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN)
}

/** Starts a server that follows another one, and waits until it has caught up. */
export async function startReplica(of: TestRedis): Promise<TestRedis> {
  const replica = await startRedis('--replicaof', '127.0.0.1', String(of.port), ...EAGER)
  await waitFor(() => isLinked(replica))
  return replica
}

/** Whether a replica follows its primary. */
export async function isLinked({ direct }: TestRedis): Promise<boolean> {
  return (await direct.info('replication')).includes('master_link_status:up')
}

/** Starts primary, replica and sentinel. */
export async function startSentinel(): Promise<TestSentinel> {
  const primary = await startPrimary()
  const replica = await startReplica(primary)
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'claimcheck-sentinel-'))
  const config = join(dir, 'sentinel.conf')
  writeFileSync(
    config,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${dir}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 3000`,
    ].join('\n'),
  )
  const child = spawn(REDIS_BINARY, [config, '--sentinel'], { stdio: 'ignore' })
  const sentinel = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null })
  sentinel.on('error', () => undefined)
  // A failover needs a replica the sentinel knows of, and it learns of one from the primary, by the second.
  await waitFor(async () => {
    const replicas = (await sentinel.call('SENTINEL', 'REPLICAS', NAME)) as unknown[]
    return replicas.length === 1
  })
  return {
    url: `redis+sentinel://127.0.0.1:${port}/${NAME}`,
    primary,
    replica,
    async stop() {
      sentinel.disconnect()
      await end(child)
      await Promise.all([primary.stop(), replica.stop()])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
