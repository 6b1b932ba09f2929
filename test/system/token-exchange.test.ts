/**
 * Exchanged tokens end to end: they are void once the token they came from is, at every level, over any number of exchanges,
 * and also when both happen at once. The reverse does not hold, and no secret is left behind.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moveClock } from '../conformance/clock.ts'
import type { Login } from '../fixture/operator.ts'
import { activeTokens, basic, fetchToken, postForm, type TestClient } from '../fixture/requests.ts'
import { GRADES } from '../fixture/world.ts'
import {
  ACCESS,
  EXCHANGE,
  type ExchangeWorld,
  GATEWAY,
  startExchangeWorld,
} from './exchange-world.ts'
import { captureCommands, collectSecrets, findSecrets, piecesOf } from './secret-hunt.ts'

let at: ExchangeWorld

beforeAll(async () => {
  at = await startExchangeWorld()
})
afterAll(() => at.close())

/** Which of the tokens are active; both nodes must agree. */
async function active(tokens: readonly string[]): Promise<readonly string[]> {
  const { introspect } = at
  const answers = await Promise.all(introspect.map((node) => activeTokens(node, at.grades, tokens)))
  expect(answers[1]).toEqual(answers[0])
  return answers[0] as readonly string[]
}

/** Three exchanges in a row by two clients. */
async function chainFrom(token: string): Promise<readonly [string, string, string]> {
  const first = await at.exchange(token)
  const second = await at.exchange(first, {}, at.reports)
  return [first, second, await at.exchange(second)]
}

const nowOfRedis = async () => {
  const [seconds, microseconds] = await at.redis.direct.time()
  return Number(seconds) + Number(microseconds) / 1e6
}

describe('an exchanged token', () => {
  it('carries the login, the session and where it came from', async () => {
    const facts = { acr: 'mfa', amr: ['pwd', 'otp'], auth_time: 1_700_000_000 }
    const { access_token: parent, sid } = await at.login('alice', facts)
    const [first, second] = await chainFrom(parent)
    const origins = []
    for (const token of [parent, first]) {
      const { jti, grant_id, client_id } = await at.answer(token)
      origins.unshift({ jti, grant_id, client_id })
    }
    const answer = await at.answer(second)
    expect(answer).toMatchObject({ ...facts, sid, sub: 'alice', client_id: 'reports-api' })
    expect(answer.exchanged_from).toEqual(origins)
    expect(answer.jti).toBe(answer.grant_id)
    expect(await at.answer(parent)).not.toHaveProperty('exchanged_from')
    expect(await at.answer(parent)).not.toHaveProperty('act')
  })

  it('may come from a refreshed and narrowed token, and stays within that', async () => {
    const { refresh_token } = await at.login('alice')
    const form = { grant_type: 'refresh_token', refresh_token, scope: 'grades:read' }
    const response = await postForm(`${at.issuer}/token`, at.web, form)
    const { access_token } = (await response.json()) as Login
    const wider = await at.refusal(access_token, { scope: 'grades:read grades:write' })
    expect(wider.error).toBe('invalid_scope')
    expect((await at.answer(await at.exchange(access_token))).scope).toBe('grades:read')
  })

  it('may come from a token that a client got for itself', async () => {
    const parent = await fetchToken(at.issuer, at.reports)
    const child = await at.exchange(parent)
    expect(await at.answer(child)).toMatchObject({ sub: 'reports-api', client_id: 'gateway-api' })
    await at.revoke({ token: parent })
    expect(await active([child])).toEqual([])
  })

  it('may name an actor who lives in another partition', async () => {
    const { access_token } = await at.login('alice')
    const actors = await Promise.all(Array.from({ length: 20 }, (_, n) => at.login(`actor-${n}`)))
    for (const [n, actor] of actors.entries()) {
      const wishes = { actor_token: actor.access_token, actor_token_type: ACCESS }
      const { sub, act } = await at.answer(await at.exchange(access_token, wishes))
      expect({ sub, act }).toEqual({
        sub: 'alice',
        act: { sub: `actor-${n}`, client_id: 'gateway-api' },
      })
    }
  })

  it('is listed among the grants of its subject', async () => {
    const child = await at.exchange((await at.login('listed')).access_token)
    const response = await at.callAdmin('GET', '/subjects/listed/grants')
    const { grants } = (await response.json()) as { grants: Record<string, unknown>[] }
    const { grant_id } = await at.answer(child)
    expect(grants).toContainEqual(
      expect.objectContaining({ grant_id, client_id: 'gateway-api', refresh: false }),
    )
  })

  it('can be revoked by its own client, which spares what it came from', async () => {
    const { access_token: parent } = await at.login('alice')
    const [first, second, third] = await chainFrom(parent)
    const response = await postForm(`${at.issuer}/revoke`, at.reports, { token: second })
    expect(response.status).toBe(200)
    expect(await active([parent, first, second, third])).toEqual([parent, first])
  })
})

