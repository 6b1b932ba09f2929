/**
 * Time, moved instead of waited for. A partition never lets its time fall behind what it has handed out, so a later
 * time written there is the time from then on, while the expiry Redis keeps of its own runs as before.
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
