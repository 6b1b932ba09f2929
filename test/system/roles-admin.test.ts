/** The admin routes of roles: the schema, changes as JSON, and both listings; and that bad input changes nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type TestRedis } from '../redis-server.ts'
import { fetchToken, startServices, type TestServices } from '../services.ts'
import { naming, type RedisProxy, startRedisProxy } from './redis-proxy.ts'

type Json = Record<string, unknown>

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Json
}

const TOKEN = `cc_at_${'x'.repeat(68)}`
const SCHEMA = {
  teacher: { permissions: ['grade:read', 'grade:write'], assumable: ['student'] },
  student: { permissions: ['grade:read'], assumable: [] },
  guest: { permissions: [], assumable: [] },
}

let redis: TestRedis
let proxy: RedisProxy
let services: TestServices

beforeAll(async () => {
  redis = await startRedis()
  proxy = await startRedisProxy(redis.port)
  services = await startServices({ redisUrl: redis.url, issuerStore: { url: proxy.url } })
})

afterAll(async () => {
  await services.close()
  await proxy.close()
  await redis.stop()
})

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${services.issuer}/admin/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${services.adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: JSON.parse(text) as Json }
}

const putSchema = (roles: unknown, query = '', headers: Record<string, string> = {}) =>
  call('PUT', `/role-schema${query}`, { roles }, headers)
const schema = async () =>
  (await call('GET', '/role-schema')).body as { version: number; roles: Json }

async function change(changes: unknown): Promise<Json> {
  const { status, body } = await call('POST', '/role-assignments', changes)
  expect(status).toBe(200)
  return body
}
const assign = (subject: string, context: string, role: string, expires_at?: number) =>
  change({
    op: 'assign',
    subject,
    context,
    role,
    ...(expires_at === undefined ? {} : { expires_at }),
  })

interface Page extends Json {
  readonly next_cursor?: string
}

/** All pages of a listing. */
async function pages(path: string, query = ''): Promise<readonly Page[]> {
  const found: Page[] = []
  let cursor: string | undefined
  do {
    const after = cursor === undefined ? '' : `&cursor=${cursor}`
    const { status, body } = await call('GET', `${path}?${query}${after}`)
    expect([status, body.detail]).toEqual([200, undefined])
    found.push(body)
    cursor = (body as Page).next_cursor
  } while (cursor !== undefined)
  return found
}

const rolesOf = async (sub: string, query?: string) =>
  (await pages(`/subjects/${encodeURIComponent(sub)}/roles`, query)).flatMap(
    ({ roles }) => roles as Json[],
  )
const holdersIn = async (context: string, query?: string) =>
  (await pages(`/contexts/${encodeURIComponent(context)}/subjects`, query)).flatMap(
    ({ subjects }) => subjects as Json[],
  )

