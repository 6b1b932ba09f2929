/**
 * Exchanged tokens that see less: limited to contexts, or with a role assumed there ("view as"). What they resolve to
 * is decided at every introspection, and a further exchange cannot widen a view.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RoleDefinitions } from '../../store/roles/resolve.ts'
import { postForm } from '../fixture/requests.ts'
import { ACCESS, type ExchangeWorld, startExchangeWorld, type Wishes } from './exchange-world.ts'

const ROLES: RoleDefinitions = {
  teacher: { permissions: ['grade:read', 'grade:write'], assumable: ['ta', 'student'] },
  ta: { permissions: ['grade:read'], assumable: ['student'] },
  student: { permissions: ['own:read'], assumable: [] },
  director: { permissions: ['school:run'], assumable: ['teacher'] },
}
const MATHS = 'course:maths'
const MUSIC = 'course:music'
const SPORT = 'course:sport'

let at: ExchangeWorld
let people = 0
/** A teacher of maths and music who learns in sport. */
let tess: string
let token: string

beforeAll(async () => {
  at = await startExchangeWorld()
})
afterAll(() => at.close())

beforeEach(async () => {
  await at.store.roleSchemas.put(ROLES)
  tess = `tess-${people++}`
  await assign(tess, { [MATHS]: 'teacher', [MUSIC]: 'teacher', [SPORT]: 'student' })
  token = (await at.login(tess)).access_token
})

async function change(
  op: 'assign' | 'remove',
  sub: string,
  roles: Readonly<Record<string, string>>,
  more: object = {},
): Promise<void> {
  const changes = Object.entries(roles).map(([context, role]) => ({
    ...{ op, sub, context, role },
    ...more,
  }))
  await at.store.assignments.apply(changes)
}
const assign = (sub: string, roles: Readonly<Record<string, string>>, more?: object) =>
  change('assign', sub, roles, more)
const remove = (sub: string, roles: Readonly<Record<string, string>>) =>
  change('remove', sub, roles)

/** What a token resolves to. */
async function rolesOf(viewing: string, context?: string) {
  const { active, roles, context_roles, context_roles_complete, permissions } = await at.answer(
    viewing,
    context,
  )
  expect(active).toBe(true)
  return { roles, context_roles, context_roles_complete, permissions }
}

const NOT_ASSUMABLE = { error: 'invalid_request', text: 'this role may not be assumed there' }
const OUT_OF_VIEW = {
  error: 'invalid_request',
  text: 'the subject token does not reach into all of these contexts',
}

describe('a token limited to contexts', () => {
  it('has what is held there, and nothing anywhere else', async () => {
    const viewing = await at.exchange(token, { context: `${MATHS} ${SPORT}` })
    const here = {
      roles: [],
      context_roles: { [MATHS]: ['teacher'], [SPORT]: ['student'] },
      context_roles_complete: true,
      permissions: { [MATHS]: ['grade:read', 'grade:write'], [SPORT]: ['own:read'] },
    }
    expect(await rolesOf(viewing)).toEqual(here)
    expect(await rolesOf(viewing, `${MATHS} ${MUSIC}`)).toEqual({
      roles: [],
      context_roles: { [MATHS]: ['teacher'], [MUSIC]: [] },
      context_roles_complete: false,
      permissions: { [MATHS]: ['grade:read', 'grade:write'], [MUSIC]: [] },
    })
    expect((await rolesOf(token)).context_roles).toEqual({
      [MATHS]: ['teacher'],
      [MUSIC]: ['teacher'],
      [SPORT]: ['student'],
    })
  })

  it('has there what is held everywhere, and no longer everywhere', async () => {
    await assign(tess, { '*': 'director' })
    expect((await rolesOf(token)).roles).toEqual(['director'])
    const { roles, context_roles, permissions } = await rolesOf(
      await at.exchange(token, { context: SPORT }),
      `${SPORT} ${MUSIC} *`,
    )
    expect(roles).toEqual([])
    expect(context_roles).toEqual({ [SPORT]: ['director', 'student'], [MUSIC]: [] })
    expect(permissions).toEqual({ [SPORT]: ['own:read', 'school:run'], [MUSIC]: [] })
  })

  it('may be limited to a context without any role', async () => {
    const viewing = await at.exchange(token, { context: 'course:none' })
    expect((await rolesOf(viewing)).context_roles).toEqual({ 'course:none': [] })
    await assign(tess, { 'course:none': 'student' })
    expect((await rolesOf(viewing)).context_roles).toEqual({ 'course:none': ['student'] })
  })

  it('gives only tokens that see as little', async () => {
    const viewing = await at.exchange(token, { context: `${MATHS} ${MUSIC}` })
    const same = await at.exchange(viewing, {}, at.reports)
    expect(await rolesOf(same)).toEqual(await rolesOf(viewing))
    expect((await rolesOf(same, SPORT)).context_roles).toEqual({ [SPORT]: [] })
    const less = await at.exchange(same, { context: MUSIC })
    expect((await rolesOf(less)).context_roles).toEqual({ [MUSIC]: ['teacher'] })
    for (const context of [SPORT, `${MUSIC} ${SPORT}`, MATHS.toUpperCase()]) {
      expect(await at.refusal(viewing, { context })).toEqual(OUT_OF_VIEW)
    }
    expect(await at.refusal(less, { context: MATHS })).toEqual(OUT_OF_VIEW)
  })
})

