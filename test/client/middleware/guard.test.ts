/** What the middleware of all frameworks shares. */
import { describe, expect, it } from 'vitest'
import { INVALID_TOKEN, isActive, refuse } from '../../../client/src/decision.ts'
import type { IntrospectionResponse, JsonValue } from '../../../client/src/index.ts'
import {
  type Authorizer,
  createGuard,
  credentialsOf,
  type Protection,
  parseCredentials,
} from '../../../client/src/middleware/guard.ts'

const TOKEN = { kind: 'token', token: 'abc' } as const

/** Knows one token, and judges as the client does. */
function authorizer(more: Readonly<Record<string, JsonValue>>): Authorizer {
  const facts: IntrospectionResponse = {
    active: true,
    iss: 'i',
    sub: 'alice',
    client_id: 'web',
    aud: ['r'],
    token_type: 'Bearer',
    iat: 1,
    exp: 2,
    jti: 'j',
    grant_id: 'g',
    ...more,
  }
  return {
    async authorize(_token, needs) {
      const refusal = refuse(facts, needs)
      if (refusal !== undefined) return refusal
      if (!isActive(facts)) return INVALID_TOKEN
      return { ok: true, claims: facts, source: 'live', asOf: 0 }
    },
  }
}

describe('credentials', () => {
  it.each([
    [undefined, 'none'],
    [null, 'none'],
    ['', 'none'],
    ['Basic YTpi', 'none'],
    ['Bearerabc', 'none'],
    ['Bearer', 'malformed'],
    ['Bearer ', 'malformed'],
    ['Bearer =', 'malformed'],
    ['Bearer a b', 'malformed'],
    ['Bearer a, Bearer b', 'malformed'],
    ['Basic YTpi, Bearer b', 'malformed'],
    ['Bearer a\tb', 'malformed'],
    ['Bearer "a"', 'malformed'],
    ['Bearer é', 'malformed'],
    ['Bearer abc', 'token'],
    ['bEARER   abc', 'token'],
    ['Bearer a-._~+/b==', 'token'],
  ])('of %j are %s', (authorization, kind) => {
    expect(parseCredentials(authorization).kind).toBe(kind)
  })

  it('that come twice are malformed, whichever Node kept', () => {
    const rawHeaders = [
      'Authorization',
      'Bearer a',
      'X',
      'authorization',
      'AUTHORIZATION',
      'Bearer b',
    ]
    const headers = { authorization: 'Bearer a' }
    expect(credentialsOf({ headers, rawHeaders }).kind).toBe('malformed')
    expect(credentialsOf({ headers, rawHeaders: rawHeaders.slice(0, 4) }).kind).toBe('token')
  })

  it('set by an earlier middleware count', () => {
    const headers = { authorization: 'Bearer abc' }
    expect(credentialsOf({ headers, rawHeaders: ['Cookie', 'session=abc'] })).toEqual(TOKEN)
    expect(credentialsOf({ headers })).toEqual(TOKEN)
  })

  it('of a type that no header has are malformed', () => {
    expect(parseCredentials(['Bearer abc'] as unknown as string).kind).toBe('malformed')
  })
})

