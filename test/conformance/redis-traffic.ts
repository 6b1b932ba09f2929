/** What the services say to Redis, as Redis itself tells it: the round trips, and every argument of them. */
import { randomUUID } from 'node:crypto'
import type { TestRedis } from '../redis-server.ts'
import { waitFor } from '../wait-for.ts'

/** Commands as sent; those inside a script are left out, since they cost no round trip. */
export type Traffic = readonly (readonly string[])[]

/** Runs `act` and returns what Redis was asked meanwhile. */
export async function trafficOf(redis: TestRedis, act: () => Promise<unknown>): Promise<Traffic> {
  const monitor = await redis.direct.monitor()
  const commands: string[][] = []
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua') commands.push(args)
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
