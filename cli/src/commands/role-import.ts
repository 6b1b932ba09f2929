/** `claimcheck role import`: any number of assignments and removals from a file, one JSON object a line. */
import type { Command } from 'commander'
import type { BulkItem } from '../bulk/bulk.ts'
import { type Counts, workThrough } from '../bulk/file-work.ts'
import { addCommand, type CommandSetup, handle } from '../command.ts'
import { CliError, EXIT, refused } from '../exit.ts'
import { openSource } from '../input/input.ts'
import { createLineScanner, type ScannedLine } from '../input/line-scanner.ts'
import type { Run } from '../run.ts'
import { textOf } from '../service/fields.ts'
import { count, type Position } from '../terminal/progress.ts'

const MAX_LINE_BYTES = 65_536
const MAX_SHOWN = 20
/** So many lines that are no text between any two that are: whatever it is, it is no file of JSON lines. */
const MAX_UNFIT = 10_000

const PROBLEMS = {
  'too-long': 'the line is longer than 64 KiB',
  'not-unicode': 'the line is no Unicode text',
} as const

/** Adds the verb. */
export function addImportCommand(role: Command, setup: CommandSetup): void {
  const command = addCommand(role, 'import <file>', {
    summary: 'assign and remove roles by the line: a file of any size',
    details: [
      'Each line is {"op": "assign" or "remove", "subject", "context", "role", "expires_at"?}. Lines are applied in order; one that is refused leaves the others as they are. Stopped or cut off, the same command goes on where it was; doing a line twice changes nothing.',
    ],
    examples: [
      ['claimcheck role import assignments.ndjson', 'from a file'],
      ['gunzip -c assignments.gz | claimcheck role import -', 'from standard input'],
    ],
  }).option('--from-start', 'begin anew where an earlier run over the same file was stopped')
  handle<{ fromStart?: boolean }, [string]>(command, setup, importRoles)
}

async function importRoles(
  run: Run,
  options: { fromStart?: boolean },
  file: string,
): Promise<void> {
  const { report } = run
  const source = await openSource(run.environment, file)
  const sums = createSums()
  /** Lines that were not fit to be sent; they count once what stands before them is done. */
  let unfit: ScannedLine[] = []
  let complaints = 0

  async function* items(done: Position): AsyncGenerator<BulkItem> {
    for await (const line of linesOf(source.pieces)) {
      if (line.number <= done.items) continue
      if (line.text === undefined) unfit.push(line)
      if (unfit.length > MAX_UNFIT) {
        throw refused(`${source.name} is no file of JSON lines: ${count(MAX_UNFIT)} are no text`)
      }
      if (line.text !== undefined)
        yield { json: jsonLine(line.text), number: line.number, end: line.end }
    }
  }

  function complain(number: number, error: string, detail: string): void {
    complaints += 1
    if (complaints <= MAX_SHOWN) report.note(`line ${number}: ${detail || error}`, 'bad')
    if (complaints === MAX_SHOWN + 1) report.note('… further lines are only counted.', 'bad')
  }

  async function settleUnfit(upTo: number): Promise<void> {
    const settled = unfit.filter(({ number }) => number <= upTo)
    if (settled.length === 0) return
    unfit = unfit.slice(settled.length)
    sums.add({ failed: settled.length })
    for (const { number, problem = 'not-unicode' } of settled) {
      complain(number, problem, PROBLEMS[problem])
      await report.record({
        type: 'error',
        line: number,
        error: problem,
        detail: PROBLEMS[problem],
      })
    }
  }

  const seconds = await workThrough(run, {
    source,
    noun: 'lines',
    path: '/role-assignments',
    identity: ['role-import'],
    fromStart: options.fromStart === true,
    items,
    async answered({ number }, { error, detail }) {
      await settleUnfit(number)
      complain(number, textOf(error), textOf(detail))
      await report.record({ type: 'error', line: number, error, detail })
    },
    async through({ items }, counts) {
      await settleUnfit(items)
      sums.add(counts)
    },
    counts: sums.all,
    restore: sums.add,
  })
  await settleUnfit(Number.POSITIVE_INFINITY)
  await summarize(run, sums.all(), seconds)
}

function createSums() {
  const sums: Record<string, number> = { failed: 0 }
  return {
    add(counts: Counts): void {
      for (const [name, value] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + value
    },
    all: (): Counts => ({ ...sums }),
  }
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ScannedLine> {
  const scanner = createLineScanner(MAX_LINE_BYTES)
  for await (const piece of pieces) yield* scanner.push(piece)
  yield* scanner.end()
}

/** UTF-16 may hold a line end of its own making; in JSON one can only be between members. */
function jsonLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ')
}

async function summarize({ report }: Run, counts: Counts, seconds: number): Promise<void> {
  const { failed = 0, ...rest } = counts
  const done = Object.values(rest).reduce((sum, value) => sum + value, 0)
  await report.record({ type: 'summary', ...rest, failed })
  const parts = Object.entries(rest).map(([name, value]) => `${count(value)} ${name}`)
  const rate = seconds > 1 ? `, ${count(done / seconds)} lines a second` : ''
  report.line(`${parts.join(', ') || 'nothing to do'}${rate}.`)
  if (failed === 0) return
  throw new CliError(
    EXIT.refused,
    `${count(failed)} lines were refused`,
    'Mend them and import the file again: the others are left as they are.',
  )
}