describe('a guard', () => {
  const ask = (
    protection: Protection<string>,
    facts: Readonly<Record<string, JsonValue>>,
    id = '1',
  ) => createGuard(authorizer(facts), protection)(TOKEN, id)

  it('demands the role where the request says', async () => {
    const protection: Protection<string> = { role: 'teacher', context: (id) => `course:${id}` }
    const facts = { context_roles: { 'course:1': ['teacher'], 'course:2': ['student'] } }
    expect(await ask(protection, facts, '1')).toMatchObject({ ok: true, claims: { sub: 'alice' } })
    expect(await ask(protection, facts, '2')).toMatchObject({ ok: false, answer: { status: 403 } })
    expect(await ask(protection, facts, '3')).toMatchObject({ ok: false, answer: { status: 403 } })
    expect(await ask(protection, { roles: ['teacher'] }, '3')).toMatchObject({ ok: true })
  })

  it('demands the permission where the request says', async () => {
    const protection: Protection<string> = {
      permission: 'grade:write',
      context: async (id) => `course:${id}`,
    }
    const facts = { permissions: { 'course:1': ['grade:write'] } }
    expect(await ask(protection, facts, '1')).toMatchObject({ ok: true })
    expect(await ask(protection, facts, '2')).toMatchObject({ ok: false, answer: { status: 403 } })
  })

  it('looks above the context too, where the request or the route says', async () => {
    const facts = { context_roles: { 'school:1': ['admin'] } }
    const place = { role: 'admin', context: (id: string) => `course:${id}` }
    const above: Protection<string> = { ...place, parents: async (id: string) => [`school:${id}`] }
    expect(await ask(above, facts, '1')).toMatchObject({ ok: true })
    expect(await ask(above, facts, '2')).toMatchObject({ ok: false, answer: { status: 403 } })
    expect(await ask({ ...place, parents: ['school:1'] }, facts, '2')).toMatchObject({ ok: true })
    expect(await ask(place, facts, '1')).toMatchObject({ ok: false })
  })

  it.each([undefined, null, 'school:1', ['*'], ['a b'], [5], Array(21).fill('s:1')])(
    'rejects when the parents are %j',
    async (parents) => {
      const guard = createGuard<string>(authorizer({ roles: ['a'] }), {
        role: 'a',
        context: 'course:1',
        parents: () => parents as string[],
      })
      await expect(guard(TOKEN, '')).rejects.toThrow('"parents" must')
    },
  )

  it('grants no more to a request that names "*" than to one that does not', async () => {
    const protection: Protection<string> = { role: 'teacher', context: (id) => id }
    const facts = { context_roles: { 'course:1': ['teacher'], '*': ['teacher'] } }
    expect(await ask(protection, facts, '*')).toMatchObject({ ok: false })
  })

  it('does not look for a context before there is a token', async () => {
    const guard = createGuard<string>(authorizer({}), {
      context: () => {
        throw new Error('asked too early')
      },
    })
    expect(await guard({ kind: 'none' }, '')).toMatchObject({ answer: { status: 401 } })
    expect(await guard({ kind: 'malformed' }, '')).toMatchObject({ answer: { status: 400 } })
    await expect(guard(TOKEN, '')).rejects.toThrow('asked too early')
  })

  it.each(['', ' ', 'course:1 course:2', 'course:é', 'a\n', 5, null, undefined, {}])(
    'rejects when the context is %j',
    async (context) => {
      const guard = createGuard<string>(authorizer({ roles: ['a'] }), {
        role: 'a',
        context: () => context as string,
      })
      await expect(guard(TOKEN, '')).rejects.toThrow('"context" must')
    },
  )

  it('rejects when the client gives no decision', async () => {
    const broken = { authorize: async () => undefined } as unknown as Authorizer
    await expect(createGuard(broken, {})(TOKEN, '')).rejects.toThrow(TypeError)
  })

  it.each([
    [{ role: 'teacher' }, '"context" must say where'],
    [{ permission: 'grade:write' }, '"context" must say where'],
    [{ role: '', context: 'a' }, '"role" must be'],
    [{ role: ['teacher'], context: 'a' }, '"role" must be'],
    [{ role: undefined, context: 'a' }, '"role" must not be undefined'],
    [{ scope: undefined }, '"scope" must not be undefined'],
    [{ scope: '' }, '"scope" must be'],
    [{ scope: 'a  b' }, '"scope" must be'],
    [{ scope: 'a\r\nb' }, '"scope" must be'],
    [{ scopes: 'a' }, '"scopes" is not a demand'],
    [{ roles: ['a'] }, '"roles" is not a demand'],
    [{ audience: '' }, '"audience" must be'],
    [{ context: 'course 1' }, '"context" must be'],
    [{ context: 5 }, '"context" must be'],
    [{ parents: ['school:1'] }, '"parents" must come'],
    [{ context: () => 'a:b', parents: () => [] }, '"parents" must come'],
    [{ role: 'a', context: '*', parents: ['school:1'] }, '"parents" must come'],
    [{ role: 'a', context: 'a:b', parents: ['school 1'] }, '"parents" must be'],
    [{ role: 'a', context: 'a:b', parents: undefined }, '"parents" must not be undefined'],
    [{ freshness: 'fresh' }, '"freshness" must be'],
    [{ allowStaleMs: -1 }, '"allowStaleMs" must be'],
    [{ allowStaleMs: '5' }, '"allowStaleMs" must be'],
    [null, '"protection" must be'],
    ['grades:read', '"protection" must be'],
  ])('is not made from %j', (protection, message) => {
    const make = () => createGuard(authorizer({}), protection as Protection<string>)
    expect(make).toThrow(message)
  })

  it('is not made without a client', () => {
    expect(() => createGuard(undefined as unknown as Authorizer, {})).toThrow('"claims" must be')
  })
})
