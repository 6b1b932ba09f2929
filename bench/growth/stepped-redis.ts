/**
 * A Redis whose clock is put forward at will: libfaketime adds to the time it reads what a file says at that moment. Nothing
 * else is told: what expires, expires by the clock of Redis, which is the only one that Claimcheck trusts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort, REDIS_BINARY } from '../../test/fixture/redis-server.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import type { Machine } from '../machine.ts'

/** A running one. */
export interface SteppedRedis {
  readonly url: string
  readonly direct: Redis
  /** Epoch seconds, by its clock. */
  now(): Promise<number>
  /** Puts its clock forward; resolves when it reads the new time. */
  advance(seconds: number): Promise<void>
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 5_000
/** Upkeep that Redis would do in a simulated hour has to fit into a moment of ours. */
const UPKEEP = ['--hz', '500', '--dynamic-hz', 'no']
/** It keeps the slowest calls in the same memory: two kilobytes each on a busy machine, which would look like a leak. */
const NO_SLOW_LOG = ['--slowlog-log-slower-than', '-1']

/**
 * Starts one on the core of Redis.
 *
 * @returns nothing when it does not answer: a Redis with an allocator of its own inside does not run under libfaketime
 */
export async function startSteppedRedis(
  machine: Machine,
  library: string,
): Promise<SteppedRedis | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-growth-'))
  const port = await freePort()
  const clock = join(folder, 'clock')
  let offset = 0
  writeClock(clock, offset)
  const child = spawn(
    REDIS_BINARY,
    [...options({ port, dir: folder, bind: '127.0.0.1', save: '' }), ...UPKEEP, ...NO_SLOW_LOG],
    { stdio: 'ignore', env: { PATH: process.env.PATH, ...environment(library, clock) } },
  )
  const direct = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null })
  direct.on('error', () => undefined)

  async function now(): Promise<number> {
    const [seconds] = await direct.time()
    return Number(seconds)
  }

  async function stop(): Promise<void> {
    direct.disconnect()
    await kill(child)
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    await waitFor(() => direct.status === 'ready', START_TIMEOUT_MS)
  } catch {
    await stop()
    return undefined
  }
  if (child.pid !== undefined) machine.pin(child.pid, 'redis')
  return {
    url: `redis://127.0.0.1:${port}`,
    direct,
    now,
    async advance(seconds) {
      const target = (await now()) + seconds
      offset += seconds
      writeClock(clock, offset)
      await waitFor(async () => (await now()) >= target)
    },
    stop,
  }
}

function options(settings: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
}

function environment(library: string, clock: string): Record<string, string> {
  return {
    // jemalloc asks for the time before libfaketime can answer, and neither comes through; behind libfaketime, the C library
    // gives the memory instead. See https://github.com/wolfcw/libfaketime/issues/130
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

/** In one step: half a file would be half a time. */
function writeClock(file: string, seconds: number): void {
  writeFileSync(`${file}.next`, `+${seconds}\n`)
  renameSync(`${file}.next`, file)
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
