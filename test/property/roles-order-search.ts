/**
 * Whether what writers were told, all at once, can have happened one after the other: a search for one order of the changes
 * of one assignment that explains every outcome and what is held in the end. No order may contradict a writer's own, nor
 * put a change before one that was over when it began.
 */
import type { AssignmentChange, AssignmentOutcome } from '../../store/roles/assignments.ts'

/** A change and what its writer was told. Times are those of one counter. */
export interface ToldChange {
  readonly change: AssignmentChange
  readonly outcome: AssignmentOutcome
  readonly beganAt: number
  readonly endedAt: number
}

/** What is held: an end, `'for good'`, or nothing. */
export type Holding = number | 'for good' | undefined

/** @param writers the changes of each, in their order */
export function isExplained(
  writers: readonly (readonly ToldChange[])[],
  before: Holding,
  after: Holding,
): boolean {
  const seen = new Set<string>()

  function search(done: readonly number[], held: Holding): boolean {
    const name = `${done.join()} ${held}`
    if (seen.has(name)) return false
    seen.add(name)
    const heads = writers.map((told, n) => told[done[n] as number])
    if (heads.every((head) => head === undefined)) return held === after
    return heads.some((head, n) => {
      if (head === undefined) return false
      const isLate = heads.some((other) => other !== undefined && other.endedAt < head.beganAt)
      const next = resultOf(head.change, held)
      if (isLate || next.outcome !== head.outcome) return false
      return search(done.with(n, (done[n] as number) + 1), next.held)
    })
  }

  return search(
    writers.map(() => 0),
    before,
  )
}

function resultOf(
  { op, expiresAt }: AssignmentChange,
  held: Holding,
): { readonly outcome: AssignmentOutcome; readonly held: Holding } {
  if (op === 'remove') {
    return { outcome: held === undefined ? 'unchanged' : 'removed', held: undefined }
  }
  const wanted = expiresAt ?? 'for good'
  return { outcome: held === wanted ? 'unchanged' : 'assigned', held: wanted }
}
