/**
 * Access decisions as callers get them, on real services: they agree with introspection, follow every change at once, cost one
 * call per subject, and leak no token.
 */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../../client/src/index.ts'
import type { ParsedToken } from '../../store/mint/token.ts'
import { loadScripts } from '../../store/redis/scripts.ts'
import type { RoleDefinitions, View } from '../../store/roles/resolve.ts'
import type { Store } from '../../store/store.ts'
import { decisionOf, decisionsOf, messageOf, postJson } from '../conformance/decision-point.ts'
import { postForm, type TestClient } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { GRADES, startWorld, type World } from '../fixture/world.ts'
import { captureCommands, findSecrets, piecesOf } from './secret-hunt.ts'

/** The scripts that read subjects and clients, as they are called. */
const READS = loadScripts()
  .filter(({ name }) => ['introspect-token', 'resolve-roles', 'read-record'].includes(name))
  .map(({ lua }) => createHash('sha1').update(lua).digest('hex'))
const RUNS = 15
const TIME_LIMIT_MS = 15_000
const CONTEXTS = ['course:1', 'course:2', 'school:7'] as const
const ROLES = ['alpha', 'beta', 'gamma'] as const
const PERMISSIONS = ['read', 'write', 'grade:all'] as const

const SCHEMA: RoleDefinitions = {
  teacher: { permissions: ['read', 'write'], assumable: ['student'] },
  student: { permissions: ['read'], assumable: [] },
}

