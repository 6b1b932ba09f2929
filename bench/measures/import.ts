/**
 * What an operator who moves in waits for: a million assignments as one stream through the admin API, and how much memory
 * the issuer has meanwhile. It must not grow with what is sent.
 */
import { type Figure, figureOf } from '../figure.ts'
import { startInstallation } from '../installation.ts'
import type { Bench, Finding, Measure, Plot, Row, Table } from '../measure.ts'
import { timeChart } from '../plot.ts'
import { type Look, watchMemory } from '../roles/memory-watch.ts'
import { changeText, contextOf, subjectOf } from '../roles/names.ts'
import { authorizeOperator } from '../roles/operator.ts'
import { usedBytes } from '../roles/redis-bytes.ts'
import { type Streamed, streamAssignments } from '../roles/stream.ts'

const LINES = 1_000_000
const QUICK_LINES = 100_000
const ROLES_EACH = 10
/** Of the lines, sent once more at the end. */
const REPEATED_SHARE = 0.1
/** Of the run, before what the issuer needs for any import at all is there. */
const START_UP_SHARE = 0.1
const MEGABYTE = 1e6

/** A stream of so many lines. */
interface Import extends Streamed {
  readonly name: string
  readonly lines: number
}

/** Highest memory of the two halves, in bytes. */
interface Growth {
  readonly before: number
  readonly firstHalf: number
  readonly secondHalf: number
}

/** The measure. */
export const importing: Measure = {
  name: 'import',
  title: 'Import of assignments',
  run,
}

async function run({ isQuick, machine, step }: Bench): Promise<Finding> {
  const lines = isQuick ? QUICK_LINES : LINES
  const repeated = lines * REPEATED_SHARE
  const subjects = lines / ROLES_EACH
  step('starting')
  const ours = await startInstallation(machine, { introspects: 0, withIssuer: true })
  try {
    const authorization = await authorizeOperator(ours)
    const lineOf = (n: number) => changeText('assign', subjectOf(n % subjects), contextOf(n))
    const bytesBefore = await usedBytes(ours)
    step(`${count(lines)} assignments`)
    const { result: first, looks } = await watchMemory(ours.issuer.pids[0] as number, () =>
      streamAssignments(ours, { authorization, lines, lineOf, outcome: 'assigned' }),
    )
    const bytesEach = ((await usedBytes(ours)) - bytesBefore) / lines
    step(`${count(repeated)} of them again`)
    const again = await streamAssignments(ours, {
      authorization,
      lines: repeated,
      lineOf,
      outcome: 'unchanged',
    })
    const growth = growthOf(looks)
    return {
      tables: [
        timeTable([
          { name: `${count(lines)}, all new`, lines, ...first },
          { name: `${count(repeated)} of them again`, lines: repeated, ...again },
        ]),
        memoryTable(growth),
      ],
      plots: looks.length === 0 ? [] : [memoryPlot(looks)],
      notes: [
        `${ROLES_EACH} assignments each of ${count(subjects)} subjects, sent over loopback as fast as they are taken, by a process that shares the cores. Redis has each on the disk before it is answered.`,
        `An assignment takes ${Math.round(bytesEach)} bytes of Redis, in all orders together, without the log.`,
        'A single run: nothing is new twice.',
      ],
      ...(isQuick ? {} : { reached: reachedBy(first, growth) }),
    }
  } finally {
    await ours.stop()
  }
}

function timeTable(imports: readonly Import[]): Table {
  return {
    title: 'Assignments as one NDJSON stream',
    columns: ['s', 'assignments/s', 'CPU of the issuer, µs each', 'CPU of Redis, µs each'],
    rows: imports.map(({ name, lines, seconds, issuerCpu, redisCpu }) => {
      const cells = [seconds, lines / seconds, (issuerCpu / lines) * 1e6, (redisCpu / lines) * 1e6]
      return { name, cells: cells.map((cell) => figureOf([cell])) }
    }),
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

function memoryTable(growth: Growth | undefined): Table {
  const row = (name: string, bytes: number | undefined): Row => {
    const cell: Figure | string = bytes === undefined ? '' : figureOf([bytes / MEGABYTE])
    return { name, cells: [cell] }
  }
  return {
    title: 'Memory of the issuer while all are new',
    columns: ['MB'],
    rows: [
      row('before', growth?.before),
      row('at most in the first half, without the first tenth of the run', growth?.firstHalf),
      row('at most in the second half', growth?.secondHalf),
    ],
  }
}

function memoryPlot(looks: readonly Look[]): Plot {
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

function count(number: number): string {
  return number.toLocaleString('en')
}