describe('who may use it', () => {
  it.each([
    ['GET', '/role-schema'],
    ['PUT', '/role-schema', { roles: SCHEMA }],
    ['POST', '/role-assignments', []],
    ['GET', '/subjects/alice/roles'],
    ['GET', '/contexts/course:1/subjects'],
  ])('%s %s takes claimcheck:roles, and no less', async (method, path, body?: unknown) => {
    const as = async (scope: string) => {
      const client = await services.register('holder', { scope })
      const token = await fetchToken(services.issuer, client)
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

  it('is not replaced by somebody who has not seen it', async () => {
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

  it('is won by one of those who have seen the same', async () => {
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
    const isCut = proxy.cutAfter(5, naming('{"lonely":'))
    const [failed] = await Promise.all([putSchema(roles, '', seen), isCut])
    expect(failed.status).toBe(503)
    proxy.mend()
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

describe('the roles of a subject', () => {
  beforeAll(async () => {
    await putSchema(SCHEMA)
    await change(
      ['*', 'course:1', 'course:12', 'course:1/2%?#', 'course.x:1', 'school:1'].map((context) => ({
        op: 'assign',
        subject: 'ä/b c',
        context,
        role: 'student',
      })),
    )
  })

  const contexts = async (query: string) =>
    (await rolesOf('ä/b c', query)).map(({ context }) => context)
  const filtered = (context: string) => contexts(`context=${encodeURIComponent(context)}`)

  it('are all, those in one context, or those in all contexts of a type', async () => {
    const all = ['*', 'course.x:1', 'course:1', 'course:1/2%?#', 'course:12', 'school:1']
    expect(await contexts('')).toEqual(all)
    expect(await filtered('*')).toEqual(['*'])
    expect(await filtered('course:1')).toEqual(['course:1'])
    expect(await filtered('course:1/2%?#')).toEqual(['course:1/2%?#'])
    expect(await filtered('course:*')).toEqual(['course:1', 'course:1/2%?#', 'course:12'])
    expect(await filtered('course.x:*')).toEqual(['course.x:1'])
    expect(await filtered('nothing:*')).toEqual([])
  })

  it('come page by page, of any size', async () => {
    for (const limit of [1, 2, 5, 6]) {
      expect(await contexts(`limit=${limit}`)).toHaveLength(6)
      expect(await contexts(`limit=${limit}&context=course:*`)).toHaveLength(3)
    }
  })

  it('with the longest names can be paged', async () => {
    const longest = (n: number) => `${'t'.repeat(64)}:${n}${'x'.repeat(189)}`
    const role = 'r'.repeat(64)
    await putSchema({ ...SCHEMA, [role]: { permissions: [] } })
    const sub = '語'.repeat(255)
    await change([1, 2, 3].map((n) => ({ op: 'assign', subject: sub, context: longest(n), role })))
    expect(await rolesOf(sub, 'limit=1')).toEqual(
      [1, 2, 3].map((n) => ({ context: longest(n), role })),
    )
    await change(
      [1, 2].map((n) => ({
        op: 'assign',
        subject: `${n}${sub.slice(1)}`,
        context: longest(1),
        role,
      })),
    )
    expect(await holdersIn(longest(1), 'limit=1')).toHaveLength(3)
    await putSchema(SCHEMA)
  })

  it.each([
    'context=course',
    'context=',
    'context=*:1',
    'context=cou+rse:*',
    'context=course:1&context=course:2',
    'type=course',
    'limit=0',
    'limit=501',
    'limit=2&limit=3',
    'cursor=',
    'cursor=%27',
  ])('are not asked for with %s', async (query) => {
    expect((await call('GET', `/subjects/alice/roles?${query}`)).status).toBe(400)
  })

  const encode = (text: string | Buffer) => Buffer.from(text as string).toString('base64url')

  it.each([
    ['of no names', encode('nonsense')],
    ['of a bad role', encode('course:1 a b')],
    ['of a bad context', encode('course student')],
    ['with more behind', encode('course:1 student 123')],
    ['with padding', `${encode('course:1 student')}==`],
    ['of bytes that are not UTF-8', encode(Buffer.from([0xff, 0x20, 0x61]))],
    ['of another context', encode('course:2 student'), 'course:1'],
    ['of another type', encode('school:1 student'), 'course:*'],
    ['that is too long', encode('x'.repeat(2_000))],
  ])('do not go on from a cursor %s', async (_what, cursor, context?: string) => {
    const filter = context === undefined ? '' : `&context=${context}`
    const { status } = await call('GET', `/subjects/alice/roles?cursor=${cursor}${filter}`)
    expect(status).toBe(400)
  })
})

describe('the subjects in a context', () => {
  beforeAll(async () => {
    await putSchema(SCHEMA)
    const subjects = Array.from({ length: 60 }, (_, n) => `member-${n} ü`)
    await change(
      subjects.flatMap((subject, n) => [
        { op: 'assign', subject, context: 'course:full', role: 'student' },
        ...(n % 20 === 0
          ? [
              {
                op: 'assign',
                subject,
                context: 'course:full',
                role: 'teacher',
                expires_at: 9_000_000_000,
              },
            ]
          : []),
      ]),
    )
  })

  it('are told with their roles, each once, page by page', async () => {
    for (const limit of [5, 100]) {
      const found = await holdersIn('course:full', `limit=${limit}`)
      expect(found).toHaveLength(63)
      expect(new Set(found.map(({ subject, role }) => `${subject} ${role}`)).size).toBe(63)
    }
    const teachers = await holdersIn('course:full', 'role=teacher&limit=2')
    expect(teachers).toHaveLength(3)
    expect(teachers).toContainEqual({
      subject: 'member-20 ü',
      role: 'teacher',
      expires_at: 9_000_000_000,
    })
  })

  it('are told for contexts of any name, and for everywhere', async () => {
    await assign('odd one', 'course:a/b%2F?#', 'student')
    expect(await holdersIn('course:a/b%2F?#')).toEqual([{ subject: 'odd one', role: 'student' }])
    await assign('odd one', '*', 'guest')
    expect(await holdersIn('*', 'role=guest')).toEqual([{ subject: 'odd one', role: 'guest' }])
    expect(await holdersIn('course:nobody')).toEqual([])
  })

  it('whose role is gone from the schema are told as dormant', async () => {
    await assign('sleeper', 'course:sleep', 'student')
    const { student: _, ...rest } = SCHEMA
    await putSchema({ ...rest, teacher: { permissions: [] } })
    expect(await holdersIn('course:sleep')).toEqual([
      { subject: 'sleeper', role: 'student', dormant: true },
    ])
    await putSchema(SCHEMA)
    expect(await holdersIn('course:sleep')).toEqual([{ subject: 'sleeper', role: 'student' }])
  })

  const encode = (text: string | Buffer) => Buffer.from(text as string).toString('base64url')

  it.each([
    ['/contexts/course/subjects'],
    ['/contexts/course:*/subjects'],
    ['/contexts/course:%20/subjects'],
    ['/contexts/course:%ff/subjects'],
    ['/contexts/course:1/subjects?role='],
    ['/contexts/course:1/subjects?role=a%20b'],
    ['/contexts/course:1/subjects?role=a&role=b'],
    ['/contexts/course:1/subjects?context=course:1'],
    [`/contexts/course:1/subjects?cursor=${encode('student')}`],
    [`/contexts/course:1/subjects?cursor=${encode('student ')}`],
    [`/contexts/course:1/subjects?cursor=${encode('stu\ndent alice')}`],
    [`/contexts/course:1/subjects?cursor=${encode('student al\nice')}`],
    [`/contexts/course:1/subjects?cursor=${encode('student alice')}&role=teacher`],
    [`/contexts/course:1/subjects?cursor=${encode(Buffer.from([0x61, 0x20, 0xff]))}`],
  ])('are not asked for by %j', async (path) => {
    expect((await call('GET', path)).status).toBe(400)
  })
})

describe('listing while others write', () => {
  it('tells what stays exactly once', async () => {
    await putSchema(SCHEMA)
    const context = 'course:churn'
    const item = (op: string, subject: string, where: string) => ({
      op,
      subject,
      context: where,
      role: 'student',
    })
    // Names of what stays and what comes and goes alternate in every order.
    const even = Array.from({ length: 60 }, (_, n) => String(2 * n).padStart(3, '0'))
    const odd = Array.from({ length: 60 }, (_, n) => String(2 * n + 1).padStart(3, '0'))
    await change(
      even.flatMap((n) => [
        item('assign', `churn-${n}`, context),
        item('assign', 'churn', `unit:${n}`),
      ]),
    )

    let isOver = false
    const churn = (async () => {
      for (let op = 'assign'; !isOver; op = op === 'assign' ? 'remove' : 'assign') {
        await change(
          odd.flatMap((n) => [item(op, `churn-${n}`, context), item(op, 'churn', `unit:${n}`)]),
        )
        // What stays also changes its end, which is part of how it is kept.
        const expires_at = op === 'assign' ? 9_000_000_000 : 9_000_000_001
        await change(even.map((n) => ({ ...item('assign', 'churn', `unit:${n}`), expires_at })))
      }
    })()
    const isEven = (name: string) => Number(name.slice(-3)) % 2 === 0
    for (let round = 0; round < 2; round++) {
      const roles = await rolesOf('churn', 'limit=11')
      const kept = roles.map(({ context: where }) => String(where)).filter(isEven)
      expect(kept).toEqual(even.map((n) => `unit:${n}`))
      const holders = await holdersIn(context, 'limit=11')
      const held = holders.map(({ subject }) => String(subject)).filter(isEven)
      expect(held).toEqual(even.map((n) => `churn-${n}`))
    }
    isOver = true
    await churn
  })
})

/** While the driver reconnects the answer is 503. */
async function retried(send: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await send()
    if (answer.status !== 503) return answer
  }
}