describe('access decisions', () => {
  let world: World
  let store: Store
  let library: TestClient

  beforeAll(async () => {
    world = await startWorld({ redis: ['--appendonly', 'yes'] })
    store = world.store
    const resources = ['https://library.test']
    library = await world.register('library-api', { introspect: true, resources })
  })
  afterAll(() => world.close())

  beforeEach(async () => {
    await store.roleSchemas.put(SCHEMA)
  })

  const url = (path: string, node: 0 | 1 = 0) => `${world.introspect[node]}/access/v1/${path}`
  const user = (id: string) => ({ type: 'user', id })
  const bearer = (id: string) => ({ type: 'access_token', id })
  const entity = (context: string) => {
    const [type, id] = context.split(':')
    return { type, id }
  }
  const question = (subject: object, permission: string, context: string) => ({
    subject,
    action: { name: permission },
    resource: entity(context),
  })

  /** The decision of both nodes, which must be the same. */
  async function decides(
    subject: object,
    permission: string,
    context: string,
    caller: TestClient = world.grades,
  ): Promise<boolean> {
    const body = question(subject, permission, context)
    const [one, other] = await Promise.all(
      ([0, 1] as const).map(async (node) =>
        decisionOf(await postJson(url('evaluation', node), caller, body)),
      ),
    )
    expect(one).toBe(other)
    return one === true
  }

  /** What Redis is asked about subjects and clients meanwhile; the feed asks other things all the time. */
  async function callsDuring(act: () => Promise<unknown>): Promise<readonly string[]> {
    const capture = await captureCommands(world.redis.port, world.redis.direct)
    await act()
    const lines = (await capture.end()).split('\r\n')
    return lines.filter((line) => READS.some((sha) => line.includes(sha)))
  }

  const assign = (sub: string, context: string, role: string) =>
    store.assignments.apply([{ op: 'assign', sub, context, role }])
  const remove = (sub: string, context: string, role: string) =>
    store.assignments.apply([{ op: 'remove', sub, context, role }])

  it('agree by name, by token, with introspection, with the client and with a naive model', async () => {
    const client = createClient({
      issuer: world.issuer,
      clientId: world.grades.client_id,
      clientSecret: world.grades.client_secret,
    })
    const some = <Value>(values: readonly Value[]) => fc.subarray([...values])
    const roleSet = fc.record({
      schema: fc.record({ alpha: some(PERMISSIONS), beta: some(PERMISSIONS) }),
      held: fc.uniqueArray(fc.tuple(fc.constantFrom('*', ...CONTEXTS), fc.constantFrom(...ROLES)), {
        selector: (pair) => pair.join(' '),
        maxLength: 5,
      }),
      parents: some(CONTEXTS),
    })
    let run = 0
    const seen = { permits: 0, denials: 0 }

    const endsAt = performance.now() + TIME_LIMIT_MS
    const property = fc.asyncProperty(roleSet, async ({ schema, held, parents }) => {
      // Not fast-check's own limit: it would leave the last run under way, to change the schema below other tests.
      if (performance.now() > endsAt) return
      const sub = `random-${run++}`
      const toRole = (permissions: readonly string[]) => ({ permissions, assumable: [] })
      // Assigned while the schema still has it, and dormant afterwards.
      const withGamma = { alpha: toRole([]), beta: toRole([]), gamma: toRole([...PERMISSIONS]) }
      await store.roleSchemas.put(withGamma)
      await store.assignments.apply(
        held.map(([context, role]) => ({ op: 'assign' as const, sub, context, role })),
      )
      await store.roleSchemas.put({ alpha: toRole(schema.alpha), beta: toRole(schema.beta) })
      const token = (await world.login(sub)).access_token

      const asked = CONTEXTS.flatMap((context) =>
        PERMISSIONS.map((permission) => ({ context, permission })),
      )
      const expected = asked.map(({ context, permission }) =>
        held.some(
          ([at, role]) =>
            (at === '*' || at === context || parents.some((parent) => parent === at)) &&
            role !== 'gamma' &&
            schema[role].includes(permission),
        ),
      )
      for (const decision of expected) seen[decision ? 'permits' : 'denials'] += 1

      const batch = (subject: object) => ({
        subject,
        context: { parents },
        evaluations: asked.map(({ context, permission }) => ({
          action: { name: permission },
          resource: entity(context),
        })),
      })
      const batched = async (subject: object, node: 0 | 1) =>
        decisionsOf(await postJson(url('evaluations', node), world.grades, batch(subject)))
      const single = (subject: object) =>
        Promise.all(
          asked.map(async ({ context, permission }) => {
            const body = { ...question(subject, permission, context), context: { parents } }
            return decisionOf(await postJson(url('evaluation'), world.grades, body))
          }),
        )
      const introspected = async () => {
        const form = { token, context: CONTEXTS.join(' ') }
        const response = await postForm(`${world.introspect[0]}/introspect`, world.grades, form)
        const { permissions } = (await response.json()) as {
          permissions: Record<string, readonly string[]>
        }
        return asked.map(({ context, permission }) =>
          ['*', context, ...parents].some((at) => permissions[at]?.includes(permission) === true),
        )
      }
      const byClient = () =>
        Promise.all(
          asked.map(async ({ context, permission }) => {
            const needs = { permission, context, parents }
            return (await client.authorize(token, needs, { freshness: 'live' })).ok
          }),
        )
      expect(await batched(user(sub), 0)).toEqual(expected)
      expect(await batched(bearer(token), 1)).toEqual(expected)
      expect(await single(user(sub))).toEqual(expected)
      expect(await single(bearer(token))).toEqual(expected)
      expect(await introspected()).toEqual(expected)
      expect(await byClient()).toEqual(expected)
    })
    try {
      await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
    } finally {
      client.close()
    }
    expect(Math.min(seen.permits, seen.denials)).toBeGreaterThan(0)
  })

  it('follow each change of roles at once, at every node', async () => {
    const token = (await world.login('alice')).access_token
    const subjects = [user('alice'), bearer(token)]
    const expectAll = async (permission: string, expected: boolean) => {
      for (const subject of subjects) {
        expect(await decides(subject, permission, 'course:1')).toBe(expected)
      }
    }
    await expectAll('write', false)
    await assign('alice', 'course:1', 'teacher')
    await expectAll('write', true)
    await store.roleSchemas.put({ ...SCHEMA, teacher: { permissions: ['read'], assumable: [] } })
    await expectAll('write', false)
    await expectAll('read', true)
    await store.roleSchemas.put(SCHEMA)
    await expectAll('write', true)
    await remove('alice', 'course:1', 'teacher')
    await expectAll('read', false)
    await assign('alice', '*', 'student')
    await expectAll('read', true)
    await expectAll('write', false)
  })

  it('permit nothing to a suspended subject', async () => {
    await assign('sam', 'course:1', 'teacher')
    const before = (await world.login('sam')).access_token
    expect(await decides(user('sam'), 'read', 'course:1')).toBe(true)
    await world.callAdmin('PUT', '/subjects/sam', { status: 'suspended' })
    for (const subject of [user('sam'), bearer(before)]) {
      expect(await decides(subject, 'read', 'course:1')).toBe(false)
    }
    await world.callAdmin('PUT', '/subjects/sam', { status: 'active' })
    expect(await decides(user('sam'), 'read', 'course:1')).toBe(true)
    expect(await decides(bearer(before), 'read', 'course:1')).toBe(false)
  })

  it('permit nothing to a disabled client', async () => {
    const registration = { default_resources: [GRADES] }
    await world.register('nightly', registration)
    await assign('nightly', '*', 'student')
    const client = { type: 'client', id: 'nightly' }
    expect(await decides(client, 'read', 'course:9')).toBe(true)
    await world.callAdmin('PUT', '/clients/nightly', { ...registration, enabled: false })
    expect(await decides(client, 'read', 'course:9')).toBe(false)
  })

  it('take only tokens that are active, and for the caller', async () => {
    await assign('tom', '*', 'student')
    const issued = await world.login('tom')
    const token = bearer(issued.access_token)
    expect(await decides(token, 'read', 'course:1')).toBe(true)
    expect(await decides(token, 'read', 'course:1', library)).toBe(false)
    // By name it is no question of the audience.
    expect(await decides(user('tom'), 'read', 'course:1', library)).toBe(true)
    const wrong = [
      issued.refresh_token,
      `${issued.access_token}x`,
      'tom',
      '',
      `cc_at_${'x'.repeat(68)}`,
    ]
    for (const id of wrong) expect(await decides(bearer(id), 'read', 'course:1')).toBe(false)
    await world.callAdmin('POST', '/revocations', { token: issued.access_token })
    expect(await decides(token, 'read', 'course:1')).toBe(false)
  })

  it('see through a token no more than its view', async () => {
    await store.assignments.apply([
      { op: 'assign', sub: 'vera', context: '*', role: 'student' },
      { op: 'assign', sub: 'vera', context: 'course:1', role: 'teacher' },
      { op: 'assign', sub: 'vera', context: 'course:2', role: 'teacher' },
    ])
    const { access_token } = await world.login('vera')
    const origin = (await store.locate(access_token)) as ParsedToken
    const { state } = await store.tokens.introspect(access_token, '')
    if (state.kind !== 'active') throw new Error('the token is not active')
    const { authorization } = state.record
    async function exchange(view: View) {
      const request = { origin, authorization, accessTokenLifetimeSeconds: 600, view }
      const issued = await store.tokens.exchange(request)
      if (issued.kind !== 'issued') throw new Error(`the exchange was refused: ${issued.kind}`)
      return bearer(issued.accessToken)
    }

    const one = await exchange({ contexts: ['course:1'], assumed: [] })
    expect(await decides(one, 'write', 'course:1')).toBe(true)
    expect(await decides(one, 'write', 'course:2')).toBe(false)
    expect(await decides(one, 'read', 'course:3')).toBe(false)
    const assumed = await exchange({ contexts: ['course:1'], assumed: ['student'] })
    expect(await decides(assumed, 'read', 'course:1')).toBe(true)
    expect(await decides(assumed, 'write', 'course:1')).toBe(false)

    const above = { ...question(one, 'write', 'course:3'), context: { parents: ['course:2'] } }
    expect(await decisionOf(await postJson(url('evaluation'), world.grades, above))).toBe(false)
    await remove('vera', 'course:1', 'teacher')
    expect(await decides(one, 'write', 'course:1')).toBe(false)
    expect(await decides(assumed, 'read', 'course:1')).toBe(false)
  })

  it('cost one call of Redis for a subject and a hundred contexts, beside that for the caller', async () => {
    const batch = (contexts: number, subject: object) => ({
      subject,
      action: { name: 'read' },
      evaluations: Array.from({ length: 1_000 }, (_, n) => ({
        resource: { type: 'course', id: `${n % contexts}` },
      })),
    })
    const callsFor = async (body: object) => {
      const calls = await callsDuring(async () => {
        const response = await postJson(url('evaluations'), world.grades, body)
        expect(await decisionsOf(response)).toHaveLength(1_000)
      })
      return calls.length
    }
    const token = (await world.login('alice')).access_token
    // Scripts are sent once by their text; after that a call is a call.
    for (const subject of [user('alice'), bearer(token)]) await callsFor(batch(100, subject))
    for (const subject of [user('alice'), bearer(token)]) {
      expect(await callsFor(batch(100, subject))).toBe(2)
      expect(await callsFor(batch(1_000, subject))).toBe(11)
    }
  })

  it('read nothing about the subjects for a caller who is not authenticated', async () => {
    const evaluations = ['mallory-1', 'mallory-2'].map((id) =>
      question(user(id), 'read', 'course:1'),
    )
    const wrong = { ...world.grades, client_secret: 'wrong' }
    const calls = await callsDuring(async () => {
      await messageOf(await postJson(url('evaluations'), wrong, { evaluations }), 401)
    })
    const said = calls.join('\n')
    expect(said).toContain(world.grades.client_id)
    expect(said).not.toContain('mallory')
  })

  it('keep tokens from logs, errors and Redis, wherever a caller puts them', async () => {
    const { access_token, refresh_token } = await world.login('eve')
    const capture = await captureCommands(world.redis.port, world.redis.direct)
    const answers: string[] = []
    const good = question(bearer(access_token), 'read', 'course:1')
    for (const token of [access_token, refresh_token]) {
      const bodies: unknown[] = [
        good,
        question(bearer(token), 'read', 'course:1'),
        question(user(token), 'read', 'course:1'),
        question({ type: 'client', id: token }, 'read', 'course:1'),
        question({ type: token, id: token }, token, 'course:1'),
        question(user('eve'), token, `course:${token}`),
        question(user('eve'), 'read', `${token}:1`),
        { ...good, context: { parents: [`course:${token}`] } },
        { ...good, context: { parents: [{ type: 'course', id: token }] } },
        { ...good, subject: token },
        { ...good, subject: { type: 'access_token', id: [token] } },
        { ...good, options: { evaluations_semantic: token }, evaluations: [{}] },
        { ...good, [token]: token },
        `{"subject":${token}}`,
        `{"${token}":1,"${token}":2}`,
        token,
      ]
      for (const body of bodies) {
        const whole = typeof body === 'string' ? body : { evaluations: [body, body] }
        const responses = [
          await postJson(url('evaluation'), world.grades, body),
          await postJson(url('evaluations'), world.grades, whole),
          await postJson(url('evaluation'), undefined, body),
          await postJson(url('evaluation'), undefined, body, { authorization: `Bearer ${token}` }),
          await postJson(url(`evaluation?${token}`), world.grades, body, { 'x-request-id': token }),
          await postJson(url(token), world.grades, body),
        ]
        for (const response of responses) {
          expect(response.status).toBeLessThan(500)
          answers.push(JSON.stringify([...response.headers]) + (await response.text()))
        }
      }
    }
    const pieces = piecesOf([access_token, refresh_token])
    expect(findSecrets(access_token, pieces)).not.toEqual([])
    expect(findSecrets(answers.join('\n'), pieces)).toEqual([])
    expect(findSecrets(await capture.end(), pieces)).toEqual([])
    expect(world.logs.length).toBeGreaterThan(50)
    expect(findSecrets(world.logs.join('\n'), pieces)).toEqual([])
  })

  it('are 503 while Redis is gone, never a denial', async () => {
    await assign('rita', 'course:1', 'student')
    const token = (await world.login('rita')).access_token
    const bodies = [user('rita'), bearer(token)].map((who) => question(who, 'read', 'course:1'))
    await world.redis.kill()
    for (const body of bodies) {
      const single = await postJson(url('evaluation'), world.grades, body)
      const batch = await postJson(url('evaluations'), world.grades, { evaluations: [body, {}] })
      for (const response of [single, batch]) {
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
        await messageOf(response, 503)
      }
    }
    await world.redis.start()
    await waitFor(async () => (await fetch(`${world.introspect[0]}/readyz`)).ok)
    for (const body of bodies) {
      expect(await decisionOf(await postJson(url('evaluation'), world.grades, body))).toBe(true)
    }
  })
})
