/**
 * Private Redis servers for tests: real ones, each on its own Unix socket or loopback port, stopped with the test
 * file that started them. Faults are real too: kill, stop, continue, restart on the same data.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { waitFor } from './wait-for.ts'

/** A server of its own. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** A plain connection for looking inside. */
  readonly direct: Redis
  /** Freezes the process, as a hanging machine would. */
  pause(): void
  resume(): void
  /** `kill -9`; the data directory stays. */
  kill(): Promise<void>
  /** Starts again on the same port and data. */
  start(): Promise<void>
  /** Packs the append-only file, so that a start has one snapshot to read. */
  compact(): Promise<void>
  /** Starts on the same (compacted) data, and stays in LOADING until told to finish. */
  startLoading(): Promise<void>
  finishLoading(): Promise<void>
  stop(): Promise<void>
}

/** Hidden options of Redis, for its own tests: a pause after every key read, and how often it looks up meanwhile. */
const SLOW_LOADING = [
  '--key-load-delay',
  '20000',
  '--loading-process-events-interval-bytes',
  '1024',
]

/** The server program. */
export const REDIS_BINARY = process.env.CLAIMCHECK_TEST_REDIS_SERVER ?? 'redis-server'

/** A free loopback port. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Starts a server with its data in a new directory. `args` are further `redis-server` options. */
export async function startRedis(...args: string[]): Promise<TestRedis> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'claimcheck-redis-'))
  const direct = new Redis({
    port,
    lazyConnect: true,
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
    maxLoadingRetryTime: 50,
  })
  direct.on('error', () => undefined)
  let child: ChildProcess | undefined

  function launch(...more: string[]): void {
    // With the append-only file on, as in production: `everysec` may hold a write back while an fsync is slow, answer all the
    // same, and lose it in a kill.
    const durable = ['--appendfsync', 'always']
    const own = ['--port', port, '--dir', dir, '--save', '', '--bind', '127.0.0.1']
    const options = [...own, ...durable, ...args]
    child = spawn(REDIS_BINARY, [...options.map(String), ...more], { stdio: 'ignore' })
  }

  async function start(): Promise<void> {
    launch()
    await answering()
  }

  async function answering(): Promise<void> {
    await waitFor(async () => (await ask((probe) => probe.ping())) === 'PONG')
    if (direct.status === 'wait') await direct.connect()
    else await waitFor(() => direct.status === 'ready')
  }

  /** Asks over a connection of its own that does not mind a server that is not ready. */
  async function ask<Answer>(question: (probe: Redis) => Promise<Answer>): Promise<Answer> {
    const options = { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null }
    const probe = new Redis({ port, ...options })
    probe.on('error', () => undefined)
    try {
      await probe.connect()
      return await question(probe)
    } finally {
      probe.disconnect()
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await exited
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    direct,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill,
    start,
    async compact() {
      await direct.bgrewriteaof()
      await waitFor(async () => /aof_rewrite_in_progress:0/.test(await direct.info('persistence')))
    },
    async startLoading() {
      launch(...SLOW_LOADING)
      await waitFor(async () => /loading:1/.test(await ask((probe) => probe.info('persistence'))))
    },
    async finishLoading() {
      await ask((probe) => probe.config('SET', 'key-load-delay', '0'))
      await answering()
    },
    async stop() {
      direct.disconnect()
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