/** A login, and what it takes to void it. */
interface Origin extends Login {
  readonly sub: string
  readonly clientId: string
}

/** One level of the lattice. */
interface Level {
  readonly name: string
  /** Whether it takes the client with it. */
  readonly usesUpClient?: true
  target(origin: Origin): object | Promise<object>
}

const LEVELS: readonly Level[] = [
  { name: 'token', target: ({ access_token }) => ({ token: access_token }) },
  {
    name: 'token, by its id,',
    target: async ({ access_token }) => ({ jti: (await at.answer(access_token)).jti }),
  },
  { name: 'grant', target: ({ grant_id }) => ({ grant: grant_id }) },
  { name: 'refresh token', target: ({ refresh_token }) => ({ token: refresh_token }) },
  { name: 'session', target: ({ sid }) => ({ session: sid }) },
  { name: 'subject', target: ({ sub }) => ({ subject: sub }) },
  {
    name: 'subject and client',
    target: ({ sub, clientId }) => ({ subject: sub, client: clientId }),
  },
  { name: 'client', usesUpClient: true, target: ({ clientId }) => ({ client: clientId }) },
  { name: 'world', target: () => ({ all: true }) },
]

async function revokeAt(level: Level, origin: Origin, more: object = {}): Promise<void> {
  await at.revoke({ ...(await level.target(origin)), ...more })
  // The operator's own token may be among what is gone.
  await at.renewAdminToken()
}

const put = async (path: string, body: object) =>
  expect((await at.callAdmin('PUT', path, body)).status).toBe(200)

/** One way to void a login. */
interface WayToVoid {
  readonly name: string
  readonly usesUpClient?: true
  void(origin: Origin): Promise<unknown>
}

const WAYS: readonly WayToVoid[] = [
  ...LEVELS.map((level) => ({ ...level, void: (origin: Origin) => revokeAt(level, origin) })),
  {
    name: 'suspended subject',
    async void({ sub }) {
      await put(`/subjects/${sub}`, { status: 'suspended' })
      await put(`/subjects/${sub}`, { status: 'active' })
    },
  },
  {
    name: 'disabled client',
    usesUpClient: true,
    async void({ clientId }) {
      await put(`/clients/${clientId}`, { enabled: false })
      await put(`/clients/${clientId}`, { enabled: true })
    },
  },
  {
    name: 'deleted client',
    usesUpClient: true,
    async void({ clientId }) {
      await at.callAdmin('DELETE', `/clients/${clientId}`)
      await at.application(clientId)
    },
  },
]

let logins = 0
/** Logs a new user in, with a new client where the test needs one. */
async function originFor({ usesUpClient }: Pick<WayToVoid, 'usesUpClient'>): Promise<Origin> {
  const sub = `user-${logins++}`
  const clientId = usesUpClient === true ? `app-of-${sub}` : 'web-app'
  if (usesUpClient === true) await at.application(clientId)
  return { ...(await at.login(sub, { client_id: clientId })), sub, clientId }
}

describe('what came of a token dies with', () => {
  for (const way of WAYS) {
    it(`its ${way.name}`, async () => {
      const origin = await originFor(way)
      const chain = await chainFrom(origin.access_token)
      expect(await active(chain)).toEqual(chain)
      await way.void(origin)
      expect(await active([origin.access_token, ...chain])).toEqual([])
      for (const token of [origin.access_token, ...chain]) {
        expect((await at.refusal(token)).error).toBe('invalid_request')
      }
    })
  }

  it('a refresh token that was used twice', async () => {
    const login = await at.login('reused')
    const chain = await chainFrom(login.access_token)
    const second = (await (await at.refresh(at.web, login.refresh_token)).json()) as Login
    await at.refresh(at.web, second.refresh_token)
    expect(await active(chain)).toEqual(chain)
    expect((await at.refresh(at.web, login.refresh_token)).status).toBe(400)
    expect(await active(chain)).toEqual([])
  })

  for (const level of LEVELS) {
    // Judged by their own time of issue the newer tokens would live.
    it(`its ${level.name} as it was before the exchange`, async () => {
      const origin = await originFor(level)
      const issued_before = await nowOfRedis()
      const chain = await chainFrom(origin.access_token)
      await revokeAt(level, origin, { issued_before })
      expect(await active([origin.access_token, ...chain])).toEqual([])
    })

    it(`no ${level.name} that was void before it came to be`, async () => {
      const issued_before = await nowOfRedis()
      const origin = await originFor(level)
      const chain = await chainFrom(origin.access_token)
      await revokeAt(level, origin, { issued_before })
      expect(await active([origin.access_token, ...chain])).toHaveLength(4)
    })
  }

  it('the client that exchanged, and then spares what it came from', async () => {
    const { access_token: parent } = await at.login('spared')
    const exchanges = {
      grant_types: [EXCHANGE],
      scope: 'grades:read',
      resources: ['https://x.test'],
    }
    const ways: Record<string, (clientId: string) => Promise<unknown>> = {
      revoked: (client) => at.revoke({ client }),
      'revoked-for-one': (client) => at.revoke({ client, subject: 'spared' }),
      disabled: (id) => put(`/clients/${id}`, { enabled: false }),
      deleted: (id) => at.callAdmin('DELETE', `/clients/${id}`),
    }
    for (const [id, end] of Object.entries(ways)) {
      const middle = await at.register(id, exchanges)
      const origin = await at.login('spared', {
        client_id: 'web-app',
        resource: ['https://x.test', GATEWAY, GRADES],
      })
      const child = await at.exchange(origin.access_token, {}, middle)
      const grandchild = await at.exchange(child)
      expect(await active([child, grandchild])).toHaveLength(2)
      await end(id)
      expect(await active([parent, origin.access_token, child, grandchild])).toEqual([
        parent,
        origin.access_token,
      ])
    }
  })
})

