/** What a Redis holds, without what is there for a moment only: what has expired but was not met yet. */
import type { Redis } from 'ioredis'

/** Memory and keys of a server. */
export interface Keyspace {
  readonly bytes: number
  readonly keys: number
}

const SCANNED_AT_ONCE = 1_000

/** Reads both, once all that has expired is gone. */
export async function readKeyspace(redis: Redis): Promise<Keyspace> {
  for await (const _ of scan(redis)) {
    // Redis takes its time with the last tenth of what has expired, unless it meets it.
  }
  const [memory, keys] = await Promise.all([redis.info('memory'), redis.dbsize()])
  return { bytes: Number(/^used_memory:(\d+)/m.exec(memory)?.[1]), keys }
}

/** Takes away the logs of all partitions: they age out by themselves and are no part of what caused their entries. */
export async function dropLogs(redis: Redis): Promise<void> {
  for await (const keys of scan(redis, 'cc{*}l')) if (keys.length > 0) await redis.del(...keys)
}

/** All keys, or those of a pattern, so many at a time. */
export async function* scan(redis: Redis, pattern = '*'): AsyncGenerator<readonly string[]> {
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCANNED_AT_ONCE)
    yield keys
    cursor = next
  } while (cursor !== '0')
}