describe('a token with a role assumed', () => {
  const student = { context: MATHS, role: 'student' }

  it('has that role there and no other, and says who is behind it', async () => {
    const viewing = await at.exchange(token, student)
    expect(await at.answer(viewing)).toMatchObject({
      sub: tess,
      client_id: 'gateway-api',
      act: { sub: tess, client_id: 'gateway-api' },
      roles: [],
      context_roles: { [MATHS]: ['student'] },
      context_roles_complete: true,
      permissions: { [MATHS]: ['own:read'] },
    })
    expect((await rolesOf(viewing, `${MATHS} ${MUSIC} ${SPORT}`)).context_roles).toEqual({
      [MATHS]: ['student'],
      [MUSIC]: [],
      [SPORT]: [],
    })
  })

  it('names the actor of an actor token instead, where there is one', async () => {
    const { access_token } = await at.login('headmistress')
    const actor = { actor_token: access_token, actor_token_type: ACCESS }
    const { act } = await at.answer(await at.exchange(token, { ...student, ...actor }))
    expect(act).toEqual({ sub: 'headmistress', client_id: 'gateway-api' })
  })

  it('needs a role that lists it, in every one of the contexts', async () => {
    const refused: readonly Wishes[] = [
      { context: SPORT, role: 'student' },
      { context: `${MATHS} ${SPORT}`, role: 'student' },
      { context: `${SPORT} ${MATHS}`, role: 'student' },
      { context: 'course:none', role: 'student' },
      { context: MATHS, role: 'director' },
      { context: MATHS, role: 'teacher' },
      { context: MATHS, role: 'unheard-of' },
      { context: MATHS, role: 'constructor' },
      { context: MATHS, role: 'Student' },
    ]
    for (const wishes of refused) {
      expect([wishes, await at.refusal(token, wishes)]).toEqual([wishes, NOT_ASSUMABLE])
    }
    const viewing = await at.exchange(token, { context: `${MATHS} ${MUSIC}`, role: 'student' })
    expect((await rolesOf(viewing)).context_roles).toEqual({
      [MATHS]: ['student'],
      [MUSIC]: ['student'],
    })
  })

  it('may come from a role held in every context', async () => {
    expect(await at.refusal(token, { context: SPORT, role: 'ta' })).toEqual(NOT_ASSUMABLE)
    await assign(tess, { '*': 'teacher' })
    const viewing = await at.exchange(token, { context: `${SPORT} course:new`, role: 'ta' })
    expect((await rolesOf(viewing)).context_roles).toEqual({
      [SPORT]: ['ta'],
      'course:new': ['ta'],
    })
  })

  it('can be exchanged for what the assumed role allows, not for what the subject holds', async () => {
    await assign(tess, { '*': 'director' })
    const asTeacher = await at.exchange(token, { context: SPORT, role: 'teacher' })
    const asAssistant = await at.exchange(asTeacher, { context: SPORT, role: 'ta' })
    expect(await at.refusal(asAssistant, { context: SPORT, role: 'teacher' })).toEqual(
      NOT_ASSUMABLE,
    )
    const asStudent = await at.exchange(asAssistant, { context: SPORT, role: 'student' })
    expect(await rolesOf(asStudent)).toMatchObject({
      roles: [],
      context_roles: { [SPORT]: ['student'] },
      permissions: { [SPORT]: ['own:read'] },
    })
    for (const role of ['student', 'ta', 'teacher', 'director']) {
      expect(await at.refusal(asStudent, { context: SPORT, role })).toEqual(NOT_ASSUMABLE)
    }
    const same = await at.exchange(asAssistant, { context: SPORT })
    expect((await rolesOf(same)).context_roles).toEqual({ [SPORT]: ['ta'] })
  })

  it('keeps to the view of the token it comes from', async () => {
    const viewing = await at.exchange(token, { context: MATHS })
    expect(await at.refusal(viewing, { context: MUSIC, role: 'student' })).toEqual(OUT_OF_VIEW)
    const asStudent = await at.exchange(viewing, student)
    expect(await at.refusal(asStudent, { context: MUSIC })).toEqual(OUT_OF_VIEW)
    const same = await at.exchange(asStudent, {}, at.reports)
    expect((await rolesOf(same, `${MATHS} ${MUSIC}`)).context_roles).toEqual({
      [MATHS]: ['student'],
      [MUSIC]: [],
    })
  })

  it('has no role while the subject does not hold the role it comes from', async () => {
    const viewing = await at.exchange(token, { context: `${MATHS} ${MUSIC}`, role: 'student' })
    await remove(tess, { [MATHS]: 'teacher' })
    expect(await rolesOf(viewing)).toEqual({
      roles: [],
      context_roles: { [MATHS]: [], [MUSIC]: ['student'] },
      context_roles_complete: true,
      permissions: { [MATHS]: [], [MUSIC]: ['own:read'] },
    })
    await assign(tess, { [MATHS]: 'ta' })
    expect((await rolesOf(viewing)).context_roles).toMatchObject({ [MATHS]: ['student'] })
  })

  it('has no role while the schema does not list it as assumable', async () => {
    const chain = [await at.exchange(token, { context: MATHS, role: 'ta' })]
    chain.push(await at.exchange(chain[0] as string, student))
    const seen = async () =>
      Promise.all(chain.map(async (one) => (await rolesOf(one, MATHS)).context_roles))
    const schemas: readonly [RoleDefinitions, readonly [readonly string[], readonly string[]]][] = [
      [ROLES, [['ta'], ['student']]],
      [{ ...ROLES, teacher: { permissions: [], assumable: ['student'] } }, [[], []]],
      [ROLES, [['ta'], ['student']]],
      [{ ...ROLES, ta: { permissions: [], assumable: [] } }, [['ta'], []]],
      [{ student: { permissions: [], assumable: [] } }, [[], []]],
      [ROLES, [['ta'], ['student']]],
    ]
    for (const [schema, [first, second]] of schemas) {
      await at.store.roleSchemas.put(schema)
      expect(await seen()).toEqual([{ [MATHS]: first }, { [MATHS]: second }])
    }
  })

  it('tells when the role it comes from expires', async () => {
    const expiresAt = Math.floor(Date.now() / 1_000) + 900
    await assign(tess, { [SPORT]: 'teacher' }, { expiresAt })
    const viewing = await at.exchange(token, { context: SPORT, role: 'student' })
    const [node] = at.introspect
    const before = Date.now()
    const response = await postForm(`${node}/introspect`, at.grades, { token: viewing })
    const left = Number(response.headers.get('claimcheck-freshness')?.split(':')[3])
    const readAt = expiresAt * 1_000 - left
    expect([before <= readAt, readAt <= Date.now() + 1]).toEqual([true, true])
  })

  it('still has the subject, the scope and the target of the token it comes from', async () => {
    const viewing = await at.exchange(token, {
      ...student,
      scope: 'grades:read',
      audience: 'grades-api',
    })
    expect(await at.answer(viewing)).toMatchObject({
      sub: tess,
      scope: 'grades:read',
      aud: ['https://grades.test'],
    })
  })
})