describe('a revocation while exchanges are on their way', () => {
  const PARALLEL = 32
  /** Revoked once so many are done: the others are anywhere between the socket and the script. */
  const DONE_BEFORE = 6

  for (const way of WAYS) {
    it(`leaves nothing alive of its ${way.name}`, async () => {
      const origin = await originFor(way)
      const child = await at.exchange(origin.access_token)
      const issued = [child]
      let done = 0
      let revocation: Promise<unknown> | undefined
      const attempts = Array.from({ length: PARALLEL }, async (_, n) => {
        const [token, client] =
          n % 2 === 0 ? [origin.access_token, at.gateway] : [child, at.reports]
        const response = await at.send(token, {}, client)
        const body = (await response.json()) as { access_token?: string; error?: string }
        if (body.access_token === undefined) expect(body.error).toBe('invalid_request')
        else issued.push(body.access_token)
        if (++done === DONE_BEFORE) revocation = way.void(origin)
      })
      await Promise.all(attempts)
      await revocation
      expect(issued.length).toBeGreaterThan(DONE_BEFORE)
      expect(await active([origin.access_token, ...issued])).toEqual([])
    })
  }
})

describe('the scopes of the admin API', () => {
  let operator: TestClient

  const registration = { grant_types: ['client_credentials', EXCHANGE] }

  beforeAll(async () => {
    operator = await at.register('narrow-operator', {
      ...registration,
      scope: 'claimcheck:issue claimcheck:revoke claimcheck:admin',
    })
  })

  const listClients = (token: string) =>
    fetch(`${at.issuer}/admin/v1/clients`, {
      headers: { authorization: `Bearer ${token}` },
    })

  it('are not widened by an exchange', async () => {
    const parent = await fetchToken(at.issuer, operator, { scope: 'claimcheck:issue' })
    for (const scope of [
      'claimcheck:admin',
      'claimcheck:revoke',
      'claimcheck:issue claimcheck:admin',
    ]) {
      expect((await at.refusal(parent, { scope }, operator)).error).toBe('invalid_scope')
    }
    const child = await at.exchange(parent, {}, operator)
    expect((await listClients(child)).status).toBe(403)
  })

  it('do not pass to a client that is not registered for them any more', async () => {
    const former = await at.register('former-operator', {
      ...registration,
      scope: 'grades:read claimcheck:admin',
    })
    const parent = await fetchToken(at.issuer, former, { scope: 'claimcheck:admin' })
    expect((await listClients(parent)).status).toBe(200)
    const narrowed = { ...registration, scope: 'grades:read claimcheck:audit' }
    await at.callAdmin('PUT', '/clients/former-operator', narrowed)
    for (const scope of ['claimcheck:admin', 'claimcheck:audit']) {
      expect((await at.refusal(parent, { scope }, former)).error).toBe('invalid_scope')
    }
    expect((await listClients(await at.exchange(parent, {}, former))).status).toBe(403)
  })

  it('do not pass to a client that the token is not for', async () => {
    const stranger = await at.register('stranger', {
      ...registration,
      scope: 'grades:read',
    })
    const parent = await fetchToken(at.issuer, operator, { scope: 'claimcheck:admin' })
    expect((await at.refusal(parent, {}, stranger)).error).toBe('invalid_request')
  })

  it('are good in an exchanged token as long as in the one it came from', async () => {
    const parent = await fetchToken(at.issuer, operator, { scope: 'claimcheck:admin' })
    const child = await at.exchange(parent, {}, operator)
    expect((await listClients(child)).status).toBe(200)
    await at.revoke({ token: parent })
    expect((await listClients(child)).status).toBe(401)
  })
})

