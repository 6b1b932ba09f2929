/**
 * Carries out a stream of lines of any length, window by window. While two windows are being carried out the next one is read,
 * and nothing beyond it, so memory holds three windows at most. Windows start and are reported in order; `carryOut` must keep the
 * order of lines that depend on each other. A refused line is reported and does not stop the others. This file knows neither
 * HTTP nor the content of lines.
 */
import { createLineSplitter, type Line } from './line-splitter.ts'

/** The number of lines by outcome. */
export type Counts = Readonly<Record<string, number>>

/** What was read from a line; lines count from 1. */
export interface NumberedLine<Read> {
  readonly line: number
  readonly read: Read
}

/** The outcome of a window. */
export interface WindowOutcome {
  readonly counts: Counts
  /** Reports on single lines, in order. */
  readonly reports: readonly { readonly line: number }[]
}

/** The outcome of a window and of all windows before it. */
export interface LineProgress {
  /** Every line up to this one has been carried out or refused. */
  readonly through: number
  /** The counts of all lines so far. */
  readonly counts: Counts
  /** The reports of this window. */
  readonly reports: WindowOutcome['reports']
}

/** The outcome of a run. */
export interface LineResult {
  /** Lines read, empty ones included. */
  readonly lines: number
  readonly counts: Counts
}

/** What a run is made from. */
export interface LineRun<Read> {
  /** The chunks of the stream; the signal aborts it. */
  readonly readChunks: (signal: AbortSignal) => AsyncIterable<Buffer>
  readonly maxLineBytes: number
  readonly readLine: (line: Line) => Read
  /** Lines in a window: some milliseconds of work, so that progress is reported several times a second. */
  readonly windowSize: number
  /** Called in order, but before the previous call is done. */
  readonly carryOut: (window: readonly NumberedLine<Read>[]) => Promise<WindowOutcome>
  /** Called after each window, in order. */
  readonly report: (progress: LineProgress) => Promise<void>
  /** The outcomes that are counted, each 0. */
  readonly noCounts: Counts
}

/**
 * Runs to the end of the stream.
 *
 * @throws the error that ended it early. If reading failed, all lines read before are carried out and reported. If carrying out
 * failed, the two windows after the last reported one may have been carried out in part.
 */
export async function runLines<Read>(run: LineRun<Read>): Promise<LineResult> {
  const splitter = createLineSplitter(run.maxLineBytes)
  const failed = new AbortController()
  let lines = 0
  let counts = run.noCounts
  let window: NumberedLine<Read>[] = []
  let last: Promise<void> = Promise.resolve()
  let previous: Promise<void> = Promise.resolve()

  async function carryOut(
    full: readonly NumberedLine<Read>[],
    through: number,
    before: Promise<void>,
  ): Promise<void> {
    const outcome = run.carryOut(full)
    // Awaited below; until then a failure must not count as an unhandled rejection.
    outcome.catch(() => undefined)
    await before
    const { counts: more, reports } = await outcome
    counts = sumOf(counts, more)
    await run.report({ through, counts, reports })
  }

  async function handOver(): Promise<void> {
    const [full, through] = [window, lines]
    window = []
    await previous
    previous = last
    last = carryOut(full, through, last)
    // Stops the reading too, which may be waiting for a sender that pauses.
    last.catch((error: unknown) => failed.abort(error))
  }

  async function take(line: Line): Promise<void> {
    lines += 1
    if (line.length === 0) return
    window.push({ line: lines, read: run.readLine(line) })
    if (window.length === run.windowSize) await handOver()
  }

  async function readAll(): Promise<{ readonly error: unknown } | undefined> {
    try {
      for await (const chunk of run.readChunks(failed.signal)) {
        for (const line of splitter.push(chunk)) await take(line)
      }
      for (const line of splitter.end()) await take(line)
      return undefined
    } catch (error) {
      return { error }
    }
  }

  const cut = await readAll()
  // If carrying out failed, its error is thrown, although it made the reading fail as well.
  await last
  if (window.length > 0) await handOver()
  await last
  if (cut !== undefined) throw cut.error
  return { lines, counts }
}

function sumOf(one: Counts, other: Counts): Counts {
  return Object.fromEntries(
    Object.entries(one).map(([name, count]) => [name, count + (other[name] ?? 0)]),
  )
}
