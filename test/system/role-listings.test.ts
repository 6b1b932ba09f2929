/** Both listings, page by page: what they hold, what they refuse, and that an entry that stays is listed exactly once. */
import { beforeAll, describe, expect, it } from 'vitest'
import { SCHEMA, useRolesAdmin } from './roles-admin.ts'

const { call, putSchema, change, assign, rolesOf, holdersIn } = useRolesAdmin()
const encode = (text: string | Buffer) => Buffer.from(text as string).toString('base64url')

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
