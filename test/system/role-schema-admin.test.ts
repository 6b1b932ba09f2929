/** The admin routes of roles: who may use them, and the schema; and that bad input changes nothing. */
import { beforeEach, describe, expect, it } from 'vitest'
import { fetchToken } from '../fixture/requests.ts'
import { naming } from './redis-proxy.ts'
import { type Answer, SCHEMA, TOKEN, useRolesAdmin } from './roles-admin.ts'

const { call, putSchema, schema, change, assign, rolesOf, world } = useRolesAdmin()

describe('who may use it', () => {
  it.each([
    ['GET', '/role-schema'],
    ['PUT', '/role-schema', { roles: SCHEMA }],
    ['POST', '/role-assignments', []],
    ['GET', '/subjects/alice/roles'],
    ['GET', '/contexts/course:1/subjects'],
  ])('%s %s takes claimcheck:roles, and no less', async (method, path, body?: unknown) => {
    const as = async (scope: string) => {
      const client = await world().register('holder', { scope })
      const token = await fetchToken(world().issuer, client)
      return call(method, path, body, { authorization: `Bearer ${token}` })
    }
    expect((await call(method, path, body, { authorization: '' })).status).toBe(401)
    expect((await as('claimcheck:audit')).status).toBe(403)
    expect((await as('claimcheck:roles')).status).toBe(200)
  })
})

