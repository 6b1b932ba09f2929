// `npm run bench`: measures, and writes what was found to `.claimcheck/bench/`. See docs/benchmarks.md.
//
// A measure that fails is told of in its place and makes the run fail in the end; the others are measured all the same.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import { redisServerBinary } from '../scripts/redis-binary.ts'
import { killDescendants } from './descendants.ts'
import { findMachine } from './machine.ts'
import type { Measure } from './measure.ts'
import { createProgress } from './progress.ts'
import { markdownOf, type Report, type Section } from './report.ts'
import { writeDocument, writeReport } from './report-files.ts'

// Read when a module of the tests is loaded, hence before the measures are.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { MEASURES } = await import('./measures.ts')

interface Options {
  readonly isQuick: boolean
  readonly isForDocs: boolean
  readonly measures: readonly Measure[]
}

function usage(): string {
  const names = MEASURES.map(({ name, title }) => `  ${name.padEnd(22)}${title}`)
  return `npm run bench -- [--quick] [--only NAME,NAME] [--docs]

  --quick   smaller and shorter: less than two minutes instead of less than ten
  --only    these measures alone: names, or how they begin
  --docs    also renew docs/benchmarks.md and its pictures

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

/** @throws {Error} for what cannot be done */
function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const names = values.only.flatMap((text) => text.split(','))
  const chosen = names.map(measuresNamed)
  const unknown = names.find((_, n) => chosen[n]?.length === 0)
  if (unknown !== undefined) throw new Error(`no measure has a name that begins with "${unknown}"`)
  if (values.docs && (values.quick || names.length > 0)) {
    throw new Error('--docs takes a full run: neither --quick nor --only')
  }
  const wanted = new Set(chosen.flat())
  const measures = MEASURES.filter((measure) => names.length === 0 || wanted.has(measure))
  return { isQuick: values.quick, isForDocs: values.docs, measures }
}

async function runAll({ isQuick, measures }: Options): Promise<Report> {
  const machine = findMachine()
  const progress = createProgress(measures.length)
  const sections: Section[] = []
  for (const { name, title, run } of measures) {
    const startedAt = performance.now()
    progress.begin(title)
    const section = await run({ isQuick, machine, step: progress.step }).then(
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

/** @returns the exit code: 0, 1 when something could not be measured, 2 when it was asked in a way that has no meaning */
async function main(): Promise<number> {
  let options: Options | undefined
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage()}`)
    return 2
  }
  if (options === undefined) {
    process.stdout.write(usage())
    return 0
  }
  const report = await runAll(options)
  const folder = writeReport(report)
  const isWhole = report.sections.every(({ failure }) => failure === undefined)
  if (options.isForDocs && isWhole) writeDocument(report)
  process.stdout.write(`${markdownOf(report)}\nwritten to ${folder}\n`)
  return isWhole ? 0 : 1
}

// Servers keep their data in folders of their own, and one that is cut short leaves its folder behind.
const folder = mkdtempSync(join(tmpdir(), 'claimcheck-bench-'))
process.env.TMPDIR = folder
process.on('exit', () => {
  killDescendants()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(130))
}
// Whoever handed over to this process is gone.
process.on('disconnect', () => process.exit(1))
process.exit(await main())
