/** `claimcheck role import`: any number of assignments and removals from a file, one JSON object per line. */
import type { Command } from 'commander'
import type { BulkItem, Counts } from '../bulk/bulk.ts'
import { workThrough } from '../bulk/file-work.ts'
import { addCommand, handle, type Setup } from '../command.ts'
import { CliError, EXIT, refused } from '../exit.ts'
import { openSource } from '../input/input.ts'
import { createLineScanner, type ScannedLine } from '../input/line-scanner.ts'
import type { Run } from '../run.ts'
import { textOf } from '../service/fields.ts'
import { count, type Position } from '../terminal/progress.ts'

const MAX_LINE_BYTES = 65_536
const MAX_SHOWN = 20
/** An input with so many unreadable lines in a row is not a file of JSON lines. */
const MAX_UNREADABLE = 10_000

const PROBLEMS = {
  'too-long': 'the line is longer than 64 KiB',
  'not-unicode': 'the line is not Unicode text',
} as const

/** Adds the command. */
export function addImportCommand(role: Command, setup: Setup): void {
  const command = addCommand(role, 'import <file>', {
    summary: 'assign and remove roles from a file of any size',
    details: [
      'Each line is {"op": "assign" or "remove", "subject", "context", "role", "expires_at"?}. Lines are applied in order; a refused line does not affect the others. After Ctrl-C or a lost connection, the same command resumes where it was. Lines are idempotent.',
    ],
    examples: [
      ['claimcheck role import assignments.ndjson', 'from a file'],
      ['gunzip -c assignments.gz | claimcheck role import -', 'from standard input'],
    ],
  }).option('--from-start', 'start over instead of resuming a stopped run over the same file')
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
  /** Lines that cannot be sent. They are reported when all lines before them are done. */
  let unreadable: ScannedLine[] = []
  let refusedLines = 0

  async function* items(done: Position): AsyncGenerator<BulkItem> {
    for await (const line of linesOf(source.pieces)) {
      if (line.number <= done.items) continue
      if (line.text === undefined) unreadable.push(line)
      if (unreadable.length > MAX_UNREADABLE) {
        throw refused(
          `${source.name} is not a file of JSON lines: ${count(MAX_UNREADABLE)} lines are not text`,
        )
      }
      if (line.text !== undefined)
        yield { json: jsonLine(line.text), number: line.number, end: line.end }
    }
  }

  function reportRefused(number: number, error: string, detail: string): void {
    refusedLines += 1
    if (refusedLines <= MAX_SHOWN) report.note(`line ${number}: ${detail || error}`, 'bad')
    if (refusedLines === MAX_SHOWN + 1) report.note('… further lines are only counted.', 'bad')
  }

  async function reportUnreadable(upTo: number): Promise<void> {
    const settled = unreadable.filter(({ number }) => number <= upTo)
    if (settled.length === 0) return
    unreadable = unreadable.slice(settled.length)
    sums.add({ failed: settled.length })
    for (const { number, problem = 'not-unicode' } of settled) {
      reportRefused(number, problem, PROBLEMS[problem])
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
      await reportUnreadable(number)
      reportRefused(number, textOf(error), textOf(detail))
      await report.record({ type: 'error', line: number, error, detail })
    },
    async through({ items }, counts) {
      await reportUnreadable(items)
      sums.add(counts)
    },
    counts: sums.all,
    restore: sums.add,
  })
  await reportUnreadable(Number.POSITIVE_INFINITY)
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

/** UTF-16 text may contain another kind of line end. In JSON a raw line end stands only between members. */
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
    'Correct them and import the file again: the other lines are idempotent.',
  )
}
