/** Subjects who hold a role in few contexts or in many, each in another partition. */
import { type Installation, issueToken, PARTITIONS } from '../harness/installation.ts'
import { contextOf, lineOf } from './assignment-lines.ts'
import { streamAssignments } from './stream.ts'

/** A subject, and the number of contexts in which it holds the role: all below that number. */
export interface Holder {
  readonly sub: string
  readonly held: number
  /** A live access token. */
  readonly token: string
}

/** Gives one new subject each of these numbers of roles, as an import. */
export async function createHolders(
  ours: Installation,
  counts: readonly number[],
): Promise<readonly Holder[]> {
  const holders: Holder[] = []
  for (const [index, sub] of subjectsApart(counts.length).entries()) {
    const held = counts[index] as number
    await streamAssignments(ours, held, (n) => lineOf(sub, contextOf(n)))
    holders.push({ sub, held, token: await issueToken(ours.store, sub) })
  }
  return holders
}

/** One of the contexts in which it holds the role, at random. */
export function anyContext({ held }: Holder): string {
  return contextOf(Math.floor(Math.random() * held))
}

function subjectsApart(count: number): readonly string[] {
  const byPartition = new Map<number, string>()
  for (let n = 0; byPartition.size < count; n++) {
    const sub = `holder-${n}`
    const partition = PARTITIONS.of(sub)
    if (!byPartition.has(partition)) byPartition.set(partition, sub)
  }
  return [...byPartition.values()]
}
