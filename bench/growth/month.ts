/**
 * A month in a minute: hour after hour of the same traffic, with the clock of Redis put forward in between, on a store that
 * is otherwise as in production.
 */
import { randomBytes } from 'node:crypto'
import { openStore, type Store } from '../../store/store.ts'
import { SELF } from '../../test/fixture/installation.ts'
import { type Keyspace, readKeyspace } from '../memory/keyspace.ts'
import { PARTITIONS } from '../partitions.ts'
import { type Leftover, readLeftover, touchAll } from './leftover.ts'
import { AUDIT_RETENTION_MS, DAY_HOURS, HOUR, LONG_ENOUGH } from './lives.ts'
import { registerPeople } from './people.ts'
import type { SteppedRedis } from './stepped-redis.ts'
import { createTraffic } from './traffic.ts'

/** What came of it. */
export interface Month {
  /** In the middle of each hour. */
  readonly hours: readonly Keyspace[]
  /** After a first day of traffic and a pause in which all of it ends. */
  readonly before: Leftover
  /** The same after the month: by itself, and when each partition has seen another change. */
  readonly after: Leftover
  readonly afterTouch: Leftover
}

const PATIENCE_MS = 60_000

/** Simulates so many days. */
export async function simulate(
  redis: SteppedRedis,
  days: number,
  step: (text: string) => void,
): Promise<Month> {
  const store = await openStore({
    url: redis.url,
    prefix: 'cc',
    partitions: PARTITIONS.count,
    tokenKeys: [{ id: 'k1', secret: randomBytes(32) }],
    mints: true,
    selfResources: [SELF],
    auditRetentionMs: AUDIT_RETENTION_MS,
    commandTimeoutMs: PATIENCE_MS,
  })
  try {
    await registerPeople(store)
    step('a first day, and a pause until all of it has ended')
    await runHours(redis, store, DAY_HOURS, () => undefined)
    const { afterTouch: before } = await pause(redis, store)
    const hours = await runHours(redis, store, days * DAY_HOURS, (hour) => {
      if (hour % DAY_HOURS === 0) step(`day ${hour / DAY_HOURS + 1} of ${days}`)
    })
    step('a pause until all has ended')
    return { hours, before, ...(await pause(redis, store)) }
  } finally {
    await store.close()
  }
}

async function runHours(
  redis: SteppedRedis,
  store: Store,
  count: number,
  tell: (hour: number) => void,
): Promise<Keyspace[]> {
  const traffic = createTraffic(store)
  const hours: Keyspace[] = []
  for (let hour = 0; hour < count; hour++) {
    tell(hour)
    await traffic.begin(hour, await redis.now())
    await redis.advance(HOUR / 2)
    hours.push(await readKeyspace(redis.direct))
    await traffic.checkMiddle()
    await redis.advance(HOUR / 2)
    await traffic.checkEnd()
  }
  await traffic.finish()
  return hours
}

async function pause(
  redis: SteppedRedis,
  store: Store,
): Promise<Pick<Month, 'after' | 'afterTouch'>> {
  await redis.advance(LONG_ENOUGH)
  const after = await readLeftover(redis.direct)
  await touchAll(store, PARTITIONS.count)
  await redis.advance(HOUR)
  return { after, afterTouch: await readLeftover(redis.direct) }
}
