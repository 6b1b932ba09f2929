/** Loads: one claim at a time, what a loader may write and when, and that it writes over nothing an operator put. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { LoadedSubject } from '../../../store/registry/subject-loads.ts'
import type { Installation } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  moveClock,
  newNeighbour,
  newSub,
  readLog,
  register,
  seqOf,
  stateOf,
} from '../actions.ts'

const ROLE = { permissions: [], assumable: [] }
const SCHEMA = { teacher: ROLE, student: ROLE }
const LIFETIME_MS = 60_000
const HOUR_S = 3_600
const NOTHING: LoadedSubject = { status: 'active', claims: {}, roles: [] }
const SOMETHING: LoadedSubject = {
  status: 'suspended',
  claims: { name: 'Å\n"x"' },
  roles: [
    { context: '*', role: 'student' },
    { context: 'course:1', role: 'teacher', expiresAt: 4_000_000_000 },
  ],
}

export function loadsContract(at: () => Installation): void {
  const begin = (sub: string) => at().store.subjectLoads.begin(sub, LIFETIME_MS)
  async function begun(sub: string): Promise<string> {
    const claim = await begin(sub)
    if (claim.kind !== 'begun') throw new Error(`the claim came to ${claim.kind}`)
    return claim.name
  }
  const complete = (sub: string, name: string, loaded = SOMETHING) =>
    at().store.subjectLoads.complete(sub, name, loaded)
  const partitionOf = (sub: string) => at().partitions.of(sub)
  const assign = (sub: string, context: string, role: string, expiresAt?: number) =>
    at().store.assignments.apply([
      { op: 'assign', sub, context, role, ...(expiresAt === undefined ? {} : { expiresAt }) },
    ])
  const held = async (sub: string) => {
    const { items } = await at().store.assignments.ofSubject(sub, { any: true }, { size: 500 })
    return items.map(({ isDormant: _, ...one }) => one)
  }
  const fieldsOf = (sub: string) =>
    at().redis.hgetall(at().keys.partition(partitionOf(sub)).subject(sub))
  const eventsSince = async (sub: string, seq: number) =>
    (await readLog(at(), partitionOf(sub)))
      .filter(({ id }) => Number.parseInt(id, 10) > seq)
      .map(({ event }) => event)
  /** Lets a claim made now come to its end. */
  const outlast = (sub: string) =>
    moveClock(at(), partitionOf(sub), Date.now() * 1e3 + LIFETIME_MS * 1e3 + 1e6)
  /** Claims under a name, as a loader does that needs more time. */
  async function claim(sub: string, name: string, lifetimeMs: number) {
    const { head, subject } = at().keys.partition(partitionOf(sub))
    const [kind] = await at().run('begin-load', [head, subject(sub)], [name, lifetimeMs])
    return kind
  }

  describe('a load', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('puts in status, claims and roles, tells of them, and is done once', async () => {
      const { store } = at()
      const sub = newSub()
      const name = await begun(sub)
      const before = await seqOf(at(), partitionOf(sub))
      expect(await complete(sub, name)).toBe(0)
      const { status, claims } = SOMETHING
      expect(await store.subjects.get(sub)).toEqual({ sub, status, claims })
      expect(await held(sub)).toEqual(SOMETHING.roles)
      expect(await eventsSince(sub, before)).toEqual([
        { type: 'subject', sub, contexts: ['*', 'course:1'] },
        { type: 'subject', sub },
      ])
      expect(await begin(sub)).toEqual({ kind: 'known' })
      expect(await complete(sub, name, NOTHING)).toBeUndefined()
      expect(await fieldsOf(sub)).toEqual({ status, claims: JSON.stringify(claims), loaded: '1' })
    })

    it('of a subject that is unknown elsewhere is done once too', async () => {
      const sub = newSub()
      const name = await begun(sub)
      const before = await seqOf(at(), partitionOf(sub))
      expect(await complete(sub, name, NOTHING)).toBe(0)
      expect(await eventsSince(sub, before)).toEqual([{ type: 'subject', sub }])
      expect(await at().store.subjects.get(sub)).toEqual({ sub, status: 'active', claims: {} })
      expect(await begin(sub)).toEqual({ kind: 'known' })
    })

    it('is not begun where an operator has put status or claims', async () => {
      const { store } = at()
      const [suspended, named] = [newSub(), newSub()]
      await store.subjects.put(suspended, BY, { status: 'active' })
      await store.subjects.put(named, BY, { claims: {} })
      for (const sub of [suspended, named]) {
        expect(await begin(sub)).toEqual({ kind: 'known' })
        expect(await fieldsOf(sub)).not.toHaveProperty('loading')
      }
    })

    it('is begun where roles were assigned: they do not say whether the subject is suspended', async () => {
      const assigned = newSub()
      await assign(assigned, 'course:1', 'teacher')
      expect(await begin(assigned)).toMatchObject({ kind: 'begun' })
    })

    it('is claimed by one of many', async () => {
      const sub = newSub()
      const claims = await Promise.all(Array.from({ length: 20 }, () => begin(sub)))
      expect(claims.map(({ kind }) => kind).sort()).toEqual([
        'begun',
        ...Array.from({ length: 19 }, () => 'busy'),
      ])
      const [own] = claims.flatMap((one) => (one.kind === 'begun' ? [one.name] : []))
      expect(await complete(sub, own as string)).toBe(0)
    })

    it('changes nothing that is told of by being claimed', async () => {
      const sub = newSub()
      const before = await seqOf(at(), partitionOf(sub))
      await begun(sub)
      await begin(sub)
      expect(await eventsSince(sub, before)).toEqual([])
      expect(await at().store.subjects.get(sub)).toEqual({ sub, status: 'active', claims: {} })
    })
  })

  describe('the claim of a load', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('holds to the end of its time and not beyond, by the clock of its partition', async () => {
      const sub = newSub()
      await begun(sub)
      const { loading = '' } = await fieldsOf(sub)
      const endUs = Number(loading.split(' ')[1])
      // Each look takes a tick of its own: the second one is at the very end.
      await moveClock(at(), partitionOf(sub), endUs - 2)
      expect(await begin(sub)).toEqual({ kind: 'busy' })
      expect(await begin(sub)).toMatchObject({ kind: 'begun' })
    })

    it('that has ended still counts while no other process has claimed', async () => {
      const sub = newSub()
      const name = await begun(sub)
      await outlast(sub)
      expect(await complete(sub, name)).toBe(0)
      expect(await begin(sub)).toEqual({ kind: 'known' })
    })

    it('is lost to the next one after its end, and then nothing is written', async () => {
      const sub = newSub()
      const late = await begun(sub)
      await outlast(sub)
      const next = await begun(sub)
      const before = await seqOf(at(), partitionOf(sub))
      const fields = await fieldsOf(sub)
      // Without roles it is the last step that finds the claim lost.
      for (const loaded of [SOMETHING, NOTHING]) {
        expect(await complete(sub, late, loaded)).toBeUndefined()
      }
      expect(await fieldsOf(sub)).toEqual(fields)
      expect(await held(sub)).toEqual([])
      expect(await eventsSince(sub, before)).toEqual([])
      expect(await complete(sub, next)).toBe(0)
      expect(await complete(sub, late, NOTHING)).toBeUndefined()
      expect(await held(sub)).toEqual(SOMETHING.roles)
    })

    it('that was never made is lost', async () => {
      const sub = newSub()
      for (const loaded of [SOMETHING, NOTHING]) {
        expect(await complete(sub, 'nobody', loaded)).toBeUndefined()
      }
      expect(await fieldsOf(sub)).toEqual({})
      expect(await held(sub)).toEqual([])
    })

    it('is not taken for that of a name that begins alike', async () => {
      const sub = newSub()
      const name = await begun(sub)
      expect(await complete(sub, name.slice(0, -1), NOTHING)).toBeUndefined()
      expect(await complete(sub, name.slice(0, -1))).toBeUndefined()
      expect(await claim(sub, `${name}x`, LIFETIME_MS)).toBe('busy')
    })

    it('is lengthened by claiming again under its name', async () => {
      const sub = newSub()
      const name = await begun(sub)
      await moveClock(at(), partitionOf(sub), Date.now() * 1e3 + 50e6)
      expect(await claim(sub, name, LIFETIME_MS)).toBe('begun')
      await outlast(sub)
      expect(await begin(sub)).toEqual({ kind: 'busy' })
      expect(await complete(sub, name)).toBe(0)
    })

    it('that is given up leaves room at once, and can be given up when it is lost', async () => {
      const { subjectLoads } = at().store
      const sub = newSub()
      const first = await begun(sub)
      await subjectLoads.abandon(sub, first)
      const second = await begun(sub)
      await subjectLoads.abandon(sub, first)
      expect(await begin(sub)).toEqual({ kind: 'busy' })
      expect(await complete(sub, second)).toBe(0)
      await subjectLoads.abandon(sub, second)
      expect(await begin(sub)).toEqual({ kind: 'known' })
    })

    it('that ended half-way is followed by another, which loads everything again', async () => {
      const { keys, run } = at()
      const sub = newSub()
      const name = await begun(sub)
      const here = keys.partition(partitionOf(sub))
      const places = [here.head, here.log, here.holders, here.ending, here.roleCounts, here.schema]
      const loaded = await run(
        'load-assignments',
        [...places, here.subject(sub)],
        [here.base, 600_000, keys.channel, name, sub, '*', 'student', '', 'course:9', 'nobody', ''],
      )
      expect(loaded).toEqual(['loaded', '1'])
      expect(await held(sub)).toEqual([{ context: '*', role: 'student' }])
      expect(await begin(sub)).toEqual({ kind: 'busy' })
      await outlast(sub)
      expect(await complete(sub, await begun(sub))).toBe(0)
      expect(await held(sub)).toEqual(SOMETHING.roles)
    })
  })

  describe('what a load puts in', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('leaves alone the claims or the status that an operator has put meanwhile', async () => {
      const { store } = at()
      const [named, reactivated] = [newSub(), newSub()]
      const names = [await begun(named), await begun(reactivated)] as const
      await store.subjects.put(named, BY, { claims: { by: 'operator' } })
      await store.subjects.put(reactivated, BY, { status: 'active' })
      for (const sub of [named, reactivated]) expect(await begin(sub)).toEqual({ kind: 'known' })
      expect(await complete(named, names[0])).toBe(0)
      expect(await complete(reactivated, names[1])).toBe(0)
      expect(await store.subjects.get(named)).toEqual({
        ...{ sub: named, status: 'suspended', claims: { by: 'operator' } },
      })
      expect(await store.subjects.get(reactivated)).toEqual({
        ...{ sub: reactivated, status: 'active', claims: SOMETHING.claims },
      })
    })

    it('leaves alone what is assigned already, with its end', async () => {
      const sub = newSub()
      const name = await begun(sub)
      const end = Math.floor(Date.now() / 1_000) + HOUR_S
      await assign(sub, 'course:1', 'teacher', end)
      await assign(sub, 'course:2', 'teacher')
      // A claim stands: what was assigned meanwhile does not make it a subject that needs no load.
      expect(await begin(sub)).toEqual({ kind: 'busy' })
      const before = await seqOf(at(), partitionOf(sub))
      const roles = [
        { context: 'course:1', role: 'teacher' },
        { context: 'course:2', role: 'teacher', expiresAt: end },
        { context: 'course:2', role: 'student' },
      ]
      expect(await complete(sub, name, { ...NOTHING, roles })).toBe(0)
      expect(await held(sub)).toEqual([
        { context: 'course:1', role: 'teacher', expiresAt: end },
        { context: 'course:2', role: 'student' },
        { context: 'course:2', role: 'teacher' },
      ])
      expect(await eventsSince(sub, before)).toEqual([
        { type: 'subject', sub, contexts: ['course:2'] },
        { type: 'subject', sub },
      ])
    })

    it('takes the place of what was assigned, has ended and is still stored', async () => {
      const sub = newSub()
      const name = await begun(sub)
      const end = Math.floor(Date.now() / 1_000) + HOUR_S
      await at().redis.del(at().keys.partition(partitionOf(sub)).ending)
      // More that ends before than one call drops.
      const neighbour = newNeighbour(at(), sub)
      for (let n = 0; n < 25; n++) await assign(neighbour, `early:${n}`, 'student', end)
      await assign(sub, 'course:1', 'teacher', end + 1)
      await moveClock(at(), partitionOf(sub), (end + 1) * 1e6)
      const roles = [{ context: 'course:1', role: 'teacher' }]
      expect(await complete(sub, name, { ...NOTHING, roles })).toBe(0)
      expect(await held(sub)).toEqual(roles)
    })

    it('cuts off what was issued to a subject that is suspended there', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issue(store, { sub, clientId })
      await complete(sub, await begun(sub))
      expect(await stateOf(store, accessToken)).toBe('revoked')
      const [last] = (await readLog(at(), partitionOf(sub))).slice(-1)
      expect(last?.revocation).toMatch(/^\d+ \{"by":/)
      await store.subjects.put(sub, BY, { status: 'active' })
      expect(await stateOf(store, accessToken)).toBe('revoked')
    })

    it('is counted by role once', async () => {
      const { redis, keys } = at()
      const sub = newSub()
      const { roleCounts } = keys.partition(partitionOf(sub))
      const count = async () => Number(await redis.hget(roleCounts, 'teacher'))
      const name = await begun(sub)
      await assign(sub, 'course:1', 'teacher')
      const before = await count()
      const roles = ['course:1', 'course:2', 'course:2'].map((context) => ({
        ...{ context, role: 'teacher' },
      }))
      await complete(sub, name, { ...NOTHING, roles })
      expect((await count()) - before).toBe(1)
    })

    it('has no roles that the schema lacks, which are counted, nor any that have ended', async () => {
      const sub = newSub()
      const name = await begun(sub)
      const roles = [
        { context: 'course:1', role: 'headmaster' },
        { context: 'course:2', role: 'teacher', expiresAt: 1 },
        { context: 'course:3', role: 'r:teacher' },
        { context: 'course:4', role: 'teacher' },
      ]
      const before = await seqOf(at(), partitionOf(sub))
      expect(await complete(sub, name, { ...NOTHING, roles })).toBe(2)
      expect(await held(sub)).toEqual([{ context: 'course:4', role: 'teacher' }])
      const { assignments } = at().keys.partition(partitionOf(sub))
      expect(await at().redis.zcard(assignments(sub))).toBe(1)
      expect(await eventsSince(sub, before)).toEqual([
        { type: 'subject', sub, contexts: ['course:4'] },
        { type: 'subject', sub },
      ])
    })

    it('may be more than one call takes', async () => {
      const sub = newSub()
      const name = await begun(sub)
      const before = await seqOf(at(), partitionOf(sub))
      const end = Math.floor(Date.now() / 1_000) + HOUR_S
      const roles = Array.from({ length: 250 }, (_, n) => ({
        ...{ context: `course:${n}`, role: n % 10 === 9 ? 'nobody' : 'teacher' },
        ...(n % 2 === 0 ? { expiresAt: end } : {}),
      }))
      expect(await complete(sub, name, { ...NOTHING, roles })).toBe(25)
      const known = roles.filter(({ role }) => role === 'teacher')
      const inBytes = known.toSorted((a, b) => (a.context < b.context ? -1 : 1))
      expect(await held(sub)).toEqual(inBytes)
      // Each call has too many contexts to name.
      const events = await eventsSince(sub, before)
      expect(events).toEqual(Array.from({ length: 4 }, () => ({ type: 'subject', sub })))
    })

    it('resolves like anything that was assigned, and ends by itself', async () => {
      const { store } = at()
      const sub = newSub()
      const end = Math.floor(Date.now() / 1_000) + HOUR_S
      const roles = [{ context: 'course:1', role: 'teacher', expiresAt: end }]
      await complete(sub, await begun(sub), { ...NOTHING, roles })
      const resolve = () => store.roles.resolve(sub, ['course:1'])
      await moveClock(at(), partitionOf(sub), (end - 60) * 1e6)
      expect(await resolve()).toMatchObject({
        roles: { context_roles: { 'course:1': ['teacher'] } },
        stamp: { leftMs: 60_000 },
      })
      await moveClock(at(), partitionOf(sub), end * 1e6)
      expect(await resolve()).toMatchObject({ roles: { context_roles: { 'course:1': [] } } })
    })
  })
}
