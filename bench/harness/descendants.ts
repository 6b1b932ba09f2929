/** Every process that a run has started ends with it, even when the run is interrupted. */
import { readFileSync } from 'node:fs'

/** Kills every process below this one. Without `/proc` only the measures' own clean-up remains. */
export function killDescendants(): void {
  for (const pid of descendantsOf(process.pid)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended in the meantime.
    }
  }
}

function descendantsOf(pid: number): readonly number[] {
  const children = childrenOf(pid)
  return [...children, ...children.flatMap(descendantsOf)]
}

function childrenOf(pid: number): readonly number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    return list.split(' ').filter(Boolean).map(Number)
  } catch {
    // The process has ended, or the system has no `/proc`.
    return []
  }
}
