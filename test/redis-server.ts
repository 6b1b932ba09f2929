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
  stop(): Promise<void>
}

const BINARY = process.env.CLAIMCHECK_TEST_REDIS_SERVER ?? 'redis-server'

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
  })
  direct.on('error', () => undefined)
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const options = ['--port', port, '--dir', dir, '--save', '', '--bind', '127.0.0.1', ...args]
    child = spawn(BINARY, options.map(String), { stdio: 'ignore' })
    await waitFor(async () => {
      const probe = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
      probe.on('error', () => undefined)
      try {
        await probe.connect()
        return (await probe.ping()) === 'PONG'
      } catch {
        return false
      } finally {
        probe.disconnect()
      }
    })
    if (direct.status === 'wait') await direct.connect()
    else await waitFor(() => direct.status === 'ready')
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
    async stop() {
      direct.disconnect()
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
