/**
 * Applies a stream of changes of any length, window by window: while one is applied the next is read, and when both are
 * full nothing more is read. So memory holds two windows, whatever is sent, and the changes of a subject are applied in
 * their order. A line that is refused is reported; the others are applied. Knows nothing of HTTP.
 */
import { createLineSplitter, type Line } from '../../http/line-splitter.ts'
import type { AssignmentChange, AssignmentOutcome } from '../../store/assignments.ts'
import {
  type ChangeRefusal,
  isRefusal,
  MAX_LINE_BYTES,
  REFUSALS,
  type ReadChange,
  readChangeLine,
} from './role-change.ts'

/** Changes in a window: some milliseconds of Redis, so that progress is told several times a second. */
export const WINDOW_SIZE = 5_000

/** What became of changes. */
export interface ChangeCounts {
  readonly assigned: number
  readonly removed: number
  /** It was so already. */
  readonly unchanged: number
  readonly failed: number
}

/** A refused change; lines count from 1. */
export interface LineError extends ChangeRefusal {
  readonly line: number
}

/** What was read of a line. */
export interface NumberedChange {
  readonly line: number
  readonly read: ReadChange
}

/** What became of a window. */
export interface ImportProgress {
  /** Every line up to this one is applied or refused. */
  readonly through: number
  /** Of all lines so far. */
  readonly counts: ChangeCounts
  /** Of this window, in order. */
  readonly errors: readonly LineError[]
}

/** Applies changes in order. */
export type ApplyChanges = (
  changes: readonly AssignmentChange[],
) => Promise<readonly AssignmentOutcome[]>

/** What an import is made from. */
export interface ImportParts {
  /** The pieces of the stream; the signal ends it. */
  readonly readChunks: (signal: AbortSignal) => AsyncIterable<Buffer>
  readonly apply: ApplyChanges
  /** Told after each window; the next one is applied when it is done. */
  readonly report: (progress: ImportProgress) => Promise<void>
}

/** What an import came to. */
export interface ImportResult {
  /** Lines read, empty ones included. */
  readonly lines: number
  readonly counts: ChangeCounts
}

const NOTHING: ChangeCounts = { assigned: 0, removed: 0, unchanged: 0, failed: 0 }

/** Applies changes that were read, and says what became of them. */
export async function applyChanges(
  numbered: readonly NumberedChange[],
  apply: ApplyChanges,
): Promise<{ readonly counts: ChangeCounts; readonly errors: readonly LineError[] }> {
  const changes = numbered.flatMap(({ read }) => (isRefusal(read) ? [] : [read]))
  const outcomes = (await apply(changes)).values()
  const counts = { ...NOTHING }
  const errors: LineError[] = []
  for (const { line, read } of numbered) {
    const outcome = isRefusal(read) ? read : (outcomes.next().value as AssignmentOutcome)
    if (outcome === 'assigned' || outcome === 'removed' || outcome === 'unchanged') {
      counts[outcome] += 1
    } else {
      counts.failed += 1
      errors.push({ line, ...(typeof outcome === 'string' ? REFUSALS[outcome] : outcome) })
    }
  }
  return { counts, errors }
}

/**
 * Runs an import to its end.
 *
 * @throws whatever ended it early. If that was the reading, what was read before is applied and reported; if it was the
 * applying, what was reported stands and the window after it may have been applied in part.
 */
export async function runImport({ readChunks, apply, report }: ImportParts): Promise<ImportResult> {
  const splitter = createLineSplitter(MAX_LINE_BYTES)
  const broken = new AbortController()
  let lines = 0
  let counts = NOTHING
  let numbered: NumberedChange[] = []
  let underWay: Promise<void> = Promise.resolve()

  async function carryOut(window: readonly NumberedChange[], through: number): Promise<void> {
    const done = await applyChanges(window, apply)
    counts = sumOf(counts, done.counts)
    await report({ through, counts, errors: done.errors })
  }

  async function handOver(): Promise<void> {
    const [window, through] = [numbered, lines]
    numbered = []
    await underWay
    underWay = carryOut(window, through)
    // Reading may be waiting for a peer that has all the time in the world.
    underWay.catch((error: unknown) => broken.abort(error))
  }

  async function take(line: Line): Promise<void> {
    lines += 1
    if (line.length === 0) return
    numbered.push({ line: lines, read: readChangeLine(line) })
    if (numbered.length === WINDOW_SIZE) await handOver()
  }

  async function readAll(): Promise<{ readonly error: unknown } | undefined> {
    try {
      for await (const chunk of readChunks(broken.signal)) {
        for (const line of splitter.push(chunk)) await take(line)
      }
      for (const line of splitter.end()) await take(line)
      return undefined
    } catch (error) {
      return { error }
    }
  }

  const cut = await readAll()
  // What stopped the applying is what is told, even if reading was stopped by it.
  await underWay
  if (numbered.length > 0) await handOver()
  await underWay
  if (cut !== undefined) throw cut.error
  return { lines, counts }
}

function sumOf(one: ChangeCounts, other: ChangeCounts): ChangeCounts {
  return {
    assigned: one.assigned + other.assigned,
    removed: one.removed + other.removed,
    unchanged: one.unchanged + other.unchanged,
    failed: one.failed + other.failed,
  }
}
