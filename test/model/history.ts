/**
 * What a position is worth in the history that stands now. This is the view from outside on which the promises are
 * judged; no part of the system can see it.
 */
import type { Change, History, Position } from './state.ts'

/** How many of the changes that still stand are reflected by what was read at a position. */
export function reflected({ epoch, inherited }: History, position: Position): number {
  let seq = position.seq
  for (let later = position.epoch + 1; later <= epoch; later++) {
    seq = Math.min(seq, inherited[later] ?? 0)
  }
  return seq
}

/** Whether a change of the token stands after the first `from` changes and within the first `to`. */
export function lacks({ changes }: History, from: number, to: number): boolean {
  for (let index = from; index < to; index++) {
    if (changes[index]?.kind !== 'other') return true
  }
  return false
}

/** The last change of the token within the first `to`; 0 without any. */
export function lastOfToken({ changes }: History, to: number): number {
  let last = to
  while (last > 0 && changes[last - 1]?.kind === 'other') last--
  return last
}

/** Up to where the changes are at least as old as the bound. */
export function overdue(changes: readonly Change[], bound: number): number {
  let count = changes.length
  while (count > 0 && (changes[count - 1]?.age ?? 0) < bound) count--
  return count
}
