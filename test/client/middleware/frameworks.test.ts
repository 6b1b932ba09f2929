/** The middleware in the real frameworks, over HTTP, against the real services. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../../client/src/index.ts'
import type { ContextSource, Protection } from '../../../client/src/middleware/guard.ts'
import { freePort } from '../../fixture/redis-server.ts'
import { GRADES, startWorld, type World } from '../../fixture/world.ts'
import { APPLICATIONS, type Application, type Routes } from './applications.ts'

let world: World
let claims: Client
let cutOff: Client
let token: string

beforeAll(async () => {
  world = await startWorld()
  const { grades } = world
  const credentials = { clientId: grades.client_id, clientSecret: grades.client_secret }
  claims = createClient({ issuer: world.issuer, ...credentials })
  cutOff = createClient({ issuer: `http://127.0.0.1:${await freePort()}`, ...credentials })
  world.onClose(() => {
    claims.close()
    cutOff.close()
  })
  token = (await world.login('alice')).access_token
})

afterAll(() => world.close())

/** Sends headers as they stand, repeated ones too; `fetch` would join those. */
async function get(
  url: string,
  ...authorizations: string[]
): Promise<IncomingMessage & { text: string }> {
  const headers = authorizations.flatMap((value) => ['Authorization', value])
  const sent = request(url, { headers: ['Host', new URL(url).host, ...headers], agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return Object.assign(answer, { text })
}

const bearer = (value: string): string => `Bearer ${value}`
const challenge = (answer: IncomingMessage) => answer.headers['www-authenticate']

function routes(paramId: (request: never) => string | undefined): Routes {
  const course: ContextSource<never> = (request) => `course:${paramId(request)}`
  const table: Record<string, Protection<never>> = {
    any: {},
    read: { scope: 'grades:read', audience: GRADES },
    pay: { scope: 'grades:read payments' },
    elsewhere: { audience: 'https://elsewhere.test' },
    taught: { role: 'teacher', context: course },
    named: { context: async (request) => `course:${paramId(request)}` },
    broken: {
      context: () => {
        throw new Error('the context is not known')
      },
    },
    spaced: { role: 'teacher', context: () => 'course:1 course:2' },
    shapeless: { role: 'teacher', context: () => undefined as unknown as string },
  }
  return table
}

describe.each(Object.entries(APPLICATIONS))('%s', (_name, start) => {
  let app: Application
  let dark: Application

  beforeAll(async () => {
    app = await start(claims, routes)
    dark = await start(cutOff, routes)
  })

  afterAll(async () => {
    await app?.close()
    await dark?.close()
  })

  async function expectRefusal(
    status: number,
    error: string | undefined,
    path: string,
    ...authorizations: string[]
  ): Promise<IncomingMessage> {
    const before = app.handled()
    const answer = await get(app.url + path, ...authorizations)
    expect(answer.statusCode).toBe(status)
    expect(answer.text).toBe(error === undefined ? '' : JSON.stringify({ error }))
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(app.handled()).toBe(before)
    return answer
  }

  it('lets a good token pass, and hands the facts on', async () => {
    for (const path of ['/any/1', '/read/1', '/named/1']) {
      const answer = await get(app.url + path, bearer(token))
      expect([answer.statusCode, answer.text]).toEqual([200, '{"sub":"alice"}'])
    }
  })

  it.each(['bearer', 'BEARER', 'Bearer '])('takes the scheme as "%s"', async (scheme) => {
    expect((await get(`${app.url}/any/1`, `${scheme} ${token}`)).statusCode).toBe(200)
  })

  it('asks for credentials without an error code when there are none', async () => {
    const challenges = [
      await expectRefusal(401, undefined, '/read/1'),
      await expectRefusal(401, undefined, '/read/1', 'Basic YTpi'),
      await expectRefusal(401, undefined, '/read/1', `Bearerish ${token}`),
    ].map(challenge)
    expect(new Set(challenges)).toEqual(new Set(['Bearer realm="claimcheck"']))
  })

  it('does not look for tokens in the query', async () => {
    await expectRefusal(401, undefined, `/any/1?access_token=${token}`)
  })

  it.each([
    ['no token', () => ['Bearer']],
    ['a comma', () => [bearer(`${token},${token}`)]],
    ['a space', () => [bearer(`${token} ${token}`)]],
    ['a second header', () => [bearer(token), bearer(token)]],
    ['a second header after another scheme', () => ['Basic YTpi', bearer(token)]],
  ])('calls a header with %s malformed', async (_what, authorizations) => {
    const answer = await expectRefusal(400, 'invalid_request', '/any/1', ...authorizations())
    expect(challenge(answer)).toMatch(/^Bearer realm="claimcheck", error="invalid_request"/)
  })

  it('refuses unknown, foreign and revoked tokens alike', async () => {
    const lost = (await world.login('bob')).access_token
    expect((await get(`${app.url}/any/1`, bearer(lost))).statusCode).toBe(200)
    const revocation = await world.callAdmin('POST', '/revocations', { token: lost })
    expect(revocation.ok).toBe(true)
    const { app: live, close } = await liveApplication()
    const answers = [
      await expectRefusal(401, 'invalid_token', '/any/1', bearer('nonsense')),
      await expectRefusal(401, 'invalid_token', '/elsewhere/1', bearer(token)),
      await get(`${live.url}/fresh/1`, bearer(lost)),
    ]
    await close()
    expect(answers.map((answer) => answer.statusCode)).toEqual([401, 401, 401])
    expect(new Set(answers.map(challenge)).size).toBe(1)
    expect(challenge(answers[0] as IncomingMessage)).toContain('error="invalid_token"')
  })

  /** Asks the service for each decision, so that a revocation that has returned is seen at once. */
  async function liveApplication() {
    const live = await start(claims, () => ({ fresh: { freshness: 'live' } }))
    return { app: live, close: () => live.close() }
  }

  it('names the scope that is missing', async () => {
    const answer = await expectRefusal(403, 'insufficient_scope', '/pay/1', bearer(token))
    expect(challenge(answer)).toBe(
      'Bearer realm="claimcheck", error="insufficient_scope", scope="grades:read payments"',
    )
  })

  it('refuses who does not hold the role in the context', async () => {
    const answer = await expectRefusal(403, 'insufficient_scope', '/taught/1', bearer(token))
    expect(challenge(answer)).toBe('Bearer realm="claimcheck", error="insufficient_scope"')
  })

  it('says when to come back if the truth cannot be had', async () => {
    const answer = await get(`${dark.url}/any/1`, bearer(token))
    expect([answer.statusCode, answer.text]).toEqual([503, '{"error":"temporarily_unavailable"}'])
    expect(answer.headers['retry-after']).toBe('1')
    expect(challenge(answer)).toBeUndefined()
    expect(dark.handled()).toBe(0)
  })

  it.each(['broken', 'spaced', 'shapeless'])(
    'fails a request whose context is %s, and lets nobody in',
    async (name) => {
      const before = app.handled()
      const answer = await get(`${app.url}/${name}/1`, bearer(token))
      expect(answer.statusCode).toBe(500)
      expect(answer.text).not.toContain(token)
      expect(app.handled()).toBe(before)
      expect((await get(`${app.url}/${name}/1`)).statusCode).toBe(401)
    },
  )

  it('asks for the role in the context that the request names', async () => {
    const asked: unknown[] = []
    const recording = await start(
      {
        async authorize(...question) {
          asked.push(question)
          return claims.authorize(...question)
        },
      },
      routes,
    )
    await get(`${recording.url}/taught/101`, bearer(token))
    await recording.close()
    expect(asked).toEqual([[token, { role: 'teacher', context: 'course:101' }, {}]])
  })
})
