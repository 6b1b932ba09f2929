/**
 * Two issuers change one client at once. Every partition ends with the same registration, and what either of them
 * acknowledged holds: disabling or deleting a client revokes its tokens, even if the other issuer changes the client meanwhile.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerApplication } from '../fixture/clients.ts'
import { activeTokens } from '../fixture/requests.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { startWorld, type World } from '../fixture/world.ts'
import { registrationsOf, SUBJECTS_OF_ALL_PARTITIONS } from './all-partitions.ts'
import { naming, type RedisProxy, startRedisProxy } from './redis-proxy.ts'

describe('two issuers that change one client at once', () => {
  /** Its issuer is the other one. */
  let fast: World
  /** Its issuer reaches Redis through the proxy, which can hold it up. */
  let slow: TestServices
  let proxy: RedisProxy

  beforeAll(async () => {
    fast = await startWorld()
    proxy = await startRedisProxy(fast.redis.port)
    fast.onClose(proxy.close)
    slow = await startServices({
      redisUrl: fast.redis.url,
      issuerStore: { url: proxy.url, commandTimeoutMs: 20_000 },
    })
    fast.onClose(slow.close)
  })

  afterAll(() => fast.close())

  const registrations = (clientId: string) => registrationsOf(fast.redis, clientId)
  const tokensOf = async (clientId: string) =>
    Promise.all(
      SUBJECTS_OF_ALL_PARTITIONS.map(
        async (sub) => (await fast.login(sub, { client_id: clientId })).access_token,
      ),
    )
  const active = async (tokens: readonly string[]) => {
    const nodes = [...slow.introspect, ...fast.introspect]
    const answers = await Promise.all(nodes.map((node) => activeTokens(node, fast.grades, tokens)))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    return answers[0] as readonly string[]
  }
  const path = (id: string) => `/clients/${id}`

  /** The slow issuer stops after `passing` partitions, the fast one does its change, the slow one goes on. */
  async function overtake(
    id: string,
    passing: number,
    slowly: () => Promise<Response>,
    meanwhile: () => Promise<Response>,
  ): Promise<readonly [Response, Response]> {
    const held = proxy.holdAfter(passing, naming(`"client_id":"${id}"`))
    const overtaken = slowly()
    await held
    const overtaking = await meanwhile()
    proxy.mend()
    return [await overtaken, overtaking]
  }

  it('end with one registration, whatever the order of arrival', async () => {
    await registerApplication(fast, 'raced')
    for (let round = 0; round < 10; round++) {
      const writers = [slow, fast, slow, fast].map((issuer, n) =>
        issuer.callAdmin('PUT', path('raced'), { client_name: `${round}-${n}` }),
      )
      for (const response of await Promise.all(writers)) expect(response.status).toBe(200)
      expect(await registrations('raced')).toHaveLength(1)
    }
  })

  for (const passing of [1, 30]) {
    it(`keep the newer registration when the older one stopped at ${passing}`, async () => {
      const id = `overtaken-${passing}`
      await registerApplication(fast, id)
      const [older, newer] = await overtake(
        id,
        passing,
        () => slow.callAdmin('PUT', path(id), { client_name: 'older' }),
        () => fast.callAdmin('PUT', path(id), { client_name: 'newer' }),
      )
      expect([older.status, newer.status]).toEqual([200, 200])
      expect(await registrations(id)).toHaveLength(1)
      const read = (await (await slow.callAdmin('GET', path(id))).json()) as object
      expect(read).toMatchObject({ client_name: 'newer' })
    })
  }

  it('do not bring a deleted client back', async () => {
    await registerApplication(fast, 'gone')
    const tokens = await tokensOf('gone')
    const [, removed] = await overtake(
      'gone',
      20,
      () => slow.callAdmin('PUT', path('gone'), { client_name: 'late' }),
      () => fast.callAdmin('DELETE', path('gone')),
    )
    expect(removed.status).toBe(204)
    expect(await registrations('gone')).toHaveLength(1)
    expect((await slow.callAdmin('GET', path('gone'))).status).toBe(404)
    expect(await active(tokens)).toHaveLength(0)
  })

  it('revoke what was issued when a disabling is overtaken by an enabling', async () => {
    await registerApplication(fast, 'toggled')
    const registration = await (await fast.callAdmin('GET', path('toggled'))).json()
    const tokens = await tokensOf('toggled')
    const [disabled, enabled] = await overtake(
      'toggled',
      1,
      () => slow.callAdmin('PUT', path('toggled'), { ...(registration as object), enabled: false }),
      () => fast.callAdmin('PUT', path('toggled'), { ...(registration as object), enabled: true }),
    )
    expect([disabled.status, enabled.status]).toEqual([200, 200])
    expect(await registrations('toggled')).toHaveLength(1)
    expect(await active(tokens)).toHaveLength(0)
  })

  it('revoke what was issued when a deletion is overtaken by a new registration', async () => {
    await registerApplication(fast, 'renewed')
    const tokens = await tokensOf('renewed')
    const [removed, renewed] = await overtake(
      'renewed',
      1,
      () => slow.callAdmin('DELETE', path('renewed')),
      () => fast.callAdmin('PUT', path('renewed'), {}),
    )
    expect([removed.status, renewed.status]).toEqual([204, 201])
    expect(await active(tokens)).toHaveLength(0)
  })
})
