/**
 * A Redis whose clock can be put forward: libfaketime adds an offset, which it reads from a file, to each time that Redis asks
 * for. Claimcheck trusts only the clock of Redis, so everything expires by it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort, REDIS_BINARY } from '../../test/fixture/redis-server.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import type { Bench } from '../harness/measure.ts'

/** A running one. */
export interface SteppedRedis {
  readonly url: string
  readonly direct: Redis
  /** Epoch seconds, by its clock. */
  now(): Promise<number>
  /** Puts its clock forward; resolves when Redis reads the new time. */
  advance(seconds: number): Promise<void>
}

const START_TIMEOUT_MS = 5_000
/** The upkeep of a simulated hour has to fit into a moment. */
const UPKEEP = ['--hz', '500', '--dynamic-hz', 'no']
/** The log of slow calls is in the same memory: on a busy machine, two kilobytes for each would look like a leak. */
const NO_SLOW_LOG = ['--slowlog-log-slower-than', '-1']

/**
 * Starts one on the core of Redis.
 *
 * @returns nothing when it does not answer: a Redis with a built-in allocator does not run under libfaketime
 */
export async function startSteppedRedis(
  { machine, atEnd }: Bench,
  library: string,
): Promise<SteppedRedis | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-growth-'))
  const port = await freePort()
  const clock = join(folder, 'clock')
  let offset = 0
  writeClock(clock, offset)
  const own = ['--port', String(port), '--dir', folder, '--bind', '127.0.0.1', '--save', '']
  const env = { PATH: process.env.PATH, ...environment(library, clock) }
  const child = spawn(REDIS_BINARY, [...own, ...UPKEEP, ...NO_SLOW_LOG], { stdio: 'ignore', env })
  atEnd(() => kill(child))
  const direct = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null })
  direct.on('error', () => undefined)
  atEnd(async () => direct.disconnect())
  const now = async (): Promise<number> => Number((await direct.time())[0])
  try {
    await waitFor(() => direct.status === 'ready', START_TIMEOUT_MS)
  } catch {
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
  }
}

function environment(library: string, clock: string): Record<string, string> {
  return {
    // jemalloc asks for the time before libfaketime can answer, which ends in a deadlock. With libc.so.6 behind libfaketime,
    // the C library allocates instead. See https://github.com/wolfcw/libfaketime/issues/130
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

/** In one step: half a file would be a wrong time. */
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
