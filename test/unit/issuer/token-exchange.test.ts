/** The pure parts of a token exchange: what is asked for, where it is aimed at, who acts, what is seen. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Actor } from '../../../client/src/wire/index.ts'
import { parseForm } from '../../../http/body/form.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import { chainActor, MAX_ACTORS } from '../../../issuer/grants/token-exchange/actor.ts'
import {
  ACCESS_TOKEN_TYPE,
  MAX_VIEW_CONTEXTS,
  readExchangeParameters,
} from '../../../issuer/grants/token-exchange/parameters.ts'
import { exchangeTarget } from '../../../issuer/grants/token-exchange/target.ts'
import { assertMayAssume, narrowView } from '../../../issuer/grants/token-exchange/view.ts'
import type { Client } from '../../../store/registry/clients.ts'
import { compileRoleSchema, type ResolvedRoles, type View } from '../../../store/roles/resolve.ts'

/** The error of a call, or undefined. */
async function errorOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return error.error
  }
}

function read(parameters: Readonly<Record<string, string>>) {
  const form = new URLSearchParams({
    subject_token: 'st',
    subject_token_type: ACCESS_TOKEN_TYPE,
    ...parameters,
  })
  return readExchangeParameters(parseForm(Buffer.from(form.toString())))
}

const name = fc.constantFrom('a:1', 'a:2', 'b:1', 'b:2', 'c:*x')
const contexts = fc.uniqueArray(name, { minLength: 1 })

describe('the parameters of an exchange', () => {
  it('may be the two that are required', () => {
    expect(read({})).toEqual({
      subjectToken: 'st',
      actorToken: undefined,
      scope: undefined,
      resources: [],
      audiences: [],
      contexts: [],
      role: undefined,
    })
  })

  it('may be all there are', () => {
    const all = {
      actor_token: 'at',
      actor_token_type: ACCESS_TOKEN_TYPE,
      requested_token_type: ACCESS_TOKEN_TYPE,
      scope: 's t',
      resource: 'https://r.test',
      audience: 'api',
      context: 'a:1 b:2 a:1',
      role: 'student',
    }
    expect(read(all)).toEqual({
      subjectToken: 'st',
      actorToken: 'at',
      scope: 's t',
      resources: ['https://r.test'],
      audiences: ['api'],
      contexts: ['a:1', 'b:2'],
      role: 'student',
    })
  })

  it('name each context once, and none that could end a line or a list of a record', () => {
    const any = fc.array(fc.oneof(name, fc.string({ unit: 'binary' })), { maxLength: 4 })
    fc.assert(
      fc.property(any, (names) => {
        const text = names.join(' ')
        let asked: readonly string[]
        try {
          asked = read({ context: text }).contexts
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError)
          return
        }
        expect(new Set(asked).size).toBe(asked.length)
        expect(asked.length).toBeLessThanOrEqual(MAX_VIEW_CONTEXTS)
        for (const one of asked) expect(one).toMatch(/^[\x21-\x7e]+:[\x21-\x7e]+$/)
      }),
    )
  })

  it('never repeat what was sent in what they are refused with', () => {
    const secret = 'cc_at_secret'
    const types = ['subject_token_type', 'requested_token_type']
    const wrong: readonly Record<string, string>[] = [
      ...types.map((type) => ({ [type]: secret })),
      { actor_token: secret },
      { actor_token: secret, actor_token_type: secret },
      { context: secret },
      { context: 'a:1', role: `${secret} ` },
    ]
    for (const parameters of wrong) {
      expect(() => read(parameters)).toThrow(OAuthError)
      expect(() => read(parameters)).not.toThrow(secret)
    }
  })
})

