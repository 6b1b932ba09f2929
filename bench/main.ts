// `npm run bench`: measures, and writes the results to `.claimcheck/bench/`. See docs/benchmarks.md.
//
// When a measure fails, the others still run; the report shows the failure, and the exit code is 1.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import { redisServerBinary } from '../scripts/redis-binary.ts'
import { killDescendants } from './harness/descendants.ts'
import { findMachine, type Machine } from './harness/machine.ts'
import { inScope, type Measure } from './harness/measure.ts'
import { createProgress } from './harness/progress.ts'
import { markdownOf, type Report, type Section } from './report/report.ts'
import { writeDocument, writeReport } from './report/report-files.ts'

// Must be set before the measures are loaded: a module of the tests reads it while it is loaded.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { MEASURES } = await import('./measures.ts')

interface Options {
  readonly isQuick: boolean
  readonly isForDocs: boolean
  readonly fleetProcesses: number
  readonly measures: readonly Measure[]
}

function usage(): string {
  const names = MEASURES.map(({ name, title }) => `  ${name.padEnd(20)}${title}`)
  return `npm run bench -- [--quick] [--only NAME,NAME] [--fleet-processes N] [--docs]

  --quick            smaller and shorter: less than two minutes instead of less than ten
  --only             these measures alone: names, or how they begin
  --fleet-processes  processes of the clients in revoke-to-refused; by default one for each
                     core of the load: on two cores, one
  --docs             also renew docs/benchmarks.md and its pictures

Measures:
${names.join('\n')}
`
}

/** The one of that name; else those whose names begin like that. */
function measuresNamed(text: string): readonly Measure[] {
  const exact = MEASURES.filter(({ name }) => name === text)
  if (exact.length > 0 || text === '') return exact
  return MEASURES.filter(({ name }) => name.startsWith(text))
}

/** @throws {Error} for arguments without a meaning */
function readOptions(args: readonly string[], machine: Machine): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      'fleet-processes': { type: 'string', default: String(machine.loadCores) },
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const fleetProcesses = Number(values['fleet-processes'])
  if (!(Number.isInteger(fleetProcesses) && fleetProcesses > 0)) {
    throw new Error('--fleet-processes takes a whole number from 1')
  }
  const names = values.only.flatMap((text) => text.split(','))
  const chosen = names.map(measuresNamed)
  const unknown = names.find((_, n) => chosen[n]?.length === 0)
  if (unknown !== undefined) throw new Error(`no measure has a name that begins with "${unknown}"`)
  if (values.docs && (values.quick || names.length > 0)) {
    throw new Error('--docs needs a full run: neither --quick nor --only')
  }
  const wanted = new Set(chosen.flat())
  const measures = MEASURES.filter((measure) => names.length === 0 || wanted.has(measure))
  return { isQuick: values.quick, isForDocs: values.docs, fleetProcesses, measures }
}

async function runAll(machine: Machine, options: Options): Promise<Report> {
  const { isQuick, fleetProcesses, measures } = options
  const progress = createProgress(measures.length)
  const sections: Section[] = []
  for (const { name, title, run } of measures) {
    const startedAt = performance.now()
    progress.begin(title)
    const { step } = progress
    const section = await inScope({ isQuick, machine, fleetProcesses, step }, run).then(
      (finding) => ({ finding }),
      (error: unknown) => {
        process.stderr.write(`${name}: ${inspect(error)}\n`)
        const failure = error instanceof Error ? error.message : String(error)
        return { finding: { tables: [], notes: [] }, failure }
      },
    )
    const seconds = (performance.now() - startedAt) / 1_000
    sections.push({ name, title, seconds, ...section })
  }
  progress.end()
  const isWhole = measures.length === MEASURES.length
  return { machine, isQuick, isWhole, date: new Date(), sections }
}

/** @returns the exit code: 0, 1 when something could not be measured, 2 for arguments without a meaning */
async function main(): Promise<number> {
  const machine = findMachine()
  let options: Options | undefined
  try {
    options = readOptions(process.argv.slice(2), machine)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage()}`)
    return 2
  }
  if (options === undefined) {
    process.stdout.write(usage())
    return 0
  }
  const report = await runAll(machine, options)
  const folder = writeReport(report)
  const isComplete = report.sections.every(({ failure }) => failure === undefined)
  if (options.isForDocs && isComplete) writeDocument(report)
  process.stdout.write(`${markdownOf(report)}\nwritten to ${folder}\n`)
  return isComplete ? 0 : 1
}

// Servers keep their data in folders below this one: a run that is interrupted leaves none behind.
const folder = mkdtempSync(join(tmpdir(), 'claimcheck-bench-'))
process.env.TMPDIR = folder
process.on('exit', () => {
  killDescendants()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(130))
}
// The process that started this one is gone.
process.on('disconnect', () => process.exit(1))
process.exit(await main())
