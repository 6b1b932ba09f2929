/** The commands that the services send to Redis, as MONITOR shows them: each round trip with its arguments. */
import { createHash } from 'node:crypto'
import { loadScripts } from '../../store/redis/scripts.ts'
import type { TestRedis } from '../fixture/redis-server.ts'
import { captureCommands } from '../system/secret-hunt.ts'

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

/** One line of MONITOR: time, database and source, then the arguments in quotes. */
const MONITORED = /^\+\d+\.\d+ \[\d+ (\S+)\] (.*)$/
const ARGUMENT = /"((?:[^"\\]|\\.)*)"/g

/** Runs `act` and returns what Redis was asked meanwhile. */
export async function trafficOf(redis: TestRedis, act: () => Promise<unknown>): Promise<Traffic> {
  const capture = await captureCommands(redis.port, redis.direct)
  await act()
  const lines = (await capture.end()).split('\r\n').map((line) => MONITORED.exec(line))
  return lines
    .filter((line) => line !== null && line[1] !== 'lua')
    .map((line) => [...(line?.[2] ?? '').matchAll(ARGUMENT)].map(([, text]) => text as string))
    .filter((args) => !isOfFeed(args) && args[0] !== 'echo')
}
