/**
 * How long an operator who migrates waits: a million assignments as one stream through the admin API. And the memory of the
 * issuer in the meantime, which must not grow with what is sent.
 */
import { startInstallation } from '../harness/installation.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { readKeyspace } from '../harness/redis-work.ts'
import { figureOf } from '../report/figure.ts'
import type { Finding, Picture, Table } from '../report/finding.ts'
import { timeChart } from '../report/plot.ts'
import { contextOf, lineOf, subjectOf } from '../roles/assignment-lines.ts'
import { type Look, watchMemory } from '../roles/memory-watch.ts'
import { defineRole, type Streamed, streamAssignments } from '../roles/stream.ts'

/** The measure. */
export const importing: Measure = { name: 'import', title: 'Import of assignments', run }

const LINES = 1_000_000
const QUICK_LINES = 100_000
const ROLES_EACH = 10
/** The first tenth of the run: the issuer still allocates what any import needs. */
const START_UP_SHARE = 0.1
const MEGABYTE = 1e6

/** Highest memory of the two halves, in bytes. */
interface Growth {
  readonly before: number
  readonly firstHalf: number
  readonly secondHalf: number
}

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  const lines = isQuick ? QUICK_LINES : LINES
  const subjects = lines / ROLES_EACH
  step('starting')
  const ours = await startInstallation(bench, { withIntrospect: false, withIssuer: true })
  await defineRole(ours)
  const before = await readKeyspace(ours.redis.direct)
  step(`${lines.toLocaleString('en')} assignments`)
  const lineAt = (n: number) => lineOf(subjectOf(n % subjects), contextOf(n))
  const { result, looks } = await watchMemory(ours.issuer.pid, () =>
    streamAssignments(ours, lines, lineAt),
  )
  const bytesEach = ((await readKeyspace(ours.redis.direct)).bytes - before.bytes) / lines
  const growth = growthOf(looks)
  return {
    tables: [timeTable(lines, result), ...(growth === undefined ? [] : [memoryTable(growth)])],
    pictures: growth === undefined ? [] : [memoryPicture(looks)],
    notes: [
      `${ROLES_EACH} assignments for each of ${subjects.toLocaleString('en')} subjects, sent over loopback as fast as they are accepted, by a process that shares the cores. Redis has each on the disk before it is answered.`,
      `An assignment takes ${Math.round(bytesEach)} bytes of Redis, in all indexes together, without the log.`,
      'A single run: no assignment is new a second time.',
    ],
    ...(isQuick ? {} : { reached: reachedBy(result, growth) }),
  }
}

function timeTable(lines: number, { seconds, issuerCpu, redisCpu }: Streamed): Table {
  const cells = [seconds, lines / seconds, (issuerCpu / lines) * 1e6, (redisCpu / lines) * 1e6]
  return {
    title: 'Assignments as one NDJSON stream',
    columns: ['s', 'assignments/s', 'CPU of the issuer, µs each', 'CPU of Redis, µs each'],
    rows: [
      {
        name: `${lines.toLocaleString('en')}, all new`,
        cells: cells.map((cell) => figureOf([cell])),
      },
    ],
  }
}

function growthOf(looks: readonly Look[]): Growth | undefined {
  const [first] = looks
  const end = looks.at(-1)?.seconds
  if (first === undefined || end === undefined) return undefined
  const highest = (from: number, to: number): number => {
    const within = looks.filter(({ seconds }) => seconds >= from * end && seconds <= to * end)
    return Math.max(...within.map(({ bytes }) => bytes))
  }
  return {
    before: first.bytes,
    firstHalf: highest(START_UP_SHARE, 0.5),
    secondHalf: highest(0.5, 1),
  }
}

function memoryTable({ before, firstHalf, secondHalf }: Growth): Table {
  const rows = [
    { name: 'before', bytes: before },
    { name: 'at most in the first half, without the first tenth of the run', bytes: firstHalf },
    { name: 'at most in the second half', bytes: secondHalf },
  ]
  return {
    title: 'Memory of the issuer in the meantime',
    columns: ['MB'],
    rows: rows.map(({ name, bytes }) => ({ name, cells: [figureOf([bytes / MEGABYTE])] })),
  }
}

function memoryPicture(looks: readonly Look[]): Picture {
  const points = looks.map(({ seconds, bytes }) => [seconds, bytes / MEGABYTE] as const)
  const title = 'Memory of the issuer during the import'
  const lines = [{ name: 'resident memory', points }]
  return {
    name: 'import-memory',
    alt: `${title}, in megabytes over its seconds`,
    svg: timeChart({ title, xLabel: 'seconds', yLabel: 'MB', lines }),
  }
}

function reachedBy({ seconds }: Streamed, growth: Growth | undefined) {
  if (growth === undefined) return { import: seconds }
  return { import: seconds, importMemory: growth.secondHalf / growth.firstHalf }
}
