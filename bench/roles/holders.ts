/** Subjects who hold a role in few contexts or in many, each in a partition of their own: one's million is nobody else's. */
import { type Installation, issueToken } from '../installation.ts'
import { PARTITIONS } from '../partitions.ts'
import { changeText, contextOf } from './names.ts'
import { streamAssignments } from './stream.ts'

/** Somebody, and in how many contexts they hold the role: all up to that number. */
export interface Holder {
  readonly sub: string
  readonly held: number
  /** A live access token of theirs. */
  readonly token: string
}

/** Gives somebody new each of these numbers of roles, as an import. */
export async function createHolders(
  ours: Installation,
  authorization: string,
  counts: readonly number[],
): Promise<readonly Holder[]> {
  const holders: Holder[] = []
  for (const [index, sub] of subjectsApart(counts.length).entries()) {
    const held = counts[index] as number
    const lineOf = (n: number) => changeText('assign', sub, contextOf(n))
    await streamAssignments(ours, { authorization, lines: held, lineOf, outcome: 'assigned' })
    holders.push({ sub, held, token: await issueToken(ours.store, sub) })
  }
  return holders
}

/** One of the contexts in which they hold the role, each as likely as any other. */
export function anyContext({ held }: Pick<Holder, 'held'>): string {
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
