/** The admin API: who may use it, what its routes do, and that bad input gets a clear problem and changes nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchToken, postForm, type TestClient } from '../fixture/requests.ts'
import { GRADES, INACTIVE, startWorld, type World } from '../fixture/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

type Json = Record<string, unknown>

async function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Json }> {
  const response = await world.callAdmin(method, path, body)
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json) }
}

async function raw(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${world.adminToken()}`, ...init.headers }
  return fetch(`${world.issuer}/admin/v1${path}`, { ...init, method, headers })
}

const login = (body: Json = {}) =>
  call('POST', '/tokens', { sub: 'alice', client_id: 'web-app', ...body })
const introspect = async (token: unknown) => JSON.parse(await world.verdict(String(token))) as Json

/** Every route with a valid body; the tests call them without the right to. */
const ROUTES: readonly (readonly [method: string, path: string, scope: string, body?: unknown])[] =
  [
    ['POST', '/tokens', 'claimcheck:issue', { sub: 'x', client_id: 'web-app' }],
    ['POST', '/revocations', 'claimcheck:revoke', { subject: 'nobody' }],
    ['GET', '/clients', 'claimcheck:clients'],
    ['GET', '/clients/web-app', 'claimcheck:clients'],
    ['PUT', '/clients/scratch', 'claimcheck:clients', {}],
    ['POST', '/clients/scratch/secrets', 'claimcheck:clients'],
    ['DELETE', '/clients/scratch', 'claimcheck:clients'],
    ['GET', '/subjects/alice', 'claimcheck:roles'],
    ['PUT', '/subjects/nobody', 'claimcheck:roles', { name: 'Nobody' }],
    ['GET', '/subjects/alice/sessions', 'claimcheck:revoke'],
    ['GET', '/subjects/alice/grants', 'claimcheck:revoke'],
  ]

