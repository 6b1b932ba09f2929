/**
 * Carries out a stream of lines of any length, window by window: while two are carried out the next is read, and when that is
 * full nothing more is read. So memory holds three windows, whatever is sent. Windows begin in their order and are reported in
 * it; that lines which depend on each other are carried out in order is for the carrying out to see to.
 * A line that is refused is reported; the others are carried out. Knows nothing of HTTP, nor of what a line says.
 */
import { createLineSplitter, type Line } from './line-splitter.ts'

/** How often each thing became of a line. */
export type Counts = Readonly<Record<string, number>>

/** What was read of a line; lines count from 1. */
export interface NumberedLine<Read> {
  readonly line: number
  readonly read: Read
}

/** What became of a window. */
export interface WindowOutcome {
  readonly counts: Counts
  /** What is told of single lines, in order. */
  readonly told: readonly { readonly line: number }[]
}

/** What became of a window, and of all before it. */
export interface LineProgress {
  /** Every line up to this one is carried out or refused. */
  readonly through: number
  /** Of all lines so far. */
  readonly counts: Counts
  /** Of this window. */
  readonly told: WindowOutcome['told']
}

/** What a run came to. */
export interface LineResult {
  /** Lines read, empty ones included. */
  readonly lines: number
  readonly counts: Counts
}

/** What a run is made from. */
export interface LineRun<Read> {
  /** The pieces of the stream; the signal ends it. */
  readonly readChunks: (signal: AbortSignal) => AsyncIterable<Buffer>
  readonly maxLineBytes: number
  readonly readLine: (line: Line) => Read
  /** Lines in a window: some milliseconds of work, so that progress is told several times a second. */
  readonly windowSize: number
  /** Called in order, but not only when the last call is done. */
  readonly carryOut: (window: readonly NumberedLine<Read>[]) => Promise<WindowOutcome>
  /** Told after each window, in order. */
  readonly report: (progress: LineProgress) => Promise<void>
  /** What is counted, at its start. */
  readonly nothing: Counts
}

/**
 * Runs to the end of the stream.
 *
 * @throws whatever ended it early. If that was the reading, what was read before is carried out and reported; if it was
 * the carrying out, what was reported stands and the two windows after it may have been carried out in part.
 */
export async function runLines<Read>(run: LineRun<Read>): Promise<LineResult> {
  const splitter = createLineSplitter(run.maxLineBytes)
  const broken = new AbortController()
  let lines = 0
  let counts = run.nothing
  let window: NumberedLine<Read>[] = []
  let last: Promise<void> = Promise.resolve()
  let lastButOne: Promise<void> = Promise.resolve()

  async function carryOut(
    full: readonly NumberedLine<Read>[],
    through: number,
    before: Promise<void>,
  ): Promise<void> {
    const outcome = run.carryOut(full)
    // Heard below; until then its failure is not unheard.
    outcome.catch(() => undefined)
    await before
    const { counts: more, told } = await outcome
    counts = sumOf(counts, more)
    await run.report({ through, counts, told })
  }

  async function handOver(): Promise<void> {
    const [full, through] = [window, lines]
    window = []
    await lastButOne
    lastButOne = last
    last = carryOut(full, through, last)
    // Reading may be waiting for a peer that has all the time in the world.
    last.catch((error: unknown) => broken.abort(error))
  }

  async function take(line: Line): Promise<void> {
    lines += 1
    if (line.length === 0) return
    window.push({ line: lines, read: run.readLine(line) })
    if (window.length === run.windowSize) await handOver()
  }

  async function readAll(): Promise<{ readonly error: unknown } | undefined> {
    try {
      for await (const chunk of run.readChunks(broken.signal)) {
        for (const line of splitter.push(chunk)) await take(line)
      }
      for (const line of splitter.end()) await take(line)
      return undefined
    } catch (error) {
      return { error }
    }
  }

  const cut = await readAll()
  // What stopped the carrying out is what is told, even if reading was stopped by it.
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
