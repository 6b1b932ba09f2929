/** What a Redis holds, and waiting until it has no more work to do in the background. */
import type { Redis } from 'ioredis'
import { waitFor } from '../../test/fixture/wait-for.ts'

/** Memory and keys of a server. */
export interface Keyspace {
  readonly bytes: number
  readonly keys: number
}

const SCANNED_AT_ONCE = 1_000
const REWRITE_TIMEOUT_MS = 60_000

/** Reads both, once all that has expired is gone. The logs of the partitions, which age out by themselves, do not count. */
export async function readKeyspace(redis: Redis): Promise<Keyspace> {
  let logBytes = 0
  let logs = 0
  // Redis is slow to remove the last tenth of what has expired, unless a scan meets it.
  for await (const keys of scan(redis)) {
    for (const log of keys.filter((key) => /^cc\{.*\}l$/.test(key))) {
      logBytes += (await redis.memory('USAGE', log, 'SAMPLES', 0)) ?? 0
      logs++
    }
  }
  const [memory, keys] = await Promise.all([redis.info('memory'), redis.dbsize()])
  const used = Number(/^used_memory:(\d+)/m.exec(memory)?.[1])
  return { bytes: used - logBytes, keys: keys - logs }
}

/** All keys, some at a time. */
async function* scan(redis: Redis): AsyncGenerator<readonly string[]> {
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', SCANNED_AT_ONCE)
    yield keys
    cursor = next
  } while (cursor !== '0')
}

/** Resolves when Redis neither rewrites its append-only file, as it does after many writes, nor frees memory. */
export async function settled(redis: Redis): Promise<void> {
  const hasNoRewrite = /aof_rewrite_in_progress:0\s+aof_rewrite_scheduled:0/
  await waitFor(async () => hasNoRewrite.test(await redis.info('persistence')), REWRITE_TIMEOUT_MS)
  await waitFor(async () => /^lazyfree_pending_objects:0/m.test(await redis.info('memory')))
}
