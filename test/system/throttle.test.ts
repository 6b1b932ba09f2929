/**
 * Failed client authentication is throttled over all endpoints and all nodes together. A correct secret still passes at once,
 * so that an attacker cannot lock a client out by failing in its name.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FAILURES_ALLOWED } from '../../store/registry/auth-failures.ts'
import { basic, postForm, type TestClient } from '../fixture/requests.ts'
import { startWorld, type World } from '../fixture/world.ts'

type Endpoint = (client: TestClient) => Promise<Response>

describe('failed client authentication', () => {
  let world: World
  let endpoints: readonly Endpoint[]

  beforeAll(async () => {
    world = await startWorld()
    const { issuer, introspect } = world
    const [first, second] = introspect
    endpoints = [
      (client) => postForm(`${issuer}/token`, client, { grant_type: 'client_credentials' }),
      (client) => postForm(`${issuer}/revoke`, client, { token: 'x' }),
      (client) => postForm(`${first}/introspect`, client, { token: 'x' }),
      (client) => postForm(`${second}/introspect`, client, { token: 'x' }),
      (client) =>
        fetch(`${second}/introspect/batch`, {
          method: 'POST',
          headers: { authorization: basic(client), 'content-type': 'application/json' },
          body: '{"tokens":[]}',
        }),
      ({ client_id, client_secret }) =>
        postForm(`${first}/introspect`, undefined, { token: 'x', client_id, client_secret }),
    ]
  })

  afterAll(() => world.close())

  const wrong = (client_id: string): TestClient => ({ client_id, client_secret: 'x'.repeat(43) })
  const failures = (count: number, from = 0) =>
    Array.from({ length: count }, (_, n) => endpoints[(n + from) % endpoints.length] as Endpoint)

  async function exhaust(clientId: string): Promise<void> {
    for (const endpoint of failures(FAILURES_ALLOWED)) {
      const response = await endpoint(wrong(clientId))
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ error: 'invalid_client' })
    }
  }

  async function expectSlowed(clientId: string): Promise<void> {
    for (const endpoint of endpoints) {
      const response = await endpoint(wrong(clientId))
      expect(response.status).toBe(429)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(60)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic /)
      expect(await response.json()).toMatchObject({ error: 'invalid_client' })
    }
  }

  it('is counted over all endpoints of all nodes, and slowed at each', async () => {
    await exhaust('grades-api')
    await expectSlowed('grades-api')
  })

  it('does not stop the real client meanwhile', async () => {
    const statuses = await Promise.all(
      endpoints.map(async (endpoint) => (await endpoint(world.grades)).status),
    )
    expect(statuses).toEqual(endpoints.map(() => 200))
    await expectSlowed('grades-api')
  })

  it('of one client does not slow another', async () => {
    for (const endpoint of endpoints) expect((await endpoint(wrong('web-app'))).status).toBe(401)
  })

  it('is slowed alike for clients that do not exist', async () => {
    await exhaust('nobody')
    await expectSlowed('nobody')
  })

  it('is counted once for each of many at the same moment', async () => {
    const answers = await Promise.all(
      failures(FAILURES_ALLOWED * 3).map((endpoint) => endpoint(wrong('at-once'))),
    )
    const refused = answers.filter(({ status }) => status === 401)
    expect(refused).toHaveLength(FAILURES_ALLOWED)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(FAILURES_ALLOWED * 2)
  })

  it('leaves counters in Redis that name no client and no address, and expire', async () => {
    const counters = await world.redis.direct.keys('cc:failures*')
    expect(counters.length).toBeGreaterThanOrEqual(4)
    for (const counter of counters) {
      expect(counter).not.toMatch(/grades-api|web-app|nobody|127\.0\.0\.1/)
      expect(await world.redis.direct.pttl(counter)).toBeGreaterThan(0)
    }
  })
})
