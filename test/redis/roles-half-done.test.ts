/**
 * Schema writes that stopped half-way, and schemas that a failover took back: a repeat finishes them, every partition ends
 * with the same schema, and no answer is read through a schema that its assignments never met.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { StoreContext } from '../../store/context.ts'
import { StoreUnavailableError } from '../../store/errors.ts'
import { createTokenReader } from '../../store/grants/introspect.ts'
import { createTokenLocator } from '../../store/grants/locate-token.ts'
import { createTokenKeyRing } from '../../store/mint/key-ring.ts'
import type { RoleDefinitions } from '../../store/roles/resolve.ts'
import {
  type Installation,
  type OwnInstallation,
  openInstallation,
  startInstallation,
} from '../fixture/installation.ts'
import { startCluster } from '../fixture/redis-cluster.ts'
import type { TestRedis } from '../fixture/redis-server.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { issue, newSub, readLog, register } from './actions.ts'

const READ = { permissions: ['read'], assumable: [] }
const WRITE = { permissions: ['write'], assumable: [] }
const OLD: RoleDefinitions = { guest: READ, ta: READ }
const NEW: RoleDefinitions = { guest: WRITE, teacher: READ }
const OTHER: RoleDefinitions = { guest: READ, student: READ }
const HOME = 0

async function open(...options: Parameters<typeof startInstallation>): Promise<OwnInstallation> {
  const installation = await startInstallation(...options)
  onTestFinished(installation.close)
  return installation
}

const partitionsOf = ({ partitions }: Installation) =>
  Array.from({ length: partitions.count }, (_, partition) => partition)

const schemaIn = ({ redis, keys }: Installation, partition: number) =>
  redis.hgetall(keys.partition(partition).schema)

/** The one schema that all partitions have. */
async function commonSchema(installation: Installation): Promise<Record<string, string>> {
  const all = await Promise.all(partitionsOf(installation).map((n) => schemaIn(installation, n)))
  for (const schema of all) expect(schema).toEqual(all[HOME])
  return all[HOME] as Record<string, string>
}

/** What a writer does in one partition; only the home of the schema expects one before. */
function writeTo(
  { run, keys }: Installation,
  partition: number,
  roles: RoleDefinitions,
  [version, expected]: readonly [version: number, expected: number | ''],
) {
  const at = keys.partition(partition)
  const json = JSON.stringify(roles)
  const digest = createHash('sha256').update(json).digest('base64url').slice(0, 22)
  const event = JSON.stringify({ type: 'schema' })
  const args = [at.base, json, digest, version, expected, event, 600_000, keys.channel]
  return run('put-role-schema', [at.head, at.log, at.schema], args)
}

/** Partitions of a subject each, so that every partition can be asked. */
function subjectsOf({ partitions }: Installation): string[] {
  return Array.from({ length: partitions.count }, (_, partition) => {
    for (;;) {
      const sub = newSub()
      if (partitions.of(sub) === partition) return sub
    }
  })
}

describe('a schema write that stopped half-way', () => {
  it.each([0, 1, 3])(
    'after %i of the other partitions is finished by a repeat',
    async (reached) => {
      const installation = await open({ partitions: 8 })
      const { store } = installation
      await store.roleSchemas.put(OLD)
      expect(await writeTo(installation, HOME, NEW, [2, 1])).toEqual(['stored', '2'])
      for (let n = 1; n <= reached; n++) {
        expect(await writeTo(installation, n, NEW, [2, ''])).toEqual(['stored', '2'])
      }
      const subs = subjectsOf(installation)
      const assign = (role: string) =>
        store.assignments.apply(
          subs.map((sub) => ({ op: 'assign', sub, context: 'course:1', role }) as const),
        )
      const judged = await assign('teacher')
      expect(judged).toEqual(subs.map((_, n) => (n <= reached ? 'assigned' : 'unknown-role')))
      expect(await store.roleSchemas.put(NEW)).toMatchObject({ kind: 'stored', version: 3 })
      expect((await commonSchema(installation)).id).toMatch(/^3\./)
      expect(new Set(await assign('teacher'))).toEqual(new Set(['assigned', 'unchanged']))
      expect(new Set(await assign('ta'))).toEqual(new Set(['unknown-role']))
    },
  )

  it('is finished by repeating it with the version it expected', async () => {
    const installation = await open({ partitions: 8 })
    const { store } = installation
    await store.roleSchemas.put(OLD)
    await writeTo(installation, HOME, NEW, [2, 1])
    // The same call again: the caller does not know how far the first one came.
    expect(await store.roleSchemas.put(NEW, 1)).toMatchObject({ kind: 'stored' })
    expect((await commonSchema(installation)).json).toBe(JSON.stringify(NEW))
  })

  it('is overtaken by the next one, and its rest arrives too late', async () => {
    const installation = await open({ partitions: 8 })
    const { store } = installation
    await store.roleSchemas.put(OLD)
    await writeTo(installation, HOME, NEW, [2, 1])
    expect(await store.roleSchemas.put(OTHER)).toMatchObject({ kind: 'stored', version: 3 })
    for (const n of partitionsOf(installation).slice(1)) {
      const logged = (await readLog(installation, n)).length
      expect(await writeTo(installation, n, NEW, [2, ''])).toEqual(['older', '3'])
      expect((await readLog(installation, n)).length).toBe(logged)
    }
    expect((await commonSchema(installation)).json).toBe(JSON.stringify(OTHER))
  })

  it('on a Cluster because a server hangs is an outage, and finished by a repeat', async () => {
    const cluster = await startCluster()
    onTestFinished(cluster.stop)
    const [first] = cluster.nodes
    const installation = await openInstallation({
      url: cluster.url,
      node: (first as TestRedis).direct,
    })
    onTestFinished(installation.close)
    const { store, keys } = installation
    await store.roleSchemas.put(OLD)
    const impatient = await installation.open({ commandTimeoutMs: 500 })
    // Reads of one server only tell whether it is the one that has the home of the schema.
    const isHome = await Promise.all(
      cluster.nodes.map(async ({ direct }) => {
        const answer = direct.exists(keys.partition(HOME).schema)
        return answer.then(
          () => true,
          () => false,
        )
      }),
    )
    const hanging = cluster.nodes[isHome.indexOf(false)] as TestRedis
    hanging.pause()
    try {
      await expect(impatient.roleSchemas.put(NEW)).rejects.toThrow(StoreUnavailableError)
    } finally {
      hanging.resume()
    }
    const outcome = await waitFor(() => impatient.roleSchemas.put(NEW).catch(() => undefined))
    expect(outcome).toMatchObject({ kind: 'stored' })
    const common = await commonSchema(installation)
    expect(common.json).toBe(JSON.stringify(NEW))
    expect(common.id).toMatch(new RegExp(`^${outcome?.version}\\.`))
  })
})

