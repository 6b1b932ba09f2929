/**
 * What one of many things costs in Redis: memory and keys of a server before and after, divided by the things. Each kind
 * has a server of its own, and nobody is connected when the memory is read: the buffers of a busy connection are no part of it.
 */
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { openStore, type Store } from '../../store/store.ts'
import { SELF } from '../../test/fixture/installation.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import { register } from '../../test/redis/actions.ts'
import { startBenchRedis } from '../installation.ts'
import type { Machine } from '../machine.ts'
import { PARTITIONS } from '../partitions.ts'
import { dropLogs, type Keyspace, readKeyspace } from './keyspace.ts'
import { CLIENT, ROLE, type Thing } from './things.ts'

/** Of one thing. */
export type Cost = Keyspace

const PATIENCE_MS = 60_000
const TOKEN_KEYS = [{ id: 'k1', secret: randomBytes(32) }]
const MADE_AT_ONCE = 64
/** Brings every script and the first of each index. */
const WARM_UP_MAKINGS = 1

/** @param things how many; at least one making */
export async function costOf(machine: Machine, thing: Thing, things: number): Promise<Cost> {
  const { redis } = await startBenchRedis(machine, '--appendonly', 'no')
  const { direct, url } = redis
  try {
    const makings = Math.ceil((things * (thing.times ?? 1)) / (thing.perMaking ?? 1))
    await withStore(url, async (store) => {
      await register(store, CLIENT)
      await store.roleSchemas.put({ [ROLE]: { permissions: [], assumable: [] } })
      await makeAll(store, direct, thing, 0, WARM_UP_MAKINGS)
    })
    const before = await keyspaceOf(direct)
    await withStore(url, (store) => makeAll(store, direct, thing, WARM_UP_MAKINGS, makings))
    return share(before, await keyspaceOf(direct), makings * (thing.perMaking ?? 1))
  } finally {
    await redis.stop()
  }
}

/** What of the growth falls to one of so many. */
export function share(before: Keyspace, after: Keyspace, things: number): Cost {
  return {
    bytes: (after.bytes - before.bytes) / things,
    keys: (after.keys - before.keys) / things,
  }
}

async function keyspaceOf(redis: Redis): Promise<Keyspace> {
  await waitFor(async () => /^connected_clients:1\r$/m.test(await redis.info('clients')))
  await dropLogs(redis)
  return readKeyspace(redis)
}

async function withStore(url: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({
    url,
    prefix: 'cc',
    partitions: PARTITIONS.count,
    tokenKeys: TOKEN_KEYS,
    mints: true,
    selfResources: [SELF],
    commandTimeoutMs: PATIENCE_MS,
    // What a retry of a refresh would be answered with is gone before the memory is read.
    refreshGraceMs: 1,
  })
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

async function makeAll(
  store: Store,
  redis: Redis,
  thing: Thing,
  first: number,
  makings: number,
): Promise<void> {
  let next = first
  const maker = async (): Promise<void> => {
    while (next < first + makings) await thing.make(store, next++, redis)
  }
  await Promise.all(Array.from({ length: Math.min(MADE_AT_ONCE, makings) }, maker))
}
