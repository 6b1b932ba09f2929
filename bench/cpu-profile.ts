/** Reads what `node --cpu-prof` wrote: how the processor time of a process divides. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A kind of work; the first pattern that a function's file matches counts. */
export interface Kind {
  readonly name: string
  readonly url?: RegExp
  readonly functionName?: RegExp
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Reads the one profile that was written to a folder, and shares it out; what was idle does not count. */
export function shareOut(folder: string, kinds: readonly Kind[]): ReadonlyMap<string, number> {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('the service wrote no profile')
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile
  const kindOfNode = new Map(
    profile.nodes.map(({ id, callFrame }) => [id, kindOf(callFrame, kinds)] as const),
  )
  const times = new Map(kinds.map(({ name }) => [name, 0]))
  let busy = 0
  for (const [index, id] of laterHalf(profile.samples)) {
    const kind = kindOfNode.get(id)
    if (kind === undefined) continue
    const time = profile.timeDeltas[index] as number
    times.set(kind, (times.get(kind) ?? 0) + time)
    busy += time
  }
  return new Map([...times].map(([name, time]) => [name, time / busy]))
}

/** In the first half the process starts and its code is being compiled. */
function laterHalf(samples: readonly number[]): readonly (readonly [number, number])[] {
  const first = Math.floor(samples.length / 2)
  return samples.slice(first).map((id, n) => [first + n, id] as const)
}

/** `undefined` for idleness. */
function kindOf(
  { functionName, url }: Profile['nodes'][number]['callFrame'],
  kinds: readonly Kind[],
): string | undefined {
  if (functionName === '(idle)') return undefined
  const kind = kinds.find((one) => one.url?.test(url) || one.functionName?.test(functionName))
  return kind?.name ?? 'other'
}