describe('context and role', () => {
  it('are refused when malformed', async () => {
    const malformed: readonly Wishes[] = [
      { context: '*' },
      { context: 'course' },
      { context: 'course:' },
      { context: 'course:*' },
      { context: ' ' },
      { context: ` ${MATHS}` },
      { context: `${MATHS} ` },
      { context: `${MATHS}  ${MUSIC}` },
      { context: `${MATHS}\n${MUSIC}` },
      { context: `${MATHS}\u0000` },
      { context: `${MATHS}\u00a0${MUSIC}` },
      { context: 'course:é' },
      { context: `course:${'x'.repeat(191)}` },
      { context: Array.from({ length: 21 }, (_, n) => `course:${n}`).join(' ') },
      { context: Array.from({ length: 21 }, () => MATHS).join(' ') },
      { context: [MATHS, MUSIC] },
      { context: MATHS, role: '*' },
      { context: MATHS, role: 'student ta' },
      { context: MATHS, role: ' student' },
      { context: MATHS, role: 'student\n' },
      { context: MATHS, role: 'x'.repeat(65) },
      { context: MATHS, role: ['student', 'student'] },
    ]
    for (const wishes of malformed) {
      expect([wishes, (await at.refusal(token, wishes)).error]).toEqual([wishes, 'invalid_request'])
    }
  })

  it('come together: a role without a context names no place', async () => {
    const refused = {
      error: 'invalid_request',
      text: 'the parameter role needs the parameter context',
    }
    expect(await at.refusal(token, { role: 'student' })).toEqual(refused)
    expect(await at.refusal(token, { role: 'student', context: '' })).toEqual(refused)
    const viewing = await at.exchange(token, { context: MATHS })
    expect(await at.refusal(viewing, { role: 'student' })).toEqual(refused)
  })

  it('mean nothing when empty', async () => {
    const plain = await rolesOf(token)
    expect(await rolesOf(await at.exchange(token, { context: '', role: '' }))).toEqual(plain)
  })

  it('may be as large as allowed', async () => {
    const contexts = Array.from({ length: 20 }, (_, n) => `course:${n}`.padEnd(197, '!'))
    await assign(tess, { '*': 'teacher' })
    const viewing = await at.exchange(token, { context: contexts.join(' '), role: 'student' })
    expect((await rolesOf(viewing)).context_roles).toEqual(
      Object.fromEntries(contexts.map((context) => [context, ['student']])),
    )
  })

  it('count once however often they are named', async () => {
    const viewing = await at.exchange(token, { context: `${MATHS} ${MATHS}` })
    expect((await rolesOf(viewing)).context_roles).toEqual({ [MATHS]: ['teacher'] })
  })
})
