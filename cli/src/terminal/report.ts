/**
 * Writes results to standard output and everything else to standard error: tables and sentences for people, with `--json`
 * one document, or one line of JSON per item of a stream. All text passes through visible.ts, except a
 * {@link Report.secret}.
 *
 * A closed standard output ends a command that only reads. A command that changes something calls `ignoreClosedOutput`
 * first and runs to its end.
 */

import type { Environment, TerminalOutput } from '../environment.ts'
import { CliError, EXIT } from '../exit.ts'
import {
  type Column,
  type Fact,
  factLines,
  type Layout,
  type Paint,
  type Tone,
  tableLines,
} from './table.ts'
import { wrapText } from './text-width.ts'
import { makeJsonVisible, makeVisible } from './visible.ts'

/** Writes what a command has to say. */
export interface Report {
  /** Whether results are JSON. Then `line`, `facts` and `table` write nothing. */
  readonly isJson: boolean
  /** Writes the one JSON document of a command. */
  document(value: unknown): void
  /** Writes one item of a JSON stream and waits until it is flushed. */
  record(value: unknown): Promise<void>
  line(text: string, tone?: Tone): void
  facts(facts: readonly Fact[]): void
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void
  /** Writes a sentence to standard error, with `--json` too. */
  note(text: string, tone?: Tone): void
  /** Writes a secret or token that the user has asked for, unchanged. */
  secret(text: string): void
  /** From now on a closed standard output does not end the command. */
  ignoreClosedOutput(): void
  /** Resolves when everything is flushed. @throws {CliError} 141 when standard output was closed */
  finish(): Promise<void>
}

const SGR: Readonly<Record<Tone, string>> = {
  good: '32',
  bad: '31',
  warning: '33',
  quiet: '2',
  title: '1',
}

const DEFAULT_COLUMNS = 80
/** A narrower terminal is treated as this wide. */
const MIN_COLUMNS = 20

type ReportEnvironment = Pick<Environment, 'stdout' | 'stderr' | 'env'>

/** Makes the report of a run. */
export function createReport({ stdout, stderr, env }: ReportEnvironment, isJson: boolean): Report {
  const out = createChannel(stdout)
  const err = createChannel(stderr)
  const outLayout = layoutOf(stdout, env)
  const errLayout = layoutOf(stderr, env)
  let isClosedOutputIgnored = false
  err.ignoreClosedOutput()

  function sentence(text: string, tone: Tone | undefined, { width, paint }: Layout): string {
    const visible = makeVisible(text)
    const lines = width === undefined ? [visible] : wrapText(visible, width)
    return lines.map((line) => `${tone === undefined ? line : paint(line, tone)}\n`).join('')
  }

  const write = (lines: readonly string[]): void => {
    if (!isJson && lines.length > 0) out.write(`${lines.join('\n')}\n`)
  }

  return {
    isJson,
    document(value) {
      if (isJson) out.write(`${makeJsonVisible(JSON.stringify(value, null, 2))}\n`)
    },
    async record(value) {
      if (!isJson) return
      out.write(`${makeJsonVisible(JSON.stringify(value))}\n`)
      await out.drained()
    },
    line(text, tone) {
      if (!isJson) out.write(sentence(text, tone, outLayout))
    },
    facts: (facts) => write(factLines(facts, outLayout)),
    table: (columns, rows) => write(tableLines(columns, rows, outLayout)),
    note: (text, tone) => err.write(sentence(text, tone, errLayout)),
    secret: (text) => out.write(`${text}\n`),
    ignoreClosedOutput() {
      isClosedOutputIgnored = true
      out.ignoreClosedOutput()
    },
    async finish() {
      await Promise.all([out.drained(), err.drained()])
      if (out.isBroken() && !isClosedOutputIgnored) throw brokenPipe()
    },
  }
}

/** Whether a stream is a terminal that may be coloured (https://no-color.org). */
export function mayColour(stream: TerminalOutput, env: Environment['env']): boolean {
  const isRefused = env.NO_COLOR !== undefined && env.NO_COLOR !== ''
  return stream.isTTY === true && !isRefused && env.TERM !== 'dumb'
}

function layoutOf(stream: TerminalOutput, env: Environment['env']): Layout {
  const paint: Paint = mayColour(stream, env)
    ? (text, tone) => (text === '' ? text : `\u001b[${SGR[tone]}m${text}\u001b[0m`)
    : (text) => text
  if (stream.isTTY !== true) return { width: undefined, paint }
  // A new pseudo-terminal reports 0 columns.
  const columns = stream.columns || Number(env.COLUMNS) || DEFAULT_COLUMNS
  return { width: Math.max(MIN_COLUMNS, columns), paint }
}

interface Channel {
  write(text: string): void
  drained(): Promise<void>
  ignoreClosedOutput(): void
  isBroken(): boolean
}

function createChannel(stream: TerminalOutput): Channel {
  let isBroken = false
  let isClosedOutputIgnored = false
  let lastWrite: Promise<void> = Promise.resolve()
  stream.on('error', () => {
    isBroken = true
  })
  return {
    write(text) {
      if (isBroken && !isClosedOutputIgnored) throw brokenPipe()
      if (isBroken) return
      lastWrite = new Promise((done) => stream.write(text, () => done()))
    },
    drained: () => lastWrite,
    ignoreClosedOutput() {
      isClosedOutputIgnored = true
    },
    isBroken: () => isBroken,
  }
}

function brokenPipe(): CliError {
  return new CliError(EXIT.brokenPipe, '')
}
