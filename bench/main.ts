// `npm run bench`: measures, and writes what was found to `.claimcheck/bench/`. See docs/benchmarks.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { redisServerBinary } from '../scripts/redis-binary.ts'
import { findMachine } from './machine.ts'
import type { Finding, Measure } from './measure.ts'
import { createProgress } from './progress.ts'
import { markdownOf, type Report } from './report.ts'

const FOLDER = join(import.meta.dirname, '..', '.claimcheck', 'bench')

// Read when a module of the tests is loaded, hence before the measures are.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { MEASURES } = await import('./measures.ts')

interface Options {
  readonly isQuick: boolean
  readonly measures: readonly Measure[]
}

function usage(): string {
  const names = MEASURES.map(({ name, title }) => `  ${name.padEnd(20)}${title}`)
  return `npm run bench -- [--quick] [--only NAME]…\n\n${names.join('\n')}\n`
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage())
    process.exit(0)
  }
  const names = values.only.flatMap((text) => text.split(','))
  const unknown = names.find((name) => !MEASURES.some((measure) => measure.name === name))
  if (unknown !== undefined) throw new Error(`there is no measure "${unknown}"`)
  const chosen = MEASURES.filter(({ name }) => names.length === 0 || names.includes(name))
  return { isQuick: values.quick, measures: chosen }
}

async function runAll({ isQuick, measures }: Options): Promise<Report> {
  const machine = findMachine()
  const progress = createProgress(measures.length)
  const found: { measure: Measure; finding: Finding; seconds: number }[] = []
  for (const measure of measures) {
    const startedAt = performance.now()
    progress.begin(measure.title)
    const finding = await measure.run({ isQuick, machine, step: progress.step })
    found.push({ measure, finding, seconds: (performance.now() - startedAt) / 1_000 })
  }
  progress.end()
  return { machine, isQuick, date: new Date(), found }
}

function write(report: Report): void {
  mkdirSync(FOLDER, { recursive: true })
  const { found, date, machine, isQuick } = report
  const json = { date, machine: machine.description, isQuick, found }
  writeFileSync(join(FOLDER, 'report.json'), `${JSON.stringify(json, undefined, 2)}\n`)
  writeFileSync(join(FOLDER, 'report.md'), markdownOf(report))
  for (const { finding } of found) {
    for (const { name, svg } of finding.plots ?? []) {
      writeFileSync(join(FOLDER, `${name}.svg`), svg)
    }
  }
}

let options: Options
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${usage()}`)
  process.exit(2)
}
const report = await runAll(options)
write(report)
process.stdout.write(markdownOf(report))
process.stdout.write(`\nwritten to ${join('.claimcheck', 'bench')}/report.md and report.json\n`)
process.exit()
