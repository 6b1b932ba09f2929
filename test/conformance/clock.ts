/**
 * Moves time forward instead of waiting. The clock of a partition never goes back, so a later time written there holds from
 * then on, while the expiry of keys in Redis runs as before.
 */
import type { TestRedis } from '../fixture/redis-server.ts'

/** Moves every partition in use forward, in seconds. */
export async function moveClock({ direct }: TestRedis, seconds: number): Promise<void> {
  const heads = await direct.keys('cc{*}h')
  for (const head of heads) {
    const clock = Number(await direct.hget(head, 'clock'))
    await direct.hset(head, 'clock', (clock + seconds * 1_000_000).toFixed(0))
  }
}
