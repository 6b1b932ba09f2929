/**
 * Whether Redis grows: a month of issues, refreshes, revocations and expiry in a minute, by a clock of Redis that is put
 * forward, and what is left when all of it has ended. A token that outlives its end fails the measure.
 */
import { type Figure, figureOf } from '../figure.ts'
import { faketimeLibrary } from '../growth/faketime.ts'
import type { Leftover } from '../growth/leftover.ts'
import { DAY_HOURS } from '../growth/lives.ts'
import { type Month, simulate } from '../growth/month.ts'
import { startSteppedRedis } from '../growth/stepped-redis.ts'
import type { Bench, Finding, Measure, Plot, Row, Table } from '../measure.ts'
import type { Keyspace } from '../memory/keyspace.ts'
import { timeChart } from '../plot.ts'

const DAYS = { quick: 3, full: 30 }
/** The first in which as much ends as begins. */
const STEADY_DAY = 2
const SHOWN_DAYS: readonly number[] = [1, 2, 3, 5, 10, 20, 30]

/** The measure. */
export const growth: Measure = { name: 'growth', title: 'Memory in Redis over a month', run }

async function run({ machine, isQuick, step }: Bench): Promise<Finding> {
  const library = await faketimeLibrary()
  if (library === undefined) {
    return notMeasured(
      'libfaketime is not on this machine (on Debian: apt-get install libfaketime)',
    )
  }
  const days = DAYS[isQuick ? 'quick' : 'full']
  const redis = await startSteppedRedis(machine, library)
  if (redis === undefined) return notMeasured('this Redis does not start under libfaketime')
  try {
    const month = await simulate(redis, days, step)
    return {
      tables: [dayTable(month, days), leftoverTable(month)],
      plots: [plotOf(month, days)],
      notes: notesOf(days),
    }
  } finally {
    await redis.stop()
  }
}

function notMeasured(reason: string): Finding {
  return { tables: [], notes: [`Not measured: ${reason}.`] }
}

/** What the traffic holds, beyond what the installation itself does. */
function ofDay({ hours, before }: Month, day: number, read: (at: Keyspace) => number): Figure {
  const ofHours = hours.slice((day - 1) * DAY_HOURS, day * DAY_HOURS)
  return figureOf(ofHours.map((hour) => read(hour) - read(before)))
}

function dayTable(month: Month, days: number): Table {
  const bytes = (day: number): Figure => ofDay(month, day, (at) => at.bytes)
  const keys = (day: number): Figure => ofDay(month, day, (at) => at.keys)
  const steady = { bytes: bytes(STEADY_DAY).median, keys: keys(STEADY_DAY).median }
  return {
    title: `Live tokens, grants, roles and records, over the ${DAY_HOURS} hours of a day`,
    columns: ['kB', 'keys', `kB beside day ${STEADY_DAY}`, `keys beside day ${STEADY_DAY}`],
    rows: SHOWN_DAYS.filter((day) => day <= days).map((day) => ({
      name: `day ${day}`,
      cells: [
        scaled(bytes(day), 1 / 1_000),
        keys(day),
        figureOf([bytes(day).median / steady.bytes]),
        figureOf([keys(day).median / steady.keys]),
      ],
    })),
  }
}

function scaled({ values }: Figure, factor: number): Figure {
  return figureOf(values.map((value) => value * factor))
}

function leftoverTable({ before, after, afterTouch }: Month): Table {
  const moments = [before, after, afterTouch]
  const cell = ({ bytes, keys }: Keyspace): string => `${format(bytes)} (${format(keys)})`
  const kinds = [...new Set(moments.flatMap((moment) => [...moment.kinds.keys()]))].toSorted()
  const none: Keyspace = { bytes: 0, keys: 0 }
  const rowOf = (name: string, read: (at: Leftover) => Keyspace): Row => ({
    name,
    cells: moments.map((moment) => cell(read(moment))),
  })
  return {
    title: 'What is left 400 days later, in bytes (keys)',
    columns: [
      'of one day, after a change in each partition',
      'of the whole time, by itself',
      'of the whole time, after a change in each partition',
    ],
    rows: [
      ...kinds.map((kind) => rowOf(kind, ({ kinds: of }) => of.get(kind) ?? none)),
      rowOf('used_memory of the server', (moment) => moment),
    ],
  }
}

function format(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 0 })
}

function plotOf(month: Month, days: number): Plot {
  const steady = (read: (at: Keyspace) => number): number => ofDay(month, STEADY_DAY, read).median
  const line = (name: string, read: (at: Keyspace) => number) => ({
    name,
    points: month.hours.map((at, hour) => {
      const day = (hour + 0.5) / DAY_HOURS
      return [day, (read(at) - read(month.before)) / steady(read)] as const
    }),
  })
  return {
    name: 'growth',
    alt: `Memory and keys of Redis over ${days} simulated days`,
    svg: timeChart({
      title: `Redis over ${days} simulated days`,
      xLabel: 'days',
      yLabel: `beside the median of day ${STEADY_DAY}`,
      lines: [line('memory', ({ bytes }) => bytes), line('keys', ({ keys }) => keys)],
    }),
  }
}

function notesOf(days: number): string[] {
  return [
    `${days} days of ${DAY_HOURS} hours: in each, logins with a refresh token and a session, tokens without one, up to 30 refreshes a login or silence, a revocation of a token, a grant, a session, a subject and a subject at a client (once a day of a client), roles with and without an end, and a record of the audit for each. Then the clock of Redis is put forward by half an hour, memory and keys are read, what was issued is asked about, and the clock goes on to the next hour, when none of it may be live.`,
    'Lives are shorter than usual, so that the second day is steady: access tokens 1 hour, grants 24 hours or 8 without a refresh, records of the audit 1 day. Subjects come again; one that was revoked keeps a cutoff for 366 days, so 48 of them are revoked in turn.',
    'Figures of days are growth over what one earlier day left behind, read once an hour when everything that had expired was gone. Redis runs under libfaketime and takes its memory from the C library: jemalloc does not run there, so a thing has other sizes than under “Memory in Redis”.',
    'Assignments that have ended are dropped by later changes of their partition, and records of the audit by later records: without any they stay.',
  ]
}
