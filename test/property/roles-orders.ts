/**
 * The orders of the assignments as Redis holds them, held against each other: by subject, by context, by end, and the
 * counts. They are written in one step, so no moment exists in which they may differ.
 */
import type { Installation } from '../fixture/installation.ts'

/** Everything in which one order differs from the order by subject; nothing when they agree. */
export async function orderDisagreements(installation: Installation): Promise<string[]> {
  const { partitions } = installation
  const all = Array.from({ length: partitions.count }, (_, partition) => partition)
  return (
    await Promise.all(all.map((partition) => disagreementsIn(installation, partition)))
  ).flat()
}

async function disagreementsIn(
  { node, keys, partitions }: Installation,
  partition: number,
): Promise<string[]> {
  const at = keys.partition(partition)
  const own = at.assignments('')
  const bySubject: string[] = []
  const misplaced: string[] = []
  for (const key of await node.keys(`${own}*`)) {
    const sub = key.slice(own.length)
    if (partitions.of(sub) !== partition) misplaced.push(`${sub} in partition ${partition}`)
    for (const member of await node.zrange(key, 0, '-1')) {
      const [context, role, expires = ''] = member.split(' ')
      bySubject.push([context, role, sub, expires].join('\n'))
    }
  }
  const byContext = (await node.zrange(at.holders, 0, '-1')).map((member) => {
    const [name = '', expires = ''] = member.split('\n')
    const [context = '', role = ''] = name.split(' ')
    return [context, role, name.slice(context.length + role.length + 2), expires].join('\n')
  })
  const ending = bySubject.flatMap((line) => {
    const [context, role, sub, expires] = line.split('\n')
    return expires === '' ? [] : [`${context} ${role} ${sub} ${expires}`]
  })
  const counts = Map.groupBy(bySubject, (line) => line.split('\n')[1] as string)
  return [
    ...misplaced,
    ...difference('by context', bySubject, byContext),
    ...difference('by end', ending, pairs(await node.zrange(at.ending, 0, '-1', 'WITHSCORES'))),
    ...difference(
      'counts',
      [...counts].map(([role, lines]) => `${role} ${lines.length}`),
      Object.entries(await node.hgetall(at.roleCounts)).map((entry) => entry.join(' ')),
    ),
  ]
}

function difference(
  what: string,
  expected: readonly string[],
  actual: readonly string[],
): readonly string[] {
  const lines = (list: readonly string[], other: readonly string[]) =>
    list.filter((line, n) => !other.includes(line) || list.indexOf(line) !== n)
  return [
    ...lines(expected, actual).map((line) => `${what} lacks ${JSON.stringify(line)}`),
    ...lines(actual, expected).map((line) => `${what} has ${JSON.stringify(line)}`),
  ]
}

function pairs(flat: readonly string[]): string[] {
  return flat.flatMap((member, n) => (n % 2 === 0 ? [`${member} ${flat[n + 1]}`] : []))
}
