/** What a token or a subject resolves to: the bounds of an answer, and the position it vouches for. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { RoleQuestion } from '../../../store/grants/introspect.ts'
import type { Installation } from '../../fixture/installation.ts'
import { BY, issue, moveClock, newSub, register, seqOf } from '../actions.ts'

const TEACHER = { permissions: ['grade', 'read'], assumable: ['student'] }
const STUDENT = { permissions: ['read'], assumable: [] }
/** Eleven more, so that a thousand assignments fit into a hundred contexts. */
const MORE = Array.from({ length: 11 }, (_, n) => `r${n}`)
const SCHEMA = {
  teacher: TEACHER,
  student: STUDENT,
  ...Object.fromEntries(MORE.map((role) => [role, STUDENT])),
}
const HOUR_S = 3_600

export function resolvingContract(at: () => Installation): void {
  async function holder() {
    const { store } = at()
    const [sub, clientId] = [newSub(), await register(store)]
    const { accessToken } = await issue(store, { sub, clientId, lifetime: 24 * HOUR_S })
    return {
      sub,
      clientId,
      async ask(question: RoleQuestion) {
        const { state } = await store.tokens.introspect(accessToken, '', question)
        if (state.kind !== 'active') throw new Error(`the token is ${state.reason}`)
        return state
      },
      /** Assigns each role in each context. */
      async assign(contexts: readonly string[], roles: readonly string[], expiresAt?: number) {
        const end = expiresAt === undefined ? {} : { expiresAt }
        const all = contexts.flatMap((context) => roles.map((role) => ({ context, role })))
        const changes = all.map((one) => ({ op: 'assign' as const, sub, ...one, ...end }))
        const outcomes = await store.assignments.apply(changes)
        expect(new Set(outcomes)).toEqual(new Set(['assigned']))
      },
    }
  }
  const contexts = (count: number) => Array.from({ length: count }, (_, n) => `course:${n}`)
  const soon = () => Math.floor(Date.now() / 1_000) + HOUR_S

  describe('roles in an answer', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('are none for a subject that holds nothing', async () => {
      const one = await holder()
      const empty = { roles: [], context_roles_complete: true, permissions: {} }
      expect((await one.ask('all')).roles).toEqual({ ...empty, context_roles: {} })
      expect((await one.ask(['course:1'])).roles).toEqual({
        ...empty,
        context_roles: { 'course:1': [] },
        context_roles_complete: false,
        permissions: { 'course:1': [] },
      })
      expect((await one.ask('none')).roles).toBeUndefined()
    })

    it('are those held in the contexts asked for and everywhere, with what they allow', async () => {
      const one = await holder()
      await one.assign(['course:1'], ['teacher'])
      await one.assign(['course:2', '*'], ['student'])
      const everything = {
        roles: ['student'],
        context_roles: { 'course:1': ['teacher'], 'course:2': ['student'] },
        context_roles_complete: true,
        permissions: { '*': ['read'], 'course:1': ['grade', 'read'], 'course:2': ['read'] },
      }
      expect((await one.ask('all')).roles).toEqual(everything)
      // It happens to name all there are, which a change elsewhere would make untrue without touching it.
      expect((await one.ask(['course:2', 'course:1'])).roles).toEqual({
        ...everything,
        context_roles_complete: false,
      })
      expect((await one.ask(['course:2', 'course:7'])).roles).toEqual({
        roles: ['student'],
        context_roles: { 'course:2': ['student'], 'course:7': [] },
        context_roles_complete: false,
        permissions: { '*': ['read'], 'course:2': ['read'], 'course:7': [] },
      })
      expect((await one.ask([])).roles).toMatchObject({
        context_roles: {},
        context_roles_complete: false,
      })
    })

    it('of a hundred contexts are told unasked, of one more are not', async () => {
      const one = await holder()
      await one.assign(contexts(100), ['student'])
      await one.assign(['*'], ['teacher'])
      const all = (await one.ask('all')).roles
      expect(Object.keys(all?.context_roles ?? {})).toHaveLength(100)
      expect(all?.context_roles_complete).toBe(true)
      expect(Object.keys(all?.permissions ?? {})).toHaveLength(101)
      await one.assign(['other:1'], ['student'])
      expect((await one.ask('all')).roles).toEqual({
        roles: ['teacher'],
        context_roles: {},
        context_roles_complete: false,
        permissions: { '*': ['grade', 'read'] },
      })
      const asked = (await one.ask(contexts(100))).roles
      expect(Object.keys(asked?.context_roles ?? {})).toHaveLength(100)
      expect(asked?.context_roles_complete).toBe(false)
    })

    it('of a thousand assignments are told unasked, of one more are not', async () => {
      const one = await holder()
      await one.assign(contexts(90), MORE)
      await one.assign(['course:90'], MORE.slice(0, 10))
      const all = (await one.ask('all')).roles
      const held = Object.values(all?.context_roles ?? {})
      expect(held.flat()).toHaveLength(1_000)
      expect(held[0]).toEqual(MORE.toSorted())
      expect(all?.context_roles_complete).toBe(true)
      await one.assign(['course:90'], MORE.slice(10))
      expect((await one.ask('all')).roles).toMatchObject({
        context_roles: {},
        context_roles_complete: false,
      })
      const asked = (await one.ask(contexts(91))).roles
      expect(Object.values(asked?.context_roles ?? {}).flat()).toHaveLength(1_001)
      expect(asked?.context_roles_complete).toBe(false)
    })

    it('do not mix up contexts whose names begin alike', async () => {
      const one = await holder()
      const alike = ['course:1', 'course:1!', 'course:1.x', 'course:12', 'course:1:2']
      for (const [n, context] of alike.entries()) await one.assign([context], [`r${n}`])
      for (const [n, context] of alike.entries()) {
        expect((await one.ask([context])).roles?.context_roles).toEqual({ [context]: [`r${n}`] })
      }
    })

    it('end when the first of them does, and only of those told', async () => {
      const one = await holder()
      const end = soon()
      await one.assign(['course:1'], ['student'], end + 30)
      await one.assign(['course:1'], ['teacher'], end + 20)
      await one.assign(['course:2'], ['teacher'], end + 10)
      await one.assign(['course:3'], ['teacher'])
      const moveTo = (s: number) => moveClock(at(), at().partitions.of(one.sub), s * 1e6)
      const left = async (question: RoleQuestion) => (await one.ask(question)).stamp.leftMs
      await moveTo(end)
      expect(await left('all')).toBe(10_000)
      expect(await left(['course:1'])).toBe(20_000)
      expect(await left(['course:3'])).toBeUndefined()
      expect(await left('none')).toBeUndefined()
      await one.assign(['*'], ['student'], end + 5)
      await moveTo(end + 1)
      expect(await left(['course:3'])).toBe(4_000)
      await moveTo(end + 20)
      expect(await left('all')).toBe(10_000)
      expect((await one.ask(['course:1'])).roles?.context_roles).toEqual({
        'course:1': ['student'],
      })
    })

    it('stand at the position of the last change, and reading them writes nothing', async () => {
      const one = await holder()
      const partition = at().partitions.of(one.sub)
      await one.assign(['course:1'], ['student'])
      const head = await at().redis.hgetall(at().keys.partition(partition).head)
      const seq = await seqOf(at(), partition)
      const resolved = await at().store.roles.resolve(one.sub, ['course:1'])
      const { stamp } = await one.ask(['course:1'])
      expect(stamp).toEqual({ partition, epoch: stamp.epoch, seq })
      expect(resolved).toMatchObject({ kind: 'active', stamp })
      expect(await at().redis.hgetall(at().keys.partition(partition).head)).toEqual(head)
      await at().store.roleSchemas.put(SCHEMA)
      expect((await one.ask(['course:1'])).stamp.seq).toBe(seq + 1)
    })
  })

  describe('roles of a subject by name', () => {
    it('are those its tokens resolve to', async () => {
      const one = await holder()
      await one.assign(['course:1', '*'], ['student'])
      const resolved = await at().store.roles.resolve(one.sub, ['course:1', 'course:2'])
      const { roles } = await one.ask(['course:1', 'course:2'])
      expect(resolved).toMatchObject({ kind: 'active', roles })
      expect(roles).toEqual({
        roles: ['student'],
        context_roles: { 'course:1': ['student'], 'course:2': [] },
        context_roles_complete: false,
        permissions: { '*': ['read'], 'course:1': ['read'], 'course:2': [] },
      })
    })

    it('are none while it is suspended', async () => {
      const { store } = at()
      const one = await holder()
      await one.assign(['course:1'], ['student'])
      await store.subjects.put(one.sub, BY, { status: 'suspended' })
      expect(await store.roles.resolve(one.sub, ['course:1'])).toEqual({ kind: 'suspended' })
      await store.subjects.put(one.sub, BY, { status: 'active' })
      expect(await store.roles.resolve(one.sub, ['course:1'])).toMatchObject({
        kind: 'active',
        roles: { context_roles: { 'course:1': ['student'] } },
      })
    })

    it('are none of a client that is disabled', async () => {
      const { store } = at()
      const sub = await register(store)
      await store.assignments.apply([{ op: 'assign', sub, context: '*', role: 'student' }])
      expect(await store.roles.resolve(sub, [])).toMatchObject({ roles: { roles: ['student'] } })
      await register(store, sub, { enabled: false })
      expect(await store.roles.resolve(sub, [])).toEqual({ kind: 'client' })
      expect(await store.roles.resolve(sub, [], 'client')).toEqual({ kind: 'client' })
    })

    it('are none of a client that is deleted or was never one, where one is asked about', async () => {
      const { store } = at()
      const sub = await register(store)
      await store.assignments.apply([{ op: 'assign', sub, context: '*', role: 'student' }])
      const held = { kind: 'active', roles: { roles: ['student'] } }
      expect(await store.roles.resolve(sub, [], 'client')).toMatchObject(held)
      await store.clients.delete(sub, BY)
      expect(await store.roles.resolve(sub, [], 'client')).toEqual({ kind: 'client' })
      // The name may be a user's by now.
      expect(await store.roles.resolve(sub, [], 'user')).toMatchObject(held)
      expect(await store.roles.resolve(newSub(), [], 'client')).toEqual({ kind: 'client' })
    })
  })
}