describe('who may use it', () => {
  for (const [method, path, scope, body] of ROUTES) {
    it(`${method} ${path} takes ${scope}, and no less`, async () => {
      const send = (authorization?: string) =>
        fetch(`${world.issuer}/admin/v1${path}`, {
          method,
          headers: {
            ...(authorization === undefined ? {} : { authorization }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
      const statusOf = async (token: string) => (await send(`Bearer ${token}`)).status
      const holder = async (scopes: string) => {
        const client = await world.register('holder', { scope: scopes })
        return fetchToken(world.issuer, client)
      }

      const missing = await send()
      expect([missing.status, missing.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="claimcheck"',
      ])
      expect(missing.headers.get('content-type')).toBe('application/problem+json')
      expect((await send('Bearer a b')).status).toBe(400)
      expect((await send('Basic YTpi')).status).toBe(401)
      const junk = await send(`Bearer cc_at_${'x'.repeat(68)}`)
      expect([junk.status, junk.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('error="invalid_token"'),
      ])
      const other = scope === 'claimcheck:audit' ? 'claimcheck:issue' : 'claimcheck:audit'
      const poor = await send(`Bearer ${await holder(other)}`)
      expect([poor.status, poor.headers.get('www-authenticate')]).toEqual([
        403,
        expect.stringContaining(`scope="${scope}"`),
      ])
      expect(await statusOf(await holder(scope))).toBeLessThan(300)
    })
  }

  it('is refused with a token that was revoked or is for another audience', async () => {
    const client = await world.register('operator', { scope: 'claimcheck:admin' })
    const token = await fetchToken(world.issuer, client)
    const list = (bearer: string) =>
      raw('GET', '/clients', { headers: { authorization: `Bearer ${bearer}` } })
    expect((await list(token)).status).toBe(200)
    await call('POST', '/revocations', { token })
    expect((await list(token)).status).toBe(401)
    const elsewhere = await fetchToken(world.issuer, client, { resource: GRADES })
    expect((await list(elsewhere)).status).toBe(401)
  })
})

describe('bad input', () => {
  const bodies: readonly (readonly [
    method: string,
    path: string,
    body: unknown,
    pointer: string,
  ])[] = [
    ['POST', '/tokens', { client_id: 'web-app' }, '/sub'],
    ['POST', '/tokens', { sub: 7, client_id: 'web-app' }, '/sub'],
    ['POST', '/tokens', { sub: '', client_id: 'web-app' }, '/sub'],
    ['POST', '/tokens', { sub: '..', client_id: 'web-app' }, '/sub'],
    ['POST', '/tokens', { sub: 'a\nb', client_id: 'web-app' }, '/sub'],
    ['POST', '/tokens', { sub: 'a'.repeat(256), client_id: 'web-app' }, '/sub'],
    ['POST', '/tokens', { sub: 'a', client_id: 'web-app', scope: 'a  b' }, '/scope'],
    ['POST', '/tokens', { sub: 'a', client_id: 'web-app', resource: '/relative' }, '/resource/0'],
    ['POST', '/tokens', { sub: 'a', client_id: 'web-app', refresh: 'yes' }, '/refresh'],
    ['POST', '/tokens', { sub: 'a', client_id: 'web-app', auth_time: 1.5 }, '/auth_time'],
    [
      'POST',
      '/tokens',
      { sub: 'a', client_id: 'web-app', session: { ip: 'x', os: 'y' } },
      '/session/os',
    ],
    ['POST', '/tokens', { sub: 'a', client_id: 'web-app', surprise: 1 }, '/surprise'],
    ['POST', '/revocations', { subject: '\u0000' }, '/subject'],
    ['POST', '/revocations', { all: false }, '/all'],
    ['POST', '/revocations', { subject: 'a', issued_before: 'yesterday' }, '/issued_before'],
    ['POST', '/revocations', { subject: 'a', issued_before: -1 }, '/issued_before'],
    ['POST', '/revocations', { subject: 'a', issued_after: '1h' }, '/issued_after'],
    ['POST', '/revocations', { subject: 'a', issued_after: 5, issued_before: 5 }, '/issued_after'],
    ['POST', '/revocations', { token: 'x'.repeat(5_000) }, '/token'],
    ['PUT', '/clients/scratch', { introspect: 'yes' }, '/introspect'],
    ['PUT', '/clients/scratch', { grant_types: ['password'] }, '/grant_types/0'],
    ['PUT', '/clients/scratch', { scope: 'tab\there' }, '/scope'],
    ['PUT', '/clients/scratch', { resources: ['https://a.test#fragment'] }, '/resources/0'],
    ['PUT', '/clients/scratch', { access_token_lifetime: 0 }, '/access_token_lifetime'],
    ['PUT', '/clients/scratch', { access_token_lifetime: 86_401 }, '/access_token_lifetime'],
    [
      'PUT',
      '/clients/scratch',
      { token_endpoint_auth_method: 'none', introspect: true },
      '/introspect',
    ],
    ['PUT', '/clients/scratch', { client_secret: 'mine' }, '/client_secret'],
    ['POST', '/clients/web-app/secrets', { revoke_others: 1 }, '/revoke_others'],
    ['PUT', '/subjects/alice', { active: true }, '/active'],
    ['PUT', '/subjects/alice', { status: 'gone' }, '/status'],
    ['PUT', '/subjects/alice', { note: 'x'.repeat(5_000) }, ''],
  ]
  for (const [method, path, body, pointer] of bodies) {
    it(`${method} ${path} ${JSON.stringify(body).slice(0, 60)} names ${pointer || 'the body'}`, async () => {
      const answer = await call(method, path, body)
      expect(answer).toMatchObject({
        status: 400,
        body: { type: 'urn:claimcheck:problem:invalid-body', status: 400 },
      })
      const errors = answer.body.errors as readonly { pointer: string; detail: string }[]
      expect(errors.map((error) => error.pointer)).toContain(pointer)
      expect(JSON.stringify(answer.body)).not.toContain('x'.repeat(100))
    })
  }

  it('that is not a JSON object is refused', async () => {
    const send = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
      raw('POST', '/revocations', { body, headers: { 'content-type': type } })
    const statusOf = async (response: Promise<Response>) => (await response).status
    expect(await statusOf(send('{"subject":'))).toBe(400)
    expect(await statusOf(send('[]'))).toBe(400)
    expect(await statusOf(send('null'))).toBe(400)
    expect(await statusOf(send(''))).toBe(400)
    expect(await statusOf(send(new Uint8Array([0x22, 0xff, 0x22])))).toBe(400)
    expect(await statusOf(send('{}', 'text/plain'))).toBe(415)
    expect(await statusOf(send(`{"reason":"${'x'.repeat(70_000)}"}`))).toBe(413)
  })

  it('in a path or query is refused, or finds nothing', async () => {
    const statusOf = async (path: string) => (await raw('GET', path)).status
    expect(await statusOf('/clients/%00')).toBe(400)
    expect(await statusOf(`/clients/${'x'.repeat(129)}`)).toBe(400)
    expect(await statusOf('/clients/unknown')).toBe(404)
    expect(await statusOf('/subjects/a%0Ab')).toBe(400)
    expect(await statusOf('/clients?limit=0')).toBe(400)
    expect(await statusOf('/clients?limit=1&limit=2')).toBe(400)
    expect(await statusOf('/clients?sort=name')).toBe(400)
    expect(await statusOf('/clients?cursor=%27')).toBe(400)
    expect(await statusOf('/subjects/alice/grants?cursor=bm9uc2Vuc2U')).toBe(400)
    expect(await statusOf('/nothing-here')).toBe(404)
    const wrong = await raw('DELETE', '/subjects/alice')
    expect([wrong.status, wrong.headers.get('content-type')]).toEqual([
      405,
      'application/problem+json',
    ])
  })
})

describe('tokens', () => {
  it('carry the facts of the login', async () => {
    const facts = { acr: 'gold', amr: ['pwd', 'otp'], auth_time: 1_700_000_000 }
    const { body } = await login({ ...facts, scope: 'grades:read', session: { ip: '192.0.2.1' } })
    expect(await introspect(body.access_token)).toMatchObject({ ...facts, scope: 'grades:read' })
  })

  it('of one session share its sid, and only its owner can join it', async () => {
    const first = (await login()).body
    const second = (await login({ sid: first.sid })).body
    expect(second.sid).toBe(first.sid)
    const foreign = await login({ sub: 'mallory', sid: first.sid })
    expect(foreign.status).toBe(422)
    const unknown = await login({ sid: 'nonsense' })
    expect(unknown.status).toBe(422)
  })

  it('are not minted in a session that was cut off, by whichever level', async () => {
    const { body } = await login({ sub: 'erin' })
    await call('POST', '/revocations', { subject: 'erin' })
    expect((await login({ sub: 'erin', sid: body.sid })).status).toBe(422)
  })

  it('are refused for what is not allowed', async () => {
    expect((await login({ client_id: 'unknown' })).status).toBe(422)
    expect((await login({ sub: 'web-app' })).status).toBe(422)
    expect((await login({ scope: 'everything' })).status).toBe(400)
    expect((await login({ resource: 'https://unknown.test' })).status).toBe(422)
    expect((await login({ client_id: 'grades-api', refresh: true })).status).toBe(422)
  })
})

describe('revocations', () => {
  it('name exactly one target', async () => {
    for (const body of [{}, { token: 'a', subject: 'b' }, { all: true, client: 'web-app' }]) {
      expect((await call('POST', '/revocations', body)).status).toBe(422)
    }
  })

  it('say so when there is nothing to revoke', async () => {
    for (const body of [
      { token: 'junk' },
      { grant: 'Axxx' },
      { session: 'A'.repeat(17) },
      { client: 'x' },
    ]) {
      expect((await call('POST', '/revocations', body)).status).toBe(404)
    }
    const future = await call('POST', '/revocations', {
      subject: 'a',
      issued_before: 9_000_000_000,
    })
    expect(future.status).toBe(422)
  })

  it('tell beforehand what they would do, and do not do it', async () => {
    const issued = await Promise.all([1, 2, 3].map(() => login({ sub: 'frank' })))
    const forecast = await call('POST', '/revocations', { subject: 'frank', dry_run: true })
    expect(forecast.body).toEqual({
      id: null,
      level: 'subject',
      cutoff: expect.any(Number),
      dry_run: true,
      affected: 3,
    })
    const [first] = issued
    expect(await introspect(first?.body.access_token)).toMatchObject({ active: true })
    const done = await call('POST', '/revocations', { subject: 'frank', reason: 'lost laptop' })
    expect(done.body).toMatchObject({ level: 'subject', dry_run: false, affected: 3 })
    expect(await introspect(first?.body.access_token)).toEqual({ active: false })
  })

  it('spare what was issued since, when told a time', async () => {
    const before = (await login({ sub: 'grace' })).body
    const after = (await login({ sub: 'grace' })).body
    const { jti } = await introspect(after.access_token)
    expect(jti).toEqual(expect.any(String))
    const issuedUs = await issueTimeUs(String(after.access_token))
    await call('POST', '/revocations', { subject: 'grace', issued_before: issuedUs / 1e6 })
    expect(await introspect(before.access_token)).toEqual({ active: false })
    expect(await introspect(after.access_token)).toMatchObject({ active: true })
  })

  it('take back what was issued in a span, and spare what is older', async () => {
    const tokens = []
    for (let n = 0; n < 3; n++) tokens.push((await login({ sub: 'ivan' })).body.access_token)
    const [first = 0, , third = 0] = await Promise.all(tokens.map((t) => issueTimeUs(String(t))))
    const span = { issued_after: first / 1e6, issued_before: third / 1e6 }
    const forecast = await call('POST', '/revocations', { subject: 'ivan', ...span, dry_run: true })
    expect(forecast.body).toEqual({
      ...{ id: null, level: 'subject', issued_after: first / 1e6, cutoff: (third - 1) / 1e6 },
      ...{ dry_run: true, affected: 1 },
    })
    const done = await call('POST', '/revocations', { subject: 'ivan', ...span })
    expect(done.body).toMatchObject({ issued_after: first / 1e6, dry_run: false, affected: 1 })
    const active = await Promise.all(tokens.map(async (token) => (await introspect(token)).active))
    expect(active).toEqual([true, false, true])
    const { body } = await call('GET', '/audit?subject=ivan&action=revocation.create')
    const [record] = body.records as { target: object }[]
    expect(record?.target).toMatchObject({
      level: 'subject',
      issued_after: span.issued_after,
      cutoff: (third - 1) / 1e6,
    })
  })

  it('refuse a span of the future, and one too many', async () => {
    const future = await call('POST', '/revocations', { all: true, issued_after: 9_000_000_000 })
    expect(future.status).toBe(422)
    const revoke = (n: number) =>
      call('POST', '/revocations', { subject: 'judy', issued_after: n, issued_before: n + 0.5 })
    for (let n = 1; n <= 8; n++) expect((await revoke(n)).status).toBe(200)
    const { status, body } = await revoke(9)
    expect([status, body.type]).toEqual([409, 'urn:claimcheck:problem:conflict'])
    expect((await call('POST', '/revocations', { subject: 'judy' })).status).toBe(200)
    expect((await revoke(9)).status).toBe(200)
  })

  async function issueTimeUs(token: string): Promise<number> {
    const { state } = await world.store.tokens.introspect(token, '')
    if (state.kind !== 'active') throw new Error('not active')
    return state.record.issuedAtUs
  }
})

describe('clients', () => {
  it('cannot be the issuer: they would see the tokens of its operators', async () => {
    const { status } = await call('PUT', '/clients/impostor', {
      introspect: true,
      resources: [world.issuer],
    })
    expect(status).toBe(422)
    expect((await call('GET', '/clients/impostor')).status).toBe(404)
  })

  it('keep two secrets, retire the oldest, and can keep only the newest', async () => {
    const first = await world.register('rotating', { scope: 'a' })
    const secret = async (body?: object) => {
      const { body: shown } = await call('POST', '/clients/rotating/secrets', body)
      return { client_id: 'rotating', client_secret: String(shown.client_secret) }
    }
    const works = async (client: TestClient) =>
      (await postForm(`${world.issuer}/token`, client, { grant_type: 'client_credentials' })).ok
    const second = await secret()
    expect([await works(first), await works(second)]).toEqual([true, true])
    const third = await secret()
    expect([await works(first), await works(second), await works(third)]).toEqual([
      false,
      true,
      true,
    ])
    const fourth = await secret({ revoke_others: true })
    expect([await works(third), await works(fourth)]).toEqual([false, true])
    expect(fourth.client_secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })

  it('show no secret when read', async () => {
    const { client_secret } = await world.register('discreet')
    const { body } = await call('GET', '/clients/discreet')
    expect(JSON.stringify(body)).not.toContain(client_secret)
    expect(body.secrets).toEqual([
      { secret_id: expect.any(String), created_at: expect.any(Number) },
    ])
    const put = await call('PUT', '/clients/discreet', body)
    expect(put).toEqual({ status: 200, body })
  })

  it('die with what they were issued, and do not revive it when they come back', async () => {
    const client = await world.register('mortal', { default_resources: [GRADES] })
    const token = await fetchToken(world.issuer, client)
    expect(await introspect(token)).toMatchObject({ active: true })
    await call('PUT', '/clients/mortal', {
      enabled: false,
      default_resources: [GRADES],
    })
    expect(await introspect(token)).toEqual({ active: false })
    expect((await call('PUT', '/clients/mortal', { scope: '' })).body.enabled).toBe(false)
    await call('PUT', '/clients/mortal', { enabled: true })
    expect(await introspect(token)).toEqual({ active: false })
    expect((await call('DELETE', '/clients/mortal')).status).toBe(204)
    expect((await call('DELETE', '/clients/mortal')).status).toBe(204)
    expect((await call('DELETE', '/clients/never-registered')).status).toBe(404)
    await world.register('mortal')
    expect(await introspect(token)).toEqual({ active: false })
  })

  it('are listed page by page', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => world.register(`listed-${i}`)))
    const seen = new Set<unknown>()
    let cursor: unknown
    do {
      const query = cursor === undefined ? '' : `&cursor=${cursor}`
      const { body } = await call('GET', `/clients?limit=7${query}`)
      for (const client of body.clients as readonly Json[]) seen.add(client.client_id)
      cursor = body.next_cursor
    } while (cursor !== undefined)
    for (let i = 0; i < 40; i++) expect(seen).toContain(`listed-${i}`)
  })
})

describe('subjects', () => {
  it('change what live tokens resolve to', async () => {
    const { body } = await login({ sub: 'heidi' })
    await call('PUT', '/subjects/heidi', { name: 'Heidi', email: 'heidi@school.test', team: ['x'] })
    expect(await introspect(body.access_token)).toMatchObject({
      name: 'Heidi',
      username: 'heidi@school.test',
      team: ['x'],
    })
    await call('PUT', '/subjects/heidi', { name: 'H.', email: null })
    const answer = await introspect(body.access_token)
    expect(answer).toMatchObject({ name: 'H.' })
    expect(answer).not.toHaveProperty('email')
  })

  it('are suspended with all they have, and come back with nothing', async () => {
    const { body } = await login({ sub: 'ivan', refresh: true })
    await call('PUT', '/subjects/ivan', { name: 'Ivan' })
    expect((await call('PUT', '/subjects/ivan', { status: 'suspended' })).body).toEqual({
      sub: 'ivan',
      name: 'Ivan',
      status: 'suspended',
    })
    expect(await introspect(body.access_token)).toEqual({ active: false })
    expect((await login({ sub: 'ivan' })).status).toBe(422)
    await call('PUT', '/subjects/ivan', { status: 'active' })
    expect(await world.verdict(String(body.access_token), 1)).toBe(INACTIVE)
    expect((await login({ sub: 'ivan' })).status).toBe(200)
  })

  it('list what is live, page by page, and nothing that is void', async () => {
    const issued = []
    for (let i = 0; i < 5; i++)
      issued.push((await login({ sub: 'judy', session: { ip: `192.0.2.${i}` } })).body)
    await call('POST', '/revocations', { session: issued[0]?.sid })
    await call('POST', '/revocations', { grant: issued[1]?.grant_id })
    const all = async (kind: string) => {
      const found: Json[] = []
      let cursor: unknown
      do {
        const query = cursor === undefined ? '' : `&cursor=${cursor}`
        const { body } = await call('GET', `/subjects/judy/${kind}?limit=2${query}`)
        found.push(...(body[kind] as Json[]))
        cursor = body.next_cursor
      } while (cursor !== undefined)
      return found
    }
    const grants = await all('grants')
    expect(grants.map(({ grant_id }) => grant_id).sort()).toEqual(
      issued
        .slice(2)
        .map(({ grant_id }) => grant_id)
        .sort(),
    )
    const sessions = await all('sessions')
    expect(sessions.map(({ ip }) => ip).sort()).toEqual([1, 2, 3, 4].map((i) => `192.0.2.${i}`))
  })

  it('may have any name that is text', async () => {
    for (const sub of ['a/b', 'ä ö', '%', '...', '{x}', "O'Brien <o@x>"]) {
      const { body } = await login({ sub })
      expect(await introspect(body.access_token)).toMatchObject({ sub })
      const { body: listed } = await call('GET', `/subjects/${encodeURIComponent(sub)}/grants`)
      expect(listed.grants).toHaveLength(1)
    }
  })
})