describe('the target of an exchange', () => {
  const services: Readonly<Record<string, readonly string[]>> = {
    one: ['https://1.test'],
    both: ['https://1.test', 'https://2.test'],
    none: [],
    // A client may be called like somebody else's resource.
    'https://2.test': ['https://3.test'],
  }
  const clientOf = (metadata: object, enabled = true) => ({ enabled, metadata }) as Client
  const asked: string[] = []
  const find = async (id: string) => {
    asked.push(id)
    const resources = services[id]
    return resources && clientOf({ resources })
  }
  const target = (wishes: object, granted: readonly string[], metadata: object = {}) =>
    exchangeTarget({ resources: [], audiences: [], ...wishes }, granted, clientOf(metadata), find)
  const granted = ['https://1.test', 'https://2.test']

  it('is all there is when none is named', async () => {
    expect(await target({}, granted)).toEqual(granted)
    expect(await target({}, granted, { allowed_resources: ['https://2.test', 'x:y'] })).toEqual([
      'https://2.test',
    ])
    expect(await errorOf(() => target({}, granted, { allowed_resources: [] }))).toBe(
      'invalid_target',
    )
  })

  it('is what resources and audiences name together', async () => {
    expect(await target({ audiences: ['one'] }, granted)).toEqual(['https://1.test'])
    expect(await target({ audiences: ['both'] }, granted)).toEqual(granted)
    const wishes = { resources: ['https://2.test'], audiences: ['one', 'https://2.test'] }
    expect(await target(wishes, granted)).toEqual(['https://2.test', 'https://1.test'])
  })

  it('takes an audience for a resource of the subject token before it takes it for a client', async () => {
    expect(await target({ audiences: ['https://2.test'] }, granted)).toEqual(['https://2.test'])
    expect(await errorOf(() => target({ audiences: ['https://2.test'] }, ['https://1.test']))).toBe(
      'invalid_target',
    )
  })

  it('is refused when any of it is beyond the subject token', async () => {
    for (const audiences of [['none'], ['unknown'], ['one', 'none'], ['https://3.test']]) {
      expect(await errorOf(() => target({ audiences }, granted))).toBe('invalid_target')
    }
    expect(await errorOf(() => target({ audiences: ['both'] }, ['https://1.test']))).toBe(
      'invalid_target',
    )
  })

  it('looks nothing up that cannot be the id of a client', async () => {
    asked.length = 0
    const token = `cc_at_${'A'.repeat(68)}`
    for (const audience of [token, `x${token}`, '..', 'x'.repeat(129), 'é', ' one', '\n']) {
      expect(await errorOf(() => target({ audiences: [audience] }, granted))).toBe('invalid_target')
    }
    expect(asked).toEqual([])
  })

  it('is never more than granted, whatever is asked for', async () => {
    const uri = fc.constantFrom('https://1.test', 'https://2.test', 'https://3.test', 'junk', '')
    const id = fc.constantFrom(...Object.keys(services), 'unknown')
    await fc.assert(
      fc.asyncProperty(
        fc.array(uri),
        fc.array(fc.oneof(uri, id)),
        fc.uniqueArray(uri),
        fc.option(fc.array(uri), { nil: undefined }),
        async (resources, audiences, aud, allowed_resources) => {
          let result: readonly string[]
          try {
            result = await target({ resources, audiences }, aud, { allowed_resources })
          } catch (error) {
            expect(error).toBeInstanceOf(OAuthError)
            return
          }
          expect(result.length).toBeGreaterThan(0)
          for (const one of result) {
            expect(aud).toContain(one)
            if (allowed_resources !== undefined) expect(allowed_resources).toContain(one)
          }
        },
      ),
    )
  })
})

describe('the actors of an exchange', () => {
  it('stand one inside the other, the newest outside, up to a limit', async () => {
    let act: Actor | undefined
    for (let n = 1; n <= MAX_ACTORS; n++) act = chainActor(`sub-${n}`, `client-${n}`, act)
    expect(act).toEqual({
      sub: 'sub-4',
      client_id: 'client-4',
      act: {
        sub: 'sub-3',
        client_id: 'client-3',
        act: {
          sub: 'sub-2',
          client_id: 'client-2',
          act: { sub: 'sub-1', client_id: 'client-1' },
        },
      },
    })
    expect(await errorOf(() => chainActor('sub-5', 'client-5', act))).toBe('invalid_request')
  })
})

describe('the view of an exchange', () => {
  it('is that of the subject token when nothing is asked for', () => {
    expect(narrowView({ contexts: [], role: undefined }, undefined)).toBeUndefined()
    const view: View = { contexts: ['a:1'], assumed: ['ta'] }
    expect(narrowView({ contexts: [], role: undefined }, view)).toEqual(view)
  })

  it('never grows, and never forgets what was assumed', () => {
    const role = fc.option(fc.constantFrom('x', 'y'), { nil: undefined })
    const view = fc.record({ contexts, assumed: fc.array(fc.constantFrom('x', 'y')) })
    fc.assert(
      fc.property(contexts, role, view, (asked, assumed, current) => {
        let next: View | undefined
        try {
          next = narrowView({ contexts: asked, role: assumed }, current)
        } catch (error) {
          expect(error).toMatchObject({ error: 'invalid_request' })
          expect(asked.some((one) => !current.contexts.includes(one))).toBe(true)
          return
        }
        expect(next?.contexts).toEqual(asked)
        for (const one of asked) expect(current.contexts).toContain(one)
        const added = assumed === undefined ? [] : [assumed]
        expect(next?.assumed).toEqual([...current.assumed, ...added])
      }),
    )
  })

  it('allows a role where one that is held lists it', async () => {
    const book = compileRoleSchema({
      teacher: { permissions: [], assumable: ['student', 'gone'] },
      student: { permissions: [], assumable: [] },
    })
    const facts = (roles: readonly string[], here: readonly string[]): ResolvedRoles => ({
      roles,
      context_roles: { 'a:1': here, 'a:2': ['teacher'] },
      context_roles_complete: true,
      permissions: {},
    })
    const verdict = (role: string, roles: ResolvedRoles, asked = ['a:1', 'a:2']) =>
      errorOf(() => assertMayAssume(role, asked, roles, book))
    expect(await verdict('student', facts([], ['teacher']))).toBeUndefined()
    expect(await verdict('student', facts(['teacher'], []))).toBeUndefined()
    expect(await verdict('student', facts([], []))).toBe('invalid_request')
    expect(await verdict('student', facts([], ['student']))).toBe('invalid_request')
    expect(await verdict('student', facts([], ['teacher']), ['a:3'])).toBe('invalid_request')
    // Listed, but no role any more.
    expect(await verdict('gone', facts(['teacher'], []))).toBe('invalid_request')
    expect(await verdict('teacher', facts(['teacher'], []))).toBe('invalid_request')
  })
})
