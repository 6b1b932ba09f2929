/** The role schema: its versions, what a new one would do, who wins, and that every partition has it. */
import { describe, expect, it } from 'vitest'
import type { AssignmentChange } from '../../../store/roles/assignments.ts'
import type { RoleDefinitions } from '../../../store/roles/resolve.ts'
import type { Installation } from '../../fixture/installation.ts'
import { newSub, readLog, seqOf } from '../actions.ts'

const TEACHER = { description: 'Teaches', permissions: ['grade', 'read'], assumable: ['student'] }
const STUDENT = { permissions: ['read'], assumable: [] }
const SCHEMA: RoleDefinitions = { teacher: TEACHER, student: STUDENT }
/** As many as the admin API takes. */
const MANY_ROLES = 1_000

export function roleSchemaContract(at: () => Installation): void {
  const partitionsOf = ({ partitions }: Installation) =>
    Array.from({ length: partitions.count }, (_, partition) => partition)
  const stored = (partition: number) =>
    at().redis.hgetall(at().keys.partition(partition).schema) as Promise<Record<string, string>>
  const assign = (sub: string, role: string): AssignmentChange => ({
    op: 'assign',
    sub,
    context: 'course:1',
    role,
  })

  describe('the role schema', () => {
    it('is empty and of version 0 before the first', async () => {
      const { store, redis, keys } = at()
      for (const n of partitionsOf(at())) await redis.del(keys.partition(n).schema)
      expect(await store.roleSchemas.get()).toEqual({ version: 0, roles: {} })
      const [outcome] = await store.assignments.apply([assign(newSub(), 'teacher')])
      expect(outcome).toBe('unknown-role')
      expect(await store.roleSchemas.put(SCHEMA)).toMatchObject({ kind: 'stored', version: 1 })
    })

    it('counts up with each write, also of the same content, and comes back as it was', async () => {
      const { store } = at()
      const { version } = await store.roleSchemas.get()
      const roles = { ...SCHEMA, 'a/b:c.d-e_f': { description: 'Ä "x"\n', ...STUDENT } }
      expect(await store.roleSchemas.put(roles)).toMatchObject({ version: version + 1 })
      expect(await store.roleSchemas.put(roles)).toMatchObject({ version: version + 2 })
      expect(await store.roleSchemas.get()).toEqual({ version: version + 2, roles })
    })

    it('is in every partition, under one id, with one event each', async () => {
      const { store } = at()
      const before = await Promise.all(partitionsOf(at()).map((n) => seqOf(at(), n)))
      const outcome = await store.roleSchemas.put(SCHEMA)
      const first = await stored(0)
      expect(first.id).toMatch(/^\d+\.[A-Za-z0-9_-]{22}$/)
      expect(first.id?.split('.')[0]).toBe(String(outcome.version))
      expect(first).toEqual({
        id: first.id,
        json: JSON.stringify(SCHEMA),
        'r:teacher': '',
        'r:student': '',
      })
      for (const n of partitionsOf(at())) {
        expect(await stored(n)).toEqual(first)
        const last = (await readLog(at(), n)).at(-1)
        expect(last).toMatchObject({ id: `${(before[n] ?? 0) + 1}-0`, event: { type: 'schema' } })
      }
    })

    it('is not replaced when another version was expected', async () => {
      const { store } = at()
      const { version } = await store.roleSchemas.get()
      const seqs = () => Promise.all(partitionsOf(at()).map((n) => seqOf(at(), n)))
      const before = await seqs()
      for (const expected of [version - 1, version + 1, 0]) {
        expect(await store.roleSchemas.put({}, expected)).toEqual({ kind: 'conflict', version })
      }
      expect(await seqs()).toEqual(before)
      expect(await store.roleSchemas.put({}, version)).toMatchObject({
        kind: 'stored',
        version: version + 1,
      })
    })

    it('has one winner among writers who expect the same version', async () => {
      const { store, open } = at()
      const other = await open()
      const { version } = await store.roleSchemas.get()
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          (n % 2 === 0 ? store : other).roleSchemas.put({ [`role-${n}`]: STUDENT }, version),
        ),
      )
      const winners = outcomes.flatMap((outcome, n) => (outcome.kind === 'stored' ? [n] : []))
      expect(winners).toHaveLength(1)
      expect((await store.roleSchemas.get()).roles).toEqual({ [`role-${winners[0]}`]: STUDENT })
    })

    it('tells what a new one would do, and changes nothing by telling', async () => {
      const { store } = at()
      const subs = Array.from({ length: 5 }, newSub)
      await store.roleSchemas.put({ ...SCHEMA, old: STUDENT, ancient: STUDENT })
      await store.assignments.apply(subs.flatMap((sub) => [assign(sub, 'old')]))
      await store.assignments.apply([assign(subs[0] as string, 'ancient')])
      await store.roleSchemas.put({ ...SCHEMA, old: STUDENT })
      const current = await store.roleSchemas.get()
      const next: RoleDefinitions = {
        ancient: STUDENT,
        teacher: { permissions: ['read', 'write'], assumable: ['ancient'] },
        student: STUDENT,
      }
      const told = await store.roleSchemas.forecast(next)
      expect(told).toEqual({
        version: current.version,
        forecast: {
          added: [{ role: 'ancient', assignments: 1 }],
          removed: [{ role: 'old', assignments: 5 }],
          changed: [
            {
              role: 'teacher',
              assignments: expect.any(Number) as number,
              permissionsGained: ['write'],
              permissionsLost: ['grade'],
              assumableGained: ['ancient'],
              assumableLost: ['student'],
            },
          ],
        },
      })
      expect(await store.roleSchemas.get()).toEqual(current)
      expect(await store.roleSchemas.put(next)).toEqual({
        kind: 'stored',
        version: current.version + 1,
        forecast: told.forecast,
      })
      await store.assignments.apply(subs.map((sub) => ({ ...assign(sub, 'old'), op: 'remove' })))
    })

    it('may have a thousand roles, and another thousand in their place', async () => {
      const { store } = at()
      const many = (name: string): RoleDefinitions =>
        Object.fromEntries(Array.from({ length: MANY_ROLES }, (_, n) => [`${name}-${n}`, STUDENT]))
      await store.roleSchemas.put(many('one'))
      const { forecast } = await store.roleSchemas.forecast(many('other'))
      expect([forecast.added.length, forecast.removed.length]).toEqual([MANY_ROLES, MANY_ROLES])
      expect(await store.roleSchemas.put(many('other'))).toMatchObject({ kind: 'stored', forecast })
      expect((await store.roleSchemas.get()).roles).toEqual(many('other'))
      await store.roleSchemas.put(SCHEMA)
    })
  })
}
