/** Applies any number of changes of assignments, and reports their outcomes. This file knows nothing of HTTP. */
import type { AssignmentChange, AssignmentOutcome } from '../../../store/roles/assignments.ts'
import { type LineResult, type LineRun, type NumberedLine, runLines } from '../lines/line-run.ts'
import {
  type ChangeRefusal,
  isRefusal,
  MAX_LINE_BYTES,
  REFUSALS,
  type ReadChange,
  readChangeLine,
} from './change.ts'

/** Changes in a window: some milliseconds of Redis, so that progress is reported several times a second. */
export const WINDOW_SIZE = 5_000

/** The number of changes by outcome. */
export interface ChangeCounts {
  readonly assigned: number
  readonly removed: number
  /** Without effect: the assignment was as requested before. */
  readonly unchanged: number
  readonly failed: number
}

/** A refused change; lines count from 1. */
export interface LineError extends ChangeRefusal {
  readonly line: number
}

/** What was read from a line. */
export type NumberedChange = NumberedLine<ReadChange>

/** Applies changes in order. */
export type ApplyChanges = (
  changes: readonly AssignmentChange[],
) => Promise<readonly AssignmentOutcome[]>

/** What an import is made from. */
export type ImportParts = Pick<LineRun<ReadChange>, 'readChunks' | 'report'> & {
  readonly apply: ApplyChanges
}

const NO_COUNTS: ChangeCounts = { assigned: 0, removed: 0, unchanged: 0, failed: 0 }

/** Applies the changes that could be read, and counts all outcomes. */
export async function applyChanges(
  numbered: readonly NumberedChange[],
  apply: ApplyChanges,
): Promise<{ readonly counts: ChangeCounts; readonly errors: readonly LineError[] }> {
  const changes = numbered.flatMap(({ read }) => (isRefusal(read) ? [] : [read]))
  const outcomes = (await apply(changes)).values()
  const counts = { ...NO_COUNTS }
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

/** Applies a stream of changes, as {@link runLines} does. */
export function runImport({ readChunks, apply, report }: ImportParts): Promise<LineResult> {
  return runLines({
    readChunks,
    report,
    maxLineBytes: MAX_LINE_BYTES,
    readLine: readChangeLine,
    windowSize: WINDOW_SIZE,
    noCounts: { ...NO_COUNTS },
    async carryOut(window) {
      const { counts, errors } = await applyChanges(window, apply)
      return { counts: { ...counts }, reports: errors }
    },
  })
}
