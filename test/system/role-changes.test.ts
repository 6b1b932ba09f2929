/** Changes of assignments as JSON: made once, in order, each by itself; and that bad input changes nothing. */
import { beforeAll, describe, expect, it } from 'vitest'
import { SCHEMA, TOKEN, useRolesAdmin } from './roles-admin.ts'

const { call, putSchema, change, assign, rolesOf } = useRolesAdmin()

describe('changes as JSON', () => {
  beforeAll(() => putSchema(SCHEMA))

  const one = { op: 'assign', subject: 'json', context: 'course:1', role: 'student' }

  it('are made once, one or some at a time', async () => {
    const nothing = { assigned: 0, removed: 0, unchanged: 0, failed: 0, errors: [] }
    expect(await change(one)).toEqual({ ...nothing, assigned: 1 })
    expect(await change(one)).toEqual({ ...nothing, unchanged: 1 })
    expect(await change([one, { ...one, op: 'remove' }, one])).toEqual({
      ...nothing,
      assigned: 1,
      removed: 1,
      unchanged: 1,
    })
    expect(await change({ ...one, op: 'remove' })).toEqual({ ...nothing, removed: 1 })
    expect(await change({ ...one, op: 'remove', role: 'never-heard-of' })).toEqual({
      ...nothing,
      unchanged: 1,
    })
    expect(await change([])).toEqual(nothing)
  })

  it('set exactly the end that they name', async () => {
    const end = Math.floor(Date.now() / 1_000) + 3_600
    await assign('ending', 'course:1', 'student', end)
    expect(await rolesOf('ending')).toEqual([
      { context: 'course:1', role: 'student', expires_at: end },
    ])
    await assign('ending', 'course:1', 'student')
    expect(await rolesOf('ending')).toEqual([{ context: 'course:1', role: 'student' }])
  })

  it('that are refused leave the others as they are', async () => {
    const changes = [
      { ...one, subject: 'mixed' },
      { ...one, subject: 'mixed', role: 'nobody' },
      { ...one, subject: 'mixed', expires_at: 1_000 },
      { ...one, subject: 'mixed', [TOKEN]: true },
      null,
      { ...one, subject: 'mixed', context: '*' },
    ]
    expect(await change(changes)).toEqual({
      assigned: 2,
      removed: 0,
      unchanged: 0,
      failed: 4,
      errors: [
        { line: 2, error: 'unknown-role', detail: expect.any(String) },
        { line: 3, error: 'past', detail: expect.any(String) },
        { line: 4, error: 'invalid-change', detail: 'cc_at_…: is not a member of a change' },
        { line: 5, error: 'invalid-change', detail: expect.any(String) },
      ],
    })
    expect(await rolesOf('mixed')).toEqual([
      { context: '*', role: 'student' },
      { context: 'course:1', role: 'student' },
    ])
  })

  it('alone, are answered with a problem when they are refused', async () => {
    const refused = async (body: unknown) => {
      const answer = await call('POST', '/role-assignments', body)
      return [answer.status, answer.body.type]
    }
    const unprocessable = [422, 'urn:claimcheck:problem:unprocessable']
    expect(await refused({ ...one, role: 'nobody' })).toEqual(unprocessable)
    expect(await refused({ ...one, expires_at: 1_000 })).toEqual(unprocessable)
    const invalid = [400, 'urn:claimcheck:problem:invalid-body']
    expect(await refused({ ...one, context: 'course' })).toEqual(invalid)
    expect(await refused({ ...one, op: 'remove', expires_at: 9_000_000_000 })).toEqual(invalid)
  })

  it('are at most a thousand, of names as long as they may be', async () => {
    const longest = (n: number) => ({
      op: 'assign',
      subject: `${n}${'ü'.repeat(251)}`,
      context: `course:${'x'.repeat(190)}`,
      role: 'student',
    })
    const escaped = (list: readonly unknown[]) => JSON.stringify(list).replaceAll('ü', '\\u00fc')
    const thousand = Array.from({ length: 1_000 }, (_, n) => longest(n))
    expect(await change(escaped(thousand))).toMatchObject({ assigned: 1_000 })
    const more = await call('POST', '/role-assignments', [
      ...Array.from({ length: 1_001 }, () => one),
    ])
    expect([more.status, more.body.type]).toEqual([413, 'urn:claimcheck:problem:payload-too-large'])
  })

  it('of the wrong form are refused', async () => {
    const send = async (body: string, headers: Record<string, string> = {}, query = '') =>
      (await call('POST', `/role-assignments${query}`, body, headers)).status
    expect(await send('"assign"')).toBe(400)
    expect(await send('[')).toBe(400)
    expect(await send('')).toBe(400)
    expect(await send('[{"op":"assign","op":"remove"}]')).toBe(400)
    expect(await send('[]', { 'content-type': 'text/csv' })).toBe(415)
    expect(await send('[]', { 'content-encoding': 'gzip' })).toBe(415)
    expect(await send('[]', {}, '?dry_run=true')).toBe(400)
  })

  it('of many writers at once all hold', async () => {
    const writers = Array.from({ length: 20 }, (_, n) =>
      change(
        Array.from({ length: 20 }, (_, i) => ({
          op: 'assign',
          subject: 'busy',
          context: `course:${n}-${i}`,
          role: 'student',
        })),
      ),
    )
    await Promise.all(writers)
    expect(await rolesOf('busy', 'limit=500')).toHaveLength(400)
  })

  it('can be read back from the audit', async () => {
    await change([
      { ...one, subject: 'audited' },
      { ...one, subject: 'audited', role: 'nobody' },
    ])
    const { body } = await call('GET', '/audit?subject=audited')
    expect(body.records).toMatchObject([
      {
        action: 'role_assignments.apply',
        actor: 'admin',
        subject: 'audited',
        target: { op: 'assign', context: 'course:1', role: 'student' },
      },
    ])
  })
})
