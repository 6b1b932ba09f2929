/** Assignments: every outcome, their events, their end; and lists of them, whole whatever the size of the pages. */
import { beforeAll, describe, expect, it } from 'vitest'
import type {
  AssignmentChange,
  AssignmentCursor,
  HolderCursor,
} from '../../../store/roles/assignments.ts'
import type { Installation } from '../../fixture/installation.ts'
import { pagesOf } from '../../property/roles-run.ts'
import { moveClock, newNeighbour, newSub, readLog, seqOf } from '../actions.ts'

const ROLE = { permissions: [], assumable: [] }
const SCHEMA = { teacher: ROLE, student: ROLE, ta: ROLE, 'ta.x': ROLE }
/** Most contexts an event names. */
const MOST_NAMED = 32
/** Ended assignments that one call drops. */
const DROPPED_PER_CALL = 20
const HOUR_S = 3_600

export function assignmentsContract(at: () => Installation): void {
  const assign = (
    sub: string,
    context: string,
    role: string,
    expiresAt?: number,
  ): AssignmentChange => ({
    op: 'assign',
    ...{ sub, context, role },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  })
  const remove = (sub: string, context: string, role: string) =>
    ({ op: 'remove', sub, context, role }) as const
  const apply = (...changes: AssignmentChange[]) => at().store.assignments.apply(changes)
  const soon = () => Math.floor(Date.now() / 1_000) + HOUR_S
  const heldBy = (sub: string, size = 100) =>
    pagesOf((cursor?: AssignmentCursor) =>
      at().store.assignments.ofSubject(sub, { any: true }, { size, cursor }),
    )
  const holdersIn = (context: string, role?: string, size = 100) =>
    pagesOf((cursor?: HolderCursor) =>
      at().store.assignments.inContext(context, { role, size, cursor }),
    )
  const partitionOf = (sub: string) => at().partitions.of(sub)
  /** Events of a subject's partition since a position. */
  const eventsSince = async (sub: string, seq: number) =>
    (await readLog(at(), partitionOf(sub)))
      .filter(({ id }) => Number.parseInt(id, 10) > seq)
      .map(({ event }) => event)

  describe('assignments', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('are assigned and removed, each with its event, once', async () => {
      const sub = newSub()
      const before = await seqOf(at(), partitionOf(sub))
      expect(await apply(assign(sub, 'course:1', 'teacher'))).toEqual(['assigned'])
      expect(await apply(assign(sub, 'course:1', 'teacher'))).toEqual(['unchanged'])
      expect(await apply(assign(sub, '*', 'student'))).toEqual(['assigned'])
      expect(await apply(remove(sub, 'course:1', 'teacher'))).toEqual(['removed'])
      expect(await apply(remove(sub, 'course:1', 'teacher'))).toEqual(['unchanged'])
      expect(await apply(remove(sub, 'course:1', 'nonsense'))).toEqual(['unchanged'])
      expect(await eventsSince(sub, before)).toEqual([
        { type: 'subject', sub, contexts: ['course:1'] },
        { type: 'subject', sub, contexts: ['*'] },
        { type: 'subject', sub, contexts: ['course:1'] },
      ])
    })

    it('of a role that the schema lacks are refused, and leave the rest of the call alone', async () => {
      const sub = newSub()
      const outcomes = await apply(
        assign(sub, 'course:1', 'teacher'),
        assign(sub, 'course:1', 'headmaster'),
        assign(sub, 'course:1', 'r:teacher'),
        assign(sub, 'course:2', 'teacher', 1),
        remove(sub, 'course:1', 'teacher'),
        assign(sub, 'course:3', 'student'),
      )
      expect(outcomes).toEqual([
        ...['assigned', 'unknown-role', 'unknown-role', 'past', 'removed', 'assigned'],
      ])
      expect(await heldBy(sub)).toEqual([
        { context: 'course:3', role: 'student', isDormant: false },
      ])
    })

    it('have exactly the end they were assigned with last', async () => {
      const sub = newSub()
      const end = soon()
      const held = (expiresAt?: number) => [
        {
          ...{ context: 'course:1', role: 'teacher', isDormant: false },
          ...(expiresAt === undefined ? {} : { expiresAt }),
        },
      ]
      for (const expiresAt of [end, undefined, end + 1, end, undefined]) {
        const change = assign(sub, 'course:1', 'teacher', expiresAt)
        expect(await apply(change)).toEqual(['assigned'])
        expect(await apply(change)).toEqual(['unchanged'])
        expect(await heldBy(sub)).toEqual(held(expiresAt))
        expect(await holdersIn('course:1', 'teacher')).toContainEqual({
          sub,
          ...held(expiresAt)[0],
        })
      }
    })

    it('end by themselves, to the second, by the clock of their partition', async () => {
      const { store } = at()
      const sub = newSub()
      const end = soon()
      await apply(assign(sub, 'course:1', 'teacher', end), assign(sub, '*', 'student', end + 9))
      const look = async () => {
        const resolved = await store.roles.resolve(sub, ['course:1'])
        if (resolved.kind !== 'active') throw new Error(resolved.kind)
        const { roles, context_roles } = resolved.roles
        return { roles, held: context_roles['course:1'], leftMs: resolved.stamp.leftMs }
      }
      await moveClock(at(), partitionOf(sub), end * 1e6 - 1_500_000)
      expect(await look()).toEqual({ roles: ['student'], held: ['teacher'], leftMs: 1_500 })
      await moveClock(at(), partitionOf(sub), end * 1e6 - 1)
      expect(await look()).toEqual({ roles: ['student'], held: ['teacher'], leftMs: 0 })
      const before = await seqOf(at(), partitionOf(sub))
      await moveClock(at(), partitionOf(sub), end * 1e6)
      expect(await look()).toEqual({ roles: ['student'], held: [], leftMs: 9_000 })
      expect(await heldBy(sub)).toHaveLength(1)
      expect(await holdersIn('course:1')).not.toContainEqual(expect.objectContaining({ sub }))
      expect(await apply(remove(sub, 'course:1', 'teacher'))).toEqual(['unchanged'])
      expect(await apply(assign(sub, 'course:1', 'teacher', end))).toEqual(['past'])
      expect(await eventsSince(sub, before)).toEqual([])
    })

    it('that have ended are dropped by later changes of the partition, some at a time', async () => {
      const { redis, keys } = at()
      const sub = newSub()
      const neighbour = newNeighbour(at(), sub)
      const { ending, holders, assignments } = keys.partition(partitionOf(sub))
      const end = soon()
      const ended = Array.from({ length: 2 * DROPPED_PER_CALL + 5 }, (_, n) =>
        assign(sub, `course:${n}`, 'teacher', end + (n % 3)),
      )
      await redis.del(ending)
      await apply(...ended, assign(sub, 'course:0', 'student'))
      const before = await redis.zcard(holders)
      await moveClock(at(), partitionOf(sub), (end + 3) * 1e6)
      for (const left of [DROPPED_PER_CALL + 5, 5, 0, 0]) {
        // A change that changes nothing takes its share too, with a removal as with an assignment.
        await apply(left > 5 ? remove(neighbour, '*', 'ta') : assign(neighbour, '*', 'ta'))
        expect(await redis.zcard(ending)).toBe(left)
        expect(await redis.zcard(assignments(sub))).toBe(left + 1)
        expect((await redis.zcard(holders)) - before).toBeLessThanOrEqual(left - ended.length + 1)
      }
      expect(await heldBy(sub)).toEqual([
        { context: 'course:0', role: 'student', isDormant: false },
      ])
    })

    it('that have ended and are still stored are as good as gone', async () => {
      const { redis, keys } = at()
      const sub = newSub()
      const { ending, assignments } = keys.partition(partitionOf(sub))
      const end = soon()
      await redis.del(ending)
      // The last ones to be dropped, and so many before them that they are there after the next call.
      const late = ['course:1', 'course:2'].map((context) => assign(sub, context, 'ta', end + 1))
      const early = Array.from({ length: 2 * DROPPED_PER_CALL }, (_, n) =>
        assign(sub, `early:${n}`, 'ta', end),
      )
      await apply(...late, ...early)
      await moveClock(at(), partitionOf(sub), (end + 1) * 1e6)
      const before = await seqOf(at(), partitionOf(sub))
      expect(await apply(remove(sub, 'course:1', 'ta'))).toEqual(['unchanged'])
      expect(await redis.zcard(assignments(sub))).toBe(DROPPED_PER_CALL + 1)
      expect(await eventsSince(sub, before)).toEqual([])
      expect(await apply(assign(sub, 'course:2', 'ta'))).toEqual(['assigned'])
      expect(await eventsSince(sub, before)).toHaveLength(1)
      expect(await heldBy(sub)).toEqual([{ context: 'course:2', role: 'ta', isDormant: false }])
    })

    it('are counted by role', async () => {
      const { redis, keys } = at()
      const sub = newSub()
      const { roleCounts } = keys.partition(partitionOf(sub))
      await redis.hdel(roleCounts, 'ta.x')
      const count = () => redis.hget(roleCounts, 'ta.x')
      await apply(assign(sub, 'course:1', 'ta.x'), assign(sub, 'course:2', 'ta.x'))
      expect(await count()).toBe('2')
      await apply(assign(sub, 'course:1', 'ta.x', soon()))
      expect(await count()).toBe('2')
      await apply(remove(sub, 'course:1', 'ta.x'))
      expect(await count()).toBe('1')
      await apply(remove(sub, 'course:2', 'ta.x'))
      expect(await count()).toBe(null)
    })

    it('of many subjects come back in the order they were given', async () => {
      const subs = Array.from({ length: 40 }, newSub)
      const changes = Array.from({ length: 12 }, (_, n) =>
        subs.map((sub) => assign(sub, `course:${n % 6}`, n === 3 ? 'nobody' : 'ta')),
      ).flat()
      const outcomes = await apply(...changes)
      const expected = ['assigned', 'assigned', 'assigned', 'unknown-role', 'assigned', 'assigned']
      expected.push('unchanged', 'unchanged', 'unchanged', 'assigned', 'unchanged', 'unchanged')
      expect(outcomes).toEqual(expected.flatMap((outcome) => subs.map(() => outcome)))
      expect(await apply()).toEqual([])
    })

    it('of one call are one event, which names the contexts of each subject while they are few', async () => {
      const one = newSub()
      const other = newNeighbour(at(), one)
      const before = await seqOf(at(), partitionOf(one))
      const many = (sub: string, count: number) =>
        Array.from({ length: count }, (_, n) => assign(sub, `course:${n}`, 'ta'))
      const gone = (sub: string, count: number) =>
        many(sub, count).map((change) => ({ ...change, op: 'remove' }) as const)
      await apply(...many(one, MOST_NAMED), ...many(other, MOST_NAMED + 1))
      // What changes nothing is not told of, and leaves one subject to be told of.
      await apply(...many(one, MOST_NAMED), assign(one, 'course:0', 'student'))
      await apply(...many(one, MOST_NAMED), ...many(other, MOST_NAMED))
      await apply(...gone(one, 40), ...gone(other, 3))
      await apply(...gone(other, MOST_NAMED + 1), ...many(other, MOST_NAMED + 1))
      const contexts = Array.from({ length: MOST_NAMED }, (_, n) => `course:${n}`)
      expect(await eventsSince(one, before)).toEqual([
        { type: 'subjects', subjects: [{ sub: one, contexts }, { sub: other }] },
        { type: 'subject', sub: one, contexts: ['course:0'] },
        {
          type: 'subjects',
          subjects: [
            { sub: one, contexts },
            { sub: other, contexts: contexts.slice(0, 3) },
          ],
        },
        { type: 'subject', sub: other },
      ])
    })

    it('of more changes than one script takes are all made', async () => {
      const sub = newSub()
      const many = Array.from({ length: 250 }, (_, n) => assign(sub, `course:${n}`, 'ta'))
      expect(new Set(await apply(...many))).toEqual(new Set(['assigned']))
      expect(await heldBy(sub, 7)).toHaveLength(250)
      const removals = many.map((change) => ({ ...change, op: 'remove' }) as const)
      expect(new Set(await apply(...removals))).toEqual(new Set(['removed']))
      expect(await heldBy(sub)).toEqual([])
    })

    it('go dormant with their role, and come back with it', async () => {
      const { store } = at()
      const sub = newSub()
      const context = `course:${sub}`
      await apply(assign(sub, context, 'ta'), assign(sub, context, 'teacher'))
      await store.roleSchemas.put({ teacher: ROLE })
      const dormant = [
        { context, role: 'ta', isDormant: true },
        { context, role: 'teacher', isDormant: false },
      ]
      expect(await heldBy(sub)).toEqual(dormant)
      expect(await holdersIn(context)).toEqual(dormant.map((one) => ({ sub, ...one })))
      const resolve = async () => {
        const resolved = await store.roles.resolve(sub, [context])
        return resolved.kind === 'active' ? resolved.roles.context_roles : resolved.kind
      }
      expect(await resolve()).toEqual({ [context]: ['teacher'] })
      expect(await apply(assign(sub, context, 'ta'))).toEqual(['unknown-role'])
      await store.roleSchemas.put(SCHEMA)
      expect(await resolve()).toEqual({ [context]: ['ta', 'teacher'] })
      await store.roleSchemas.put({ teacher: ROLE })
      expect(await apply(remove(sub, context, 'ta'))).toEqual(['removed'])
      await store.roleSchemas.put(SCHEMA)
      expect(await resolve()).toEqual({ [context]: ['teacher'] })
    })
  })

  describe('lists of assignments', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('are in order of their bytes and whole, whatever the size of the pages', async () => {
      const run = newSub().slice(4)
      const subs = ['', ' ', ' 1', '!', '0', ':', 'é', '～', '😀'].map((end) => `${run}${end}`)
      const contexts = ['a', 'a!', 'a.b', 'ab', 'b'].map(
        (id) => `${run.replaceAll(/\W/g, '')}x:${id}`,
      )
      const end = soon()
      await apply(
        ...subs.flatMap((sub, n) =>
          contexts.flatMap((context) => [
            assign(sub, context, 'ta', n % 2 === 0 ? end : undefined),
            assign(sub, context, 'ta.x', n % 3 === 0 ? end + 9 : undefined),
          ]),
        ),
      )
      const context = contexts[0] as string
      const inBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
      for (const size of [1, 2, 3, 5, 16, 17]) {
        const held = await heldBy(subs[2] as string, size)
        const names = contexts.toSorted(inBytes).flatMap((of) => [`${of} ta`, `${of} ta.x`])
        expect(held.map((one) => `${one.context} ${one.role}`)).toEqual(names)
        const holders = await holdersIn(context, undefined, size)
        const expected = ['ta', 'ta.x'].flatMap((role) =>
          subs.toSorted(inBytes).map((sub) => `${role} ${sub}`),
        )
        expect(holders.map((one) => `${one.role} ${one.sub}`)).toEqual(expected)
        const ofRole = await holdersIn(context, 'ta', size)
        expect(ofRole.map((one) => one.sub)).toEqual(subs.toSorted(inBytes))
      }
    })

    it('of a subject can be of one context or of one type', async () => {
      const { store } = at()
      const sub = newSub()
      const contexts = ['*', 'course:1', 'course:12', 'course-x:1', 'courses:1']
      await apply(...contexts.map((context) => assign(sub, context, 'ta')))
      const list = async (filter: Parameters<typeof store.assignments.ofSubject>[1]) => {
        const items = await pagesOf((cursor?: AssignmentCursor) =>
          store.assignments.ofSubject(sub, filter, { size: 1, cursor }),
        )
        return items.map(({ context }) => context)
      }
      expect(await list({ context: 'course:1' })).toEqual(['course:1'])
      expect(await list({ context: '*' })).toEqual(['*'])
      expect(await list({ contextType: 'course' })).toEqual(['course:1', 'course:12'])
      expect(await list({ contextType: 'cour' })).toEqual([])
      expect(await list({ any: true })).toHaveLength(5)
    })

    it('go on where they were when what the page ended with is gone', async () => {
      const { store } = at()
      const sub = newSub()
      const contexts = ['course:1', 'course:2', 'course:3']
      await apply(...contexts.map((context) => assign(sub, context, 'ta')))
      const first = await store.assignments.ofSubject(sub, { any: true }, { size: 2 })
      await apply(remove(sub, 'course:2', 'ta'), assign(sub, 'course:1', 'ta.x'))
      const cursor = first.next
      const rest = await store.assignments.ofSubject(sub, { any: true }, { size: 2, cursor })
      expect(rest).toEqual({ items: [{ context: 'course:3', role: 'ta', isDormant: false }] })
    })

    it('of a context show no subject twice where the page of one partition has ended', async () => {
      const { store, partitions } = at()
      const context = `course:${newSub()}`
      const end = soon()
      const one = newSub()
      let other = newSub()
      while (partitions.of(other) === partitions.of(one)) other = newSub()
      await apply(assign(one, context, 'student', end), assign(one, context, 'ta'))
      await apply(assign(other, context, 'ta.x'), assign(other, context, 'teacher'))
      await moveClock(at(), partitions.of(one), end * 1e6)
      for (const size of [1, 2, 3]) {
        const holders = await holdersIn(context, undefined, size)
        expect(holders.map(({ role }) => role)).toEqual(['ta', 'ta.x', 'teacher'])
      }
      const first = await store.assignments.inContext(context, { size: 1 })
      expect(first).toEqual({ items: [], next: { role: 'student', sub: one } })
    })

    it('may have an empty page, where all of it has ended, and go on', async () => {
      const { store } = at()
      const sub = newSub()
      const end = soon()
      const ended = ['course:1', 'course:2'].map((context) => assign(sub, context, 'ta', end))
      await apply(...ended, assign(sub, 'course:3', 'ta'))
      await moveClock(at(), partitionOf(sub), end * 1e6)
      const first = await store.assignments.ofSubject(sub, { any: true }, { size: 2 })
      expect(first).toEqual({ items: [], next: { context: 'course:2', role: 'ta' } })
      expect(await heldBy(sub, 2)).toHaveLength(1)
    })
  })
}
