/** What the services say to Redis, as Redis itself tells it: the round trips, and every argument of them. */
import { createHash, randomUUID } from 'node:crypto'
import { loadScripts } from '../../store/scripts.ts'
import type { TestRedis } from '../redis-server.ts'
import { waitFor } from '../wait-for.ts'

/**
 * Commands as sent; those inside a script are left out, since they cost no round trip, and so is what the feed asks all
 * the time, whatever else goes on.
 */
export type Traffic = readonly (readonly string[])[]

const FEED_READS: ReadonlySet<string> = new Set(
  loadScripts()
    .filter(({ name }) => name === 'read-log')
    .flatMap(({ lua }) => [lua, createHash('sha1').update(lua).digest('hex')]),
)

function isOfFeed([command, script]: readonly string[]): boolean {
  return command === 'subscribe' || FEED_READS.has(script ?? '')
}

/** Runs `act` and returns what Redis was asked meanwhile. */
export async function trafficOf(redis: TestRedis, act: () => Promise<unknown>): Promise<Traffic> {
  const monitor = await redis.direct.monitor()
  const commands: string[][] = []
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua' && !isOfFeed(args)) commands.push(args)
  })
  try {
    await act()
    // Redis tells in order: once the marker is seen, so is all before it.
    const marker = randomUUID()
    await redis.direct.echo(marker)
    await waitFor(() => commands.some((args) => args.includes(marker)))
    return commands.filter((args) => !args.includes(marker))
  } finally {
    monitor.disconnect()
  }
}
