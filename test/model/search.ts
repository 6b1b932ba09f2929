/**
 * Breadth-first search through every state a protocol can reach. The first broken promise it meets has the shortest run
 * that leads to one; without any, the promises hold in that world, whatever the order of things.
 */
import type { Protocol } from './protocol.ts'
import { keyOf, type State, startState } from './state.ts'

/** What a search has found. */
export interface Finding {
  readonly holds: boolean
  readonly states: number
  /** States in which a lookup is answered from the cache. */
  readonly served: number
  /** How often each kind of step was taken: what the search has seen of the protocol. */
  readonly taken: ReadonlyMap<string, number>
  /** Which promise is broken, and the steps that lead there. Empty when all hold. */
  readonly breach: string
  readonly run: readonly string[]
}

/** One state in the tree of first visits. */
interface Visit {
  readonly state: State
  readonly id: number
}

/** Searches to the end, or to the first broken promise. */
export function search(protocol: Protocol): Finding {
  const ids = new Map<string, number>()
  // By id. Whole states would not fit into memory; the run is told from parents and labels.
  const parents: number[] = []
  const labels: string[] = []
  const taken = new Map<string, number>()
  let served = 0

  const visit = (state: State, parent: number, label: string): Visit | undefined => {
    const key = keyOf(state)
    if (ids.has(key)) return undefined
    const id = parents.length
    ids.set(key, id)
    parents.push(parent)
    labels.push(label)
    return { state, id }
  }
  const conclude = (breach: string, id: number, last: readonly string[] = []): Finding => ({
    holds: breach === '',
    states: ids.size,
    served,
    taken,
    breach,
    run: [...runTo(id, parents, labels), ...last],
  })

  let frontier = [visit(startState(protocol.world), -1, '') as Visit]
  while (frontier.length > 0) {
    const next: Visit[] = []
    for (const { state, id } of frontier) {
      if (protocol.isServed(state)) served++
      const late = protocol.breachIn(state)
      if (late !== undefined) return conclude(late, id)
      for (const step of protocol.stepsFrom(state)) {
        if (step.breach !== undefined) return conclude(step.breach, id, [step.label])
        taken.set(step.label, (taken.get(step.label) ?? 0) + 1)
        const visited = visit(step.next, id, step.label)
        if (visited !== undefined) next.push(visited)
      }
    }
    frontier = next
  }
  return conclude('', 0)
}

function runTo(id: number, parents: readonly number[], labels: readonly string[]): string[] {
  const run: string[] = []
  for (let at = id; at > 0; at = parents[at] as number) run.unshift(labels[at] as string)
  return run
}
