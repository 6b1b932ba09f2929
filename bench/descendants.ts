/** Whatever a run has started ends with it, however it ends: servers of measures that were cut short too. */
import { readFileSync } from 'node:fs'

/** Kills every process below this one; where the system has no `/proc` the measures' own clean-up has to do. */
export function killDescendants(): void {
  for (const pid of descendantsOf(process.pid)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone by itself meanwhile.
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
    // Gone, or another system.
    return []
  }
}
