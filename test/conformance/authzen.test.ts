/** OpenID AuthZEN Authorization API 1.0: the evaluation endpoints. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type TestClient } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import {
  ALICE,
  BOB,
  decisionOf,
  decisionsOf,
  loadFixture,
  messageOf,
  PERMITTED,
  postJson,
  READ,
  RECORD_1,
  WRITE,
} from './decision-point.ts'
import { verifies } from './verifies.ts'

const DENIED = { ...PERMITTED, subject: BOB, action: WRITE }
/** With a member replaced, or taken away by `undefined`. */
const but = (members: object) => ({ ...PERMITTED, ...members })

describe('AuthZEN: access evaluation', () => {
  let at: ConformanceWorld
  let pep: TestClient
  let evaluation: string
  let evaluations: string

  beforeAll(async () => {
    at = await startConformanceWorld()
    pep = at.grades
    const [node] = at.introspect
    evaluation = `${node}/access/v1/evaluation`
    evaluations = `${node}/access/v1/evaluations`
    await loadFixture(at.store)
  })
  afterAll(() => at.close())

  const ask = (body: unknown) => postJson(evaluation, pep, body)
  const askAll = (body: unknown) => postJson(evaluations, pep, body)

  verifies(['azn-4-a'], 'v1 is in the path, and nothing is at another version', async () => {
    expect(await decisionOf(await ask(PERMITTED))).toBe(true)
    const other = evaluation.replace('/v1/', '/v2/')
    expect((await postJson(other, pep, PERMITTED)).status).toBe(404)
  })

  const malformed: Record<string, unknown> = {
    'a subject that is a text': but({ subject: 'alice' }),
    'a subject that is null': but({ subject: null }),
    'a subject that is a list': but({ subject: [ALICE] }),
    'a subject without type': but({ subject: { id: 'alice' } }),
    'a subject without id': but({ subject: { type: 'user' } }),
    'a subject whose id is a number': but({ subject: { type: 'user', id: 7 } }),
    'a subject whose type is null': but({ subject: { type: null, id: 'alice' } }),
    'a subject with a list of properties': but({ subject: { ...ALICE, properties: [] } }),
    'a resource that is a text': but({ resource: 'record-1' }),
    'a resource without type': but({ resource: { id: 'record-1' } }),
    'a resource without id': but({ resource: { type: 'record' } }),
    'a resource whose id is an object': but({ resource: { type: 'record', id: {} } }),
    'a resource with a text for properties': but({ resource: { ...RECORD_1, properties: 'x' } }),
    'an action that is a text': but({ action: 'read' }),
    'an action without a name': but({ action: {} }),
    'an action whose name is a number': but({ action: { name: 123 } }),
    'an action with null for properties': but({ action: { ...READ, properties: null } }),
    'a context that is a text': but({ context: 'x' }),
    'a context that is null': but({ context: null }),
    'parents that are a text': but({ context: { parents: 'school:7' } }),
    'a parent that is a number': but({ context: { parents: [7] } }),
    'a parent without id': but({ context: { parents: [{ type: 'school' }] } }),
    'a parent that is no context': but({ context: { parents: ['school'] } }),
    'a parent that is everywhere': but({ context: { parents: ['*'] } }),
    'an entity among the parents that is no context': but({
      context: { parents: [{ type: 'my school', id: '7' }] },
    }),
  }
  for (const [what, body] of Object.entries(malformed)) {
    verifies(['azn-5.1-a'], `${what} is 400, and in a batch denies its item`, async () => {
      const message = await messageOf(await ask(body), 400)
      expect(message).toMatch(/subject|resource|action|context/)
      const both = await askAll({ evaluations: [body, PERMITTED] })
      expect(await decisionsOf(both)).toEqual([undefined, true])
    })
  }

  verifies(['azn-5.5-a'], 'a denial is 200 with false and nothing else', async () => {
    const denied = await ask(DENIED)
    expect(denied.status).toBe(200)
    expect(await denied.text()).toBe('{"decision":false}')
    const nobody = [
      { type: 'user', id: 'nobody' },
      { type: 'user', id: '' },
      { type: 'robot', id: 'alice' },
      { type: 'access_token', id: 'alice' },
    ]
    for (const subject of nobody) expect(await decisionOf(await ask(but({ subject })))).toBe(false)
    const unknown = [{ name: 'fly' }, { name: '' }, { name: 'toString' }]
    for (const action of unknown) expect(await decisionOf(await ask(but({ action })))).toBe(false)
    const nowhere = [
      { type: 'record', id: 'record-2' },
      { type: 'Record', id: 'record-1' },
      { type: 'record', id: '*' },
      { type: '', id: '' },
      { type: '*', id: '*' },
    ]
    for (const resource of nowhere) {
      expect(await decisionOf(await ask(but({ resource })))).toBe(false)
    }
  })

  for (const member of ['subject', 'action', 'resource'] as const) {
    verifies(['azn-6.1-a'], `${member} is required`, async () => {
      const message = await messageOf(await ask(but({ [member]: undefined })), 400)
      expect(message).toBe(`${member} is required`)
    })
  }

  verifies(['azn-6.1-a'], 'context is optional, and decides only by its parents', async () => {
    for (const context of [{}, { time: '2026-06-27T18:03-07:00', ip: '192.168.1.1' }]) {
      expect(await decisionOf(await ask(but({ context })))).toBe(true)
      expect(await decisionOf(await ask({ ...DENIED, context }))).toBe(false)
    }
    const elsewhere = but({ resource: { type: 'page', id: '3' } })
    expect(await decisionOf(await ask(elsewhere))).toBe(false)
    for (const parents of [['book:1', 'record:record-1'], [RECORD_1]]) {
      expect(await decisionOf(await ask({ ...elsewhere, context: { parents } }))).toBe(true)
    }
  })

  verifies(['azn-7.1-a'], 'no or no further evaluations is a single evaluation', async () => {
    expect(await decisionOf(await askAll(PERMITTED))).toBe(true)
    expect(await decisionOf(await askAll({ ...PERMITTED, evaluations: [] }))).toBe(true)
    expect(await decisionOf(await askAll({ ...DENIED, evaluations: [] }))).toBe(false)
    await messageOf(await askAll({}), 400)
    await messageOf(await askAll({ ...PERMITTED, evaluations: {} }), 400)
    await messageOf(await askAll({ ...PERMITTED, evaluations: null }), 400)
  })

  verifies(['azn-7.1.1-a'], 'what an item has overrides, what it lacks is inherited', async () => {
    const batch = {
      ...DENIED,
      evaluations: [
        {},
        { subject: ALICE },
        { action: READ },
        { resource: { type: 'record', id: 'record-2' } },
        { subject: ALICE, action: READ, resource: RECORD_1 },
      ],
    }
    expect(await decisionsOf(await askAll(batch))).toEqual([false, true, true, false, true])
  })

  verifies(
    ['azn-7.1.1-a'],
    'an entity overrides as a whole, filled in where incomplete',
    async () => {
      const batch = {
        subject: { ...ALICE, properties: { role: 'manager' } },
        action: WRITE,
        resource: { type: 'record', properties: 'not looked at where an item has its own' },
        evaluations: [
          { resource: { id: 'record-1', properties: { status: 'active' } } },
          { resource: { type: 'record', id: 'record-2' } },
          { resource: { id: 'record-1' }, subject: { id: 'bob' } },
          { resource: { id: 'record-1' }, action: {} },
          { resource: {} },
        ],
      }
      expect(await decisionsOf(await askAll(batch))).toEqual([true, false, false, true, undefined])
    },
  )

  verifies(['azn-7.1.1-a'], 'an item without what it needs is false, and it alone', async () => {
    const batch = {
      action: READ,
      evaluations: [{ subject: ALICE }, { resource: RECORD_1 }, PERMITTED],
    }
    expect(await decisionsOf(await askAll(batch))).toEqual([undefined, undefined, true])
  })

  verifies(['azn-7.1.1-a'], "an item's context overrides the default context", async () => {
    const batch = {
      subject: ALICE,
      action: READ,
      resource: { type: 'page', id: '3' },
      context: { parents: ['record:record-1'] },
      evaluations: [{}, { context: {} }, { context: { parents: ['book:1'] } }, { context: null }],
    }
    expect(await decisionsOf(await askAll(batch))).toEqual([true, false, false, undefined])
  })

  const permit = PERMITTED
  const deny = DENIED
  const broken = { subject: ALICE }
  const semantics: [string | undefined, object[], (boolean | undefined)[]][] = [
    [undefined, [deny, permit, deny], [false, true, false]],
    ['execute_all', [permit, deny, broken, permit], [true, false, undefined, true]],
    ['deny_on_first_deny', [permit, permit, deny, permit], [true, true, false]],
    ['deny_on_first_deny', [permit, broken, permit], [true, undefined]],
    ['deny_on_first_deny', [permit, permit], [true, true]],
    ['permit_on_first_permit', [deny, broken, permit, deny], [false, undefined, true]],
    ['permit_on_first_permit', [deny, deny], [false, false]],
  ]
  for (const [semantic, items, expected] of semantics) {
    const name = `${semantic ?? 'the default'} answers ${items.length} with ${expected.length}`
    verifies(['azn-7.1.2-a'], name, async () => {
      const options = semantic === undefined ? {} : { evaluations_semantic: semantic }
      const response = await askAll({ options, evaluations: items })
      expect(await decisionsOf(response)).toEqual(expected)
    })
  }

  verifies(['azn-7.1.2-a'], 'any other semantic is 400', async () => {
    for (const evaluations_semantic of ['first', '', 7, null, 'toString', '__proto__']) {
      const body = { ...PERMITTED, options: { evaluations_semantic }, evaluations: [{}] }
      expect(await messageOf(await askAll(body), 400)).toContain('evaluations_semantic')
    }
    await messageOf(await askAll({ ...PERMITTED, options: [], evaluations: [{}] }), 400)
  })

  verifies(['azn-7.2-a'], 'as many as asked, in order, without a decision above them', async () => {
    const items = Array.from({ length: 300 }, (_, n) => (n % 3 === 1 ? { subject: BOB } : {}))
    const response = await askAll({
      subject: ALICE,
      action: WRITE,
      resource: RECORD_1,
      evaluations: items,
    })
    expect(await decisionsOf(response)).toEqual(items.map((_, n) => n % 3 !== 1))
  })

  verifies(['azn-7.2.1-a'], 'a mistake in an item is told there, as its error', async () => {
    const body = { subject: ALICE, action: READ, evaluations: [{ resource: RECORD_1 }, {}, 7, []] }
    const response = await askAll(body)
    expect(response.status).toBe(200)
    const error = (message: string) => ({
      decision: false,
      context: { error: { status: 400, message } },
    })
    expect(await response.json()).toEqual({
      evaluations: [
        { decision: true },
        error('resource is required'),
        error('an element of evaluations must be an object'),
        error('an element of evaluations must be an object'),
      ],
    })
  })

  verifies(['azn-10.1-a'], 'POST alone', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(evaluation, { method, headers: { authorization: basic(pep) } })
      expect(response.headers.get('allow')).toBe('POST')
      await messageOf(response, 405)
    }
  })

  const contentTypes: [string, number][] = [
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['APPLICATION/JSON;charset="UTF-8"', 200],
    ['application/json; charset=latin1', 400],
    ['text/plain', 400],
    ['application/x-www-form-urlencoded', 400],
    ['application/jsonp', 400],
  ]
  for (const [type, status] of contentTypes) {
    verifies(['azn-10.1-a'], `${type} is ${status}`, async () => {
      for (const url of [evaluation, evaluations]) {
        const response = await postJson(url, pep, PERMITTED, { 'content-type': type })
        if (status === 200) expect(await decisionOf(response)).toBe(true)
        else await messageOf(response, status)
      }
    })
  }

  const noObjects = [
    '',
    ' ',
    '{',
    'x',
    '[]',
    '[{}]',
    '"x"',
    'null',
    '7',
    '{"subject":}',
    '{"a":1,}',
    '{}{}',
  ]
  for (const text of noObjects) {
    verifies(['azn-10.1-a'], `the body ${JSON.stringify(text)} is 400`, async () => {
      await messageOf(await ask(text), 400)
      await messageOf(await askAll(text), 400)
    })
  }

  verifies(['azn-10.1.1-a'], 'unknown members are ignored, wherever they are', async () => {
    const more = { future: { nested: [true] }, page: { token: 'x', limit: -1 }, id2: null }
    const body = {
      ...more,
      subject: { ...ALICE, ...more, properties: { role: 'none', ...more } },
      action: { ...READ, ...more, properties: { method: 'GET' } },
      resource: { ...RECORD_1, ...more, properties: { status: 'active' } },
      context: more,
      options: { ...more },
    }
    expect(await decisionOf(await ask(body))).toBe(true)
    expect(await decisionsOf(await askAll({ ...body, evaluations: [more, {}] }))).toEqual([
      true,
      true,
    ])
    // They belong to the other endpoint, so here they are unknown.
    const batch = { ...PERMITTED, evaluations: 7, options: 7 }
    expect(await decisionOf(await ask(batch))).toBe(true)
  })

  verifies(['azn-10.1.2-a'], 'every error is a message, not a decision', async () => {
    await messageOf(await ask({}), 400)
    await messageOf(await postJson(evaluation, undefined, PERMITTED), 401)
    await messageOf(await postJson(evaluation, at.web, PERMITTED), 403)
    await messageOf(await ask(but({ context: { x: 'x'.repeat(70_000) } })), 413)
    await messageOf(await postJson(evaluation, pep, PERMITTED, { 'content-encoding': 'gzip' }), 415)
    const missing = evaluation.replace('evaluation', 'search/subject')
    await messageOf(await postJson(missing, pep, PERMITTED), 404)
  })

  verifies(
    ['azn-10.1.2-a'],
    'an outage is 503 with a time to come back, never a decision',
    async () => {
      const token = (await at.login('alice')).access_token
      const bodies = [PERMITTED, but({ subject: { type: 'access_token', id: token } })]
      at.redis.pause()
      try {
        const asked = bodies.flatMap((body) => [ask(body), askAll({ evaluations: [body, DENIED] })])
        for (const response of await Promise.all(asked)) {
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
          expect(await messageOf(response, 503)).not.toContain('redis')
        }
      } finally {
        at.redis.resume()
      }
      await waitFor(async () => (await ask(PERMITTED)).status === 200)
      for (const body of bodies) expect(await decisionOf(await ask(body))).toBe(true)
    },
  )

  verifies(
    ['azn-10.1.3-a'],
    'a request id comes back as it was sent; without one it works',
    async () => {
      const id = 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716'
      const requests = [
        (headers: Record<string, string>) => postJson(evaluation, pep, PERMITTED, headers),
        (headers: Record<string, string>) => postJson(evaluations, pep, '{', headers),
        (headers: Record<string, string>) => postJson(evaluation, undefined, PERMITTED, headers),
      ]
      for (const send of requests) {
        expect((await send({ 'X-Request-ID': id })).headers.get('x-request-id')).toBe(id)
        expect((await send({})).headers.get('x-request-id')).toMatch(/^[\w-]+$/)
        // Not safe for a log: the service replaces the id and still answers the request.
        const odd = await send({ 'X-Request-ID': 'a b' })
        expect(odd.headers.get('x-request-id')).toMatch(/^[\w-]+$/)
      }
    },
  )

  verifies(['azn-11.2-a'], 'no client gets a decision without authentication', async () => {
    const callers = [
      undefined,
      { ...pep, client_secret: 'wrong' },
      { client_id: 'nobody', client_secret: 'wrong' },
      { client_id: at.publicId, client_secret: '' },
    ]
    const bodies = [PERMITTED, '', '{', { ...PERMITTED, evaluations: [PERMITTED, DENIED, {}] }]
    for (const caller of callers) {
      for (const body of bodies) {
        for (const url of [evaluation, evaluations]) {
          const response = await postJson(url, caller, body)
          expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
          expect(await messageOf(response, 401)).toBe('client authentication failed')
        }
      }
    }
  })

  verifies(['azn-11.2-a'], 'a token is no credential here, nor are those in a body', async () => {
    const token = (await at.login('alice')).access_token
    const bearer = await postJson(evaluation, undefined, PERMITTED, {
      authorization: `Bearer ${token}`,
    })
    expect(bearer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
    expect(await messageOf(bearer, 401)).not.toContain(token)
    await messageOf(await postJson(evaluation, undefined, { ...PERMITTED, ...pep }), 401)
  })

  verifies(['azn-11.2-a'], 'a disabled caller is refused like a wrong secret', async () => {
    const off = await at.register('off-api', { introspect: true })
    expect(await decisionOf(await postJson(evaluation, off, PERMITTED))).toBe(true)
    await at.callAdmin('PUT', '/clients/off-api', { introspect: true, enabled: false })
    await messageOf(await postJson(evaluation, off, PERMITTED), 401)
  })

  it('tells who is not proved so at once, even if its body never ends', async () => {
    const refused = new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': '1000' }
      const sent = request(evaluation, { method: 'POST', headers }, (response) => {
        resolve(response.statusCode ?? 0)
        sent.destroy()
      })
      sent.on('error', reject)
      sent.write('{')
    })
    expect(await refused).toBe(401)
  })

  const twice = [
    `{"subject":{"type":"user","id":"bob"},${JSON.stringify(PERMITTED).slice(1)}`,
    '{"subject":{"type":"user","id":"bob","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}',
    '{"subject":{"type":"user","id":"bob","\\u0069d":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}',
    `{"x":[{"y":{"z":1,"z":1}}],${JSON.stringify(PERMITTED).slice(1)}`,
    `{"":1,"":2,${JSON.stringify(PERMITTED).slice(1)}`,
  ]
  for (const body of twice) {
    verifies(['azn-11.5-a'], `400 for a name that stands twice: ${body.slice(0, 48)}`, async () => {
      expect(await messageOf(await ask(body), 400)).toContain('twice')
      expect(await messageOf(await askAll(`{"evaluations":[${body}]}`), 400)).toContain('twice')
    })
  }

  verifies(['azn-11.5-a'], 'half a character is 400, as an escape and as bytes', async () => {
    const escaped = JSON.stringify(but({ subject: { type: 'user', id: '?' } })).replace(
      '?',
      '\\ud800',
    )
    await messageOf(await ask(escaped), 400)
    await messageOf(await ask(`{"\\udc00":1,${JSON.stringify(PERMITTED).slice(1)}`), 400)
    const bytes = Buffer.from(JSON.stringify(but({ context: { x: '?' } })))
    bytes[bytes.lastIndexOf('?')] = 0xff
    const response = await fetch(evaluation, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: basic(pep) },
      body: bytes,
    })
    await messageOf(response, 400)
    expect(
      await decisionOf(await ask(but({ context: { emoji: '🎟️', escaped: '\ud83c\udf9f' } }))),
    ).toBe(true)
  })

  verifies(['azn-11.7-a'], 'batches, bodies, depth and parents have limits', async () => {
    const batch = (length: number) => ({ ...PERMITTED, evaluations: Array(length).fill({}) })
    expect(await decisionsOf(await askAll(batch(1_000)))).toEqual(Array(1_000).fill(true))
    expect(await messageOf(await askAll(batch(1_001)), 400)).toContain('1000')
    await messageOf(await askAll(batch(10_001)), 400)
    await messageOf(await askAll(batch(50_000)), 413)
    const deep = (depth: number) => `{"context":{"x":${'['.repeat(depth)}${']'.repeat(depth)}}}`
    await messageOf(await ask(deep(100)), 400)
    await messageOf(await ask(deep(30_000)), 400)
    const parents = (length: number) => Array.from({ length }, (_, n) => `school:${n}`)
    expect(await decisionOf(await ask(but({ context: { parents: parents(20) } })))).toBe(true)
    await messageOf(await ask(but({ context: { parents: parents(21) } })), 400)
  })
})
