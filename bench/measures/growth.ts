/**
 * Whether Redis grows: a month of logins, refreshes, revocations and expiry in a minute, with a clock of Redis that is put
 * forward. A token that outlives its end fails the measure.
 */
import { randomBytes } from 'node:crypto'
import { openStore } from '../../store/store.ts'
import { SELF } from '../../test/fixture/installation.ts'
import { faketimeLibrary } from '../growth/faketime.ts'
import { type SteppedRedis, startSteppedRedis } from '../growth/stepped-redis.ts'
import { createTraffic, DAY_HOURS, HOUR } from '../growth/traffic.ts'
import { PARTITIONS } from '../harness/installation.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { type Keyspace, readKeyspace } from '../harness/redis-work.ts'
import { type Figure, figureOf } from '../report/figure.ts'
import type { Finding } from '../report/finding.ts'
import { timeChart } from '../report/plot.ts'

/** The measure. */
export const growth: Measure = { name: 'growth', title: 'Memory in Redis over a month', run }

const DAYS = { quick: 3, full: 30 }
/** The first day on which as much ends as begins. */
const STEADY_DAY = 2
const SHOWN_DAYS: readonly number[] = [1, 2, 3, 5, 10, 20, 30]
const COMMAND_TIMEOUT_MS = 60_000

async function run(bench: Bench): Promise<Finding> {
  const library = await faketimeLibrary()
  if (library === undefined) {
    return notMeasured(
      'libfaketime is not on this machine (on Debian: apt-get install libfaketime)',
    )
  }
  const redis = await startSteppedRedis(bench, library)
  if (redis === undefined) return notMeasured('this Redis does not start under libfaketime')
  const days = DAYS[bench.isQuick ? 'quick' : 'full']
  return findingOf(await simulate(bench, redis, days), days)
}

function notMeasured(reason: string): Finding {
  return { tables: [], notes: [`Not measured: ${reason}.`] }
}

/** @returns what Redis holds in the middle of each hour, beyond what it held before the first */
async function simulate(
  { atEnd, step }: Bench,
  redis: SteppedRedis,
  days: number,
): Promise<readonly Keyspace[]> {
  const store = await openStore({
    url: redis.url,
    prefix: 'cc',
    partitions: PARTITIONS.count,
    tokenKeys: [{ id: 'k1', secret: randomBytes(32) }],
    mints: true,
    selfResources: [SELF],
    auditRetentionMs: DAY_HOURS * HOUR * 1_000,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
  })
  atEnd(() => store.close())
  const traffic = await createTraffic(store)
  // Brings the scripts and the first of each record; all of it but the scripts has ended two days later.
  await traffic.begin(-2 * DAY_HOURS, await redis.now())
  await redis.advance(2 * DAY_HOURS * HOUR)
  const before = await readKeyspace(redis.direct)
  const hours: Keyspace[] = []
  for (let hour = 0; hour < days * DAY_HOURS; hour++) {
    if (hour % DAY_HOURS === 0) step(`day ${hour / DAY_HOURS + 1} of ${days}`)
    await traffic.begin(hour, await redis.now())
    await redis.advance(HOUR / 2)
    const { bytes, keys } = await readKeyspace(redis.direct)
    hours.push({ bytes: bytes - before.bytes, keys: keys - before.keys })
    await redis.advance(HOUR / 2)
    await traffic.checkEnd()
  }
  return hours
}

function ofDay(hours: readonly Keyspace[], day: number, value: keyof Keyspace): Figure {
  const ofHours = hours.slice((day - 1) * DAY_HOURS, day * DAY_HOURS)
  return figureOf(ofHours.map((hour) => hour[value]))
}

function findingOf(hours: readonly Keyspace[], days: number): Finding {
  const steady = (value: keyof Keyspace): number => ofDay(hours, STEADY_DAY, value).median
  const beside = (day: number, value: keyof Keyspace): Figure =>
    figureOf([ofDay(hours, day, value).median / steady(value)])
  const inKilobytes = ({ values }: Figure): Figure => figureOf(values.map((bytes) => bytes / 1_000))
  const line = (name: string, value: keyof Keyspace) => ({
    name,
    points: hours.map((at, hour) => [(hour + 0.5) / DAY_HOURS, at[value] / steady(value)] as const),
  })
  return {
    tables: [
      {
        title: `What Redis holds, over the ${DAY_HOURS} hours of a day`,
        columns: ['kB', 'keys', `kB beside day ${STEADY_DAY}`, `keys beside day ${STEADY_DAY}`],
        rows: SHOWN_DAYS.filter((day) => day <= days).map((day) => ({
          name: `day ${day}`,
          cells: [
            inKilobytes(ofDay(hours, day, 'bytes')),
            ofDay(hours, day, 'keys'),
            beside(day, 'bytes'),
            beside(day, 'keys'),
          ],
        })),
      },
    ],
    pictures: [
      {
        name: 'growth',
        alt: `Memory and keys of Redis over ${days} simulated days`,
        svg: timeChart({
          title: `Redis over ${days} simulated days`,
          xLabel: 'days',
          yLabel: `beside the median of day ${STEADY_DAY}`,
          lines: [line('memory', 'bytes'), line('keys', 'keys')],
        }),
      },
    ],
    notes: [
      `${days} days of ${DAY_HOURS} hours. In each hour there are logins with a session and a refresh token, hourly refreshes of the logins of the last 8 hours, tokens without a refresh token, a revocation each of a token, a grant, a session and a subject, roles that end within a day, and audit records. Then the clock of Redis is put forward by half an hour, memory and keys are read, and the clock goes on to the next hour, when none of the tokens may be active.`,
      'Lives are shorter than usual, so that as much ends as begins from the second day on: access tokens 1 hour, grants 24 hours or 8 without a refresh, audit records 1 day. A revoked subject has a cutoff for 366 days, so the same 24 are revoked in turn.',
      'The figures are growth over what one hour of traffic left behind two days later. Redis runs under libfaketime with the allocator of the C library, so a record has another size than with jemalloc.',
    ],
  }
}
