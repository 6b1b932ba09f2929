/** What is left when nobody does anything any more: by kind of key, as docs/key-model.md tells them apart. */
import type { Redis } from 'ioredis'
import { createPartitions } from '../../store/partitions.ts'
import type { Store } from '../../store/store.ts'
import { BY } from '../../test/redis/actions.ts'
import { type Keyspace, readKeyspace, scan } from '../memory/keyspace.ts'
import { ROLE } from './people.ts'

/** All of it, and each kind. */
export interface Leftover extends Keyspace {
  readonly kinds: ReadonlyMap<string, Keyspace>
}

const NAMES: Readonly<Record<string, string>> = {
  h: 'heads of partitions',
  c: 'clients, in every partition',
  y: 'role schema, in every partition',
  u: 'subjects with claims',
  t: 'tokens',
  g: 'grants',
  k: 'tokens of grants',
  r: 'successors of refresh tokens',
  s: 'sessions',
  i: 'indexes of subjects',
  a: 'assignments by subject',
  w: 'assignments by context',
  e: 'assignments by end',
  n: 'assignments by role',
  l: 'logs',
  x: 'cutoffs',
}
const IN_PARTITION = /^cc\{[^}]+\}(.)/

/** Reads it. */
export async function readLeftover(redis: Redis): Promise<Leftover> {
  const kinds = new Map<string, Keyspace>()
  const keyspace = await readKeyspace(redis)
  for await (const found of scan(redis)) {
    for (const key of new Set(found)) {
      const bytes = (await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0
      const kind = kindOf(key)
      const sum = kinds.get(kind) ?? { bytes: 0, keys: 0 }
      kinds.set(kind, { bytes: sum.bytes + bytes, keys: sum.keys + 1 })
    }
  }
  return { ...keyspace, kinds }
}

function kindOf(key: string): string {
  const letter = IN_PARTITION.exec(key)?.[1]
  if (letter !== undefined) return NAMES[letter] ?? `keys with ${letter}`
  return key.startsWith('cc:audit:') ? 'streams of the audit' : key
}

/** Changes a role in every partition and makes a record in every stream: what is over is dropped by what comes later. */
export async function touchAll(store: Store, partitionCount: number): Promise<void> {
  const partitions = createPartitions(partitionCount)
  const subs = new Map<number, string>()
  for (let n = 0; subs.size < partitionCount; n++) {
    const sub = `last-${n}`
    subs.set(partitions.of(sub), sub)
  }
  for (const op of ['assign', 'remove'] as const) {
    const changes = [...subs.values()].map((sub) => ({ op, sub, context: 'room:1', role: ROLE }))
    await store.assignments.apply(changes)
  }
  for (const action of ['revocation.create', 'token.issue', 'role_assignments.apply']) {
    await store.audit.append({ action, result: 'done', actor: BY })
  }
}