describe('a schema that a failover took back', () => {
  /** Has `lost` written and takes it back in some partitions, as a promoted replica that lagged behind would. */
  async function loseIn(
    installation: Installation,
    lost: RoleDefinitions,
    from: readonly number[],
  ) {
    const { store, redis, keys } = installation
    const dumps = await Promise.all(
      from.map((n) => redis.dumpBuffer(keys.partition(n).schema) as Promise<Buffer>),
    )
    await store.roleSchemas.put(lost)
    const ids = await Promise.all(from.map(async (n) => (await schemaIn(installation, n)).id))
    for (const [index, n] of from.entries()) {
      await redis.restore(keys.partition(n).schema, 0, dumps[index] as Buffer, 'REPLACE')
    }
    return ids
  }

  it('and whose version is used again has another id, so that no process mixes them up', async () => {
    const installation = await open({ partitions: 2 })
    const { store } = installation
    await store.roleSchemas.put(OLD)
    const sub = newSub()
    await store.assignments.apply([{ op: 'assign', sub, context: '*', role: 'guest' }])
    const permissions = async () => {
      const resolved = await store.roles.resolve(sub, [])
      return resolved.kind === 'active' ? resolved.roles.permissions['*'] : resolved.kind
    }
    const everywhere = partitionsOf(installation)
    const [lostId] = await loseIn(installation, NEW, everywhere)
    expect(await permissions()).toEqual(['read'])
    await store.roleSchemas.put({ ...NEW, more: READ })
    const { id } = await commonSchema(installation)
    expect([lostId, id].map((one) => one?.split('.')[0])).toEqual(['2', '2'])
    expect(id).not.toBe(lostId)
    expect(await permissions()).toEqual(['write'])
  })

  it.each([
    ['its home', [HOME]],
    ['another partition', [1]],
    ['half of them', [HOME, 2]],
  ])('in %s is overcome by the next write', async (_where, from) => {
    const installation = await open({ partitions: 4 })
    const { store } = installation
    await store.roleSchemas.put(OLD)
    await loseIn(installation, NEW, from)
    expect(await store.roleSchemas.put(OTHER)).toMatchObject({ kind: 'stored' })
    expect((await commonSchema(installation)).json).toBe(JSON.stringify(OTHER))
  })
})

describe('an answer', () => {
  it('is never read through a schema that its assignments have not met', async () => {
    const installation = await open({ partitions: 2 })
    const { store, run, keys, partitions, redis, mint } = installation
    const [sub, clientId] = [newSub(), await register(store)]
    const { accessToken } = await issue(store, { sub, clientId })
    await store.roleSchemas.put(OLD)
    await store.assignments.apply([{ op: 'assign', sub, context: '*', role: 'guest' }])

    // Between the reading of what is held and that of the schema: guests may only read as long as there is one.
    const fresh = await installation.open()
    let isFirst = true
    const schemas = {
      async compiledOf(partition: number, id: string) {
        if (isFirst) {
          isFirst = false
          await store.assignments.apply([{ op: 'remove', sub, context: '*', role: 'guest' }])
          await store.roleSchemas.put(NEW)
        }
        return fresh.roleSchemas.compiledOf(partition, id)
      },
    }
    const tokenKeys = createTokenKeyRing(installation.tokenKeys)
    // All that reading takes.
    const context = { redis, run, keys, partitions, tokenKeys, mint } as unknown as StoreContext
    const reader = createTokenReader(context, createTokenLocator(context), schemas)
    const { state } = await reader.introspect(accessToken, '', 'all')
    const told = state.kind === 'active' ? state.roles?.permissions : state.reason
    expect([{ '*': ['read'] }, {}]).toContainEqual(told)
  })
})
