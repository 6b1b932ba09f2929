/** Finds all keys of a pattern, on every primary. */
import { Cluster } from 'ioredis'
import type { RedisConnection } from './connection.ts'
import { askRedis } from './script-runner.ts'

/** How many keys Redis looks at for one batch. */
const KEYS_PER_STEP = 1_000

/** Yields the keys in batches, each key at least once. */
export async function* scanKeys(
  connection: RedisConnection,
  pattern: string,
): AsyncGenerator<ReadonlySet<string>> {
  const primaries = connection instanceof Cluster ? connection.nodes('master') : [connection]
  for (const primary of primaries) {
    let cursor = '0'
    do {
      const [next, found] = await askRedis(() =>
        primary.scan(cursor, 'MATCH', pattern, 'COUNT', KEYS_PER_STEP),
      )
      yield new Set(found)
      cursor = next
    } while (cursor !== '0')
  }
}