describe('bad input', () => {
  const sendRaw = (body: string | Buffer) =>
    fetch(`${at.issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: basic(at.gateway),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body,
    })
  const NOT_UTF8 = Buffer.from([0xff, 0xfe, 0xc0])
  const start = `grant_type=${encodeURIComponent(EXCHANGE)}&subject_token_type=${ACCESS}`

  it('as garbage is refused and is no fault of the server', async () => {
    const garbage = [
      '',
      '&subject_token',
      '&subject_token=%00',
      '&subject_token=%zz',
      '&subject_token=%ff',
      '&subject_token=a%0d%0aX-Evil:%201',
      '&subject_token=cc_at_',
      `&subject_token=cc_at_${'_'.repeat(68)}`,
      `&subject_token=cc_rt_${'A'.repeat(68)}`,
      `&subject_token=${'x'.repeat(60_000)}`,
      '&subject_token[]=a',
      '&subject_token=a&subject_token=b',
      '&subject_token=a&subject_token=',
      '&subject_token=a&actor_token=b&actor_token=c',
      '&subject_token=a&context=x:1&context=x:2',
      '&subject_token=a&role=x&role=y',
      '&subject_token=a&scope=x&scope=y',
      `&subject_token=a${'&resource=https://grades.test'.repeat(101)}`,
    ]
    for (const rest of garbage) {
      const response = await sendRaw(start + rest)
      expect([rest.slice(0, 60), response.status]).toEqual([rest.slice(0, 60), 400])
      expect(((await response.json()) as { error: string }).error).toBe('invalid_request')
      expect(response.headers.has('x-evil')).toBe(false)
    }
    const bytes = await sendRaw(Buffer.concat([Buffer.from(`${start}&subject_token=`), NOT_UTF8]))
    expect(bytes.status).toBe(400)
    expect((await sendRaw(`${start}&subject_token=${'x'.repeat(70_000)}`)).status).toBe(413)
  })

  it('never ends up in logs or in commands to Redis', async () => {
    const collector = collectSecrets()
    const capture = await captureCommands(at.redis.port, at.redis.direct)
    const logged = at.logs.length
    const { access_token, refresh_token } = await at.login('hunted')
    const actor = { actor_token: (await at.login('actor')).access_token, actor_token_type: ACCESS }
    const child = await at.exchange(access_token, actor)
    await at.exchange(child, {}, at.reports)
    const misplaced: Record<string, string>[] = [
      { audience: access_token },
      { audience: refresh_token },
      { resource: access_token },
      { context: access_token },
      { context: `course:1 ${access_token}` },
      { context: 'course:1', role: access_token },
      { requested_token_type: access_token },
      { actor_token: access_token, actor_token_type: refresh_token },
      { actor_token: refresh_token, actor_token_type: ACCESS },
      { subject_token: child },
      { [access_token]: 'x' },
    ]
    for (const wishes of misplaced) await (await at.send(access_token, wishes)).text()
    await (await at.send(refresh_token)).text()
    await (await at.send(`${access_token} ${child}`)).text()
    await at.revoke({ token: access_token })
    await (await at.send(child)).text()
    collector.restore()
    const pieces = piecesOf(collector.secrets)
    expect(collector.secrets.size).toBeGreaterThan(5)
    expect(collector.echoes).toEqual([])
    expect(findSecrets(await capture.end(), pieces)).toEqual([])
    const lines = at.logs.slice(logged)
    expect(findSecrets(lines.join(''), pieces)).toEqual([])
    expect(lines.filter((line) => /cc_[ar]t_…|\[redacted]/.test(line))).toEqual([])
    // The cause that the caller was not told.
    const causes = ['subject_token: revoked', 'subject_token: refresh-token', 'subject_token: junk']
    for (const cause of causes) expect(lines.join('')).toContain(cause)
  })
})

// Last, because time does not go back.
describe('the end of a token', () => {
  it('is the end of what came of it', async () => {
    const app = await at.application('brief-app')
    const brief = { grant_types: ['refresh_token'], scope: 'grades:read' }
    await put(`/clients/${app.client_id}`, { ...brief, access_token_lifetime: 30 })
    const { access_token } = await at.login('brief', { client_id: app.client_id })
    const { exp } = await at.answer(access_token)
    const chain = await chainFrom(access_token)
    for (const token of chain) expect((await at.answer(token)).exp).toBe(exp)
    await moveClock(at.redis, 31)
    expect(await active([access_token, ...chain])).toEqual([])
  })
})