describe('the role schema', () => {
  beforeEach(() => putSchema({}))

  it('is put as a whole, and read with its version', async () => {
    const before = await schema()
    expect(before.roles).toEqual({})
    const described = { ...SCHEMA, guest: { description: 'Somebody', permissions: [] } }
    const put = await putSchema(described)
    expect(put).toMatchObject({
      status: 200,
      body: { version: before.version + 1, dry_run: false, removed: [], changed: [] },
    })
    expect(put.body.added).toEqual(
      ['guest', 'student', 'teacher'].map((role) => ({ role, assignments: 0 })),
    )
    const got = await call('GET', '/role-schema')
    expect(got.headers.get('etag')).toBe(`"${before.version + 1}"`)
    expect(got.body).toEqual({
      version: before.version + 1,
      roles: { ...SCHEMA, guest: { description: 'Somebody', permissions: [], assumable: [] } },
    })
  })

  it('is the same whatever its order', async () => {
    await putSchema(SCHEMA)
    const shuffled = {
      guest: SCHEMA.guest,
      teacher: { assumable: ['student'], permissions: ['grade:write', 'grade:read'] },
      student: SCHEMA.student,
    }
    const { body } = await putSchema(shuffled)
    expect(body).toMatchObject({ added: [], removed: [], changed: [] })
    expect((await schema()).roles).toEqual(SCHEMA)
  })

  it('tells beforehand what a change does to the assignments there are, and does not do it', async () => {
    await putSchema(SCHEMA)
    await change(
      ['s1', 's2', 's3'].map((subject) => ({
        op: 'assign',
        subject,
        context: 'course:forecast',
        role: subject === 's1' ? 'teacher' : 'student',
      })),
    )
    const next = {
      teacher: { permissions: ['grade:read', 'roster:read'], assumable: ['guest'] },
      guest: SCHEMA.guest,
      ta: { permissions: [] },
    }
    const told = {
      added: [{ role: 'ta', assignments: 0 }],
      removed: [{ role: 'student', assignments: 2 }],
      changed: [
        {
          role: 'teacher',
          assignments: 1,
          permissions_gained: ['roster:read'],
          permissions_lost: ['grade:write'],
          assumable_gained: ['guest'],
          assumable_lost: ['student'],
        },
      ],
    }
    const { version } = await schema()
    const dry = await putSchema(next, '?dry_run=true')
    expect(dry.body).toEqual({ version, dry_run: true, ...told })
    expect(await schema()).toEqual({ version, roles: SCHEMA })
    const real = await putSchema(next, '?dry_run=false')
    expect(real.body).toEqual({ version: version + 1, dry_run: false, ...told })
    expect(await rolesOf('s2')).toEqual([
      { context: 'course:forecast', role: 'student', dormant: true },
    ])
  })

  it('is not replaced by an operator who has not seen its latest version', async () => {
    await putSchema(SCHEMA)
    const { version } = await schema()
    const stale = { 'if-match': `"${version - 1}"` }
    const refused = await putSchema({}, '', stale)
    expect(refused).toMatchObject({
      status: 412,
      body: { type: 'urn:claimcheck:problem:precondition-failed', status: 412 },
    })
    expect((await putSchema({}, '?dry_run=true', stale)).status).toBe(412)
    expect((await putSchema({}, '', { 'if-match': 'yesterday' })).status).toBe(400)
    expect(await schema()).toEqual({ version, roles: SCHEMA })
    expect((await putSchema({}, '', { 'if-match': `"${version}"` })).status).toBe(200)
    expect((await putSchema(SCHEMA, '', { 'if-match': '*' })).status).toBe(200)
  })

  it('is replaced by exactly one of several operators who have seen the same version', async () => {
    const { version } = await schema()
    const writers = Array.from({ length: 8 }, (_, n) =>
      putSchema({ [`role${n}`]: { permissions: [] } }, '', { 'if-match': `"${version}"` }),
    )
    const statuses = (await Promise.all(writers)).map(({ status }) => status).sort()
    expect(statuses).toEqual([200, ...Array.from({ length: 7 }, () => 412)])
    expect((await schema()).version).toBe(version + 1)
  })

  it('left half-way by a fault is finished by a repeat, with the tag it was first put with', async () => {
    const { version } = await schema()
    const seen = { 'if-match': `"${version}"` }
    const roles = { lonely: { permissions: [] } }
    // Five partitions have it, fifty-nine do not.
    const isCut = world().proxy.cutAfter(5, naming('{"lonely":'))
    const [failed] = await Promise.all([putSchema(roles, '', seen), isCut])
    expect(failed.status).toBe(503)
    world().proxy.mend()
    const repeated = await retried(() => putSchema(roles, '', seen))
    expect(repeated).toMatchObject({ status: 200, body: { added: [], removed: [], changed: [] } })
    const subjects = Array.from({ length: 200 }, (_, n) => `finished-${n}`)
    const everywhere = subjects.map((subject) => ({
      op: 'assign',
      subject,
      context: '*',
      role: 'lonely',
    }))
    expect(await change(everywhere)).toMatchObject({ assigned: 200, failed: 0 })
    expect((await putSchema(SCHEMA, '', seen)).status).toBe(412)
  })

  it('may be as large as its limits', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `role${n}`)
    const many = Object.fromEntries(names.map((name) => [name, { permissions: [] }]))
    expect((await putSchema(many)).status).toBe(200)
    const one = { all: { permissions: names, assumable: [] } }
    expect((await putSchema(one)).status).toBe(200)
    expect((await putSchema({ ...many, more: { permissions: [] } })).status).toBe(400)
    expect((await putSchema({ all: { permissions: [...names, 'more'] } })).status).toBe(400)
    expect((await schema()).roles).toEqual({
      all: { permissions: names.toSorted(), assumable: [] },
    })
    const wide = Object.fromEntries(
      names.map((name) => [name, { permissions: [], description: 'x'.repeat(512) }]),
    )
    expect((await putSchema(wide)).status).toBe(413)
  })

  it.each<[string, unknown, string]>([
    ['no roles', {}, '/roles'],
    ['an unknown member', { roles: {}, version: 1 }, '/version'],
    ['roles that are a list', { roles: [] }, '/roles'],
    ['a role without permissions', { roles: { a: {} } }, '/roles/a/permissions'],
    [
      'a role with an unknown member',
      { roles: { a: { permissions: [], inherits: [] } } },
      '/roles/a/inherits',
    ],
    ['a bad name', { roles: { 'a b': { permissions: [] } } }, '/roles/a b'],
    ['an empty name', { roles: { '': { permissions: [] } } }, '/roles/'],
    [
      'a long name',
      { roles: { ['x'.repeat(65)]: { permissions: [] } } },
      `/roles/${'x'.repeat(65)}`,
    ],
    ['a bad permission', { roles: { a: { permissions: ['a b'] } } }, '/roles/a/permissions/0'],
    [
      'a token for a permission',
      { roles: { a: { permissions: [TOKEN] } } },
      '/roles/a/permissions/0',
    ],
    ['a permission twice', { roles: { a: { permissions: ['p', 'p'] } } }, '/roles/a/permissions'],
    [
      'a long description',
      { roles: { a: { permissions: [], description: 'y'.repeat(513) } } },
      '/roles/a/description',
    ],
    [
      'a description of two lines',
      { roles: { a: { permissions: [], description: 'a\nb' } } },
      '/roles/a/description',
    ],
    [
      'an unknown assumable role',
      { roles: { a: { permissions: [], assumable: ['b'] } } },
      '/roles/a/assumable/0',
    ],
    [
      'a name of objects for one',
      { roles: { a: { permissions: [], assumable: ['toString'] } } },
      '/roles/a/assumable/0',
    ],
    [
      'itself as assumable',
      { roles: { a: { permissions: [], assumable: ['a'] } } },
      '/roles/a/assumable/0',
    ],
    [
      'an assumable role twice',
      { roles: { a: { permissions: [], assumable: ['b', 'b'] }, b: { permissions: [] } } },
      '/roles/a/assumable',
    ],
  ])('with %s is refused', async (_what, body, pointer) => {
    const before = await schema()
    const refused = await call('PUT', '/role-schema', body)
    expect(refused).toMatchObject({
      status: 400,
      body: { type: 'urn:claimcheck:problem:invalid-body' },
    })
    const errors = refused.body.errors as readonly { pointer: string }[]
    expect(errors.map((error) => error.pointer)).toContain(pointer)
    expect(JSON.stringify(refused.body)).not.toContain(TOKEN)
    expect(await schema()).toEqual(before)
  })

  it('is not put by a misspelt dry run, or with a role named twice', async () => {
    const before = await schema()
    for (const query of [
      '?dryrun=true',
      '?dry_run=yes',
      '?dry_run=true&dry_run=true',
      '?dry_run=',
    ]) {
      expect([query, (await putSchema(SCHEMA, query)).status]).toEqual([query, 400])
    }
    const doubled = '{"roles":{"a":{"permissions":[]},"a":{"permissions":["p"]}}}'
    expect((await call('PUT', '/role-schema', doubled)).status).toBe(400)
    expect(await schema()).toEqual(before)
  })

  it('may name a role like a member of every object', async () => {
    const odd = {
      constructor: { permissions: ['a'], assumable: ['7'] },
      7: { permissions: [], assumable: [] },
    }
    expect((await putSchema(odd)).status).toBe(200)
    expect((await schema()).roles).toEqual(odd)
    expect(await assign('odd', '*', 'constructor')).toMatchObject({ assigned: 1 })
  })
})

/** While the driver reconnects the answer is 503. */
async function retried(send: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await send()
    if (answer.status !== 503) return answer
  }
}
