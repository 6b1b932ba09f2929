/**
 * Changes in every partition that stop half-way: the failed call has promised nothing, a retry finishes it, and once it returns
 * the change holds in all partitions, also at a node that did not take part in it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerApplication } from '../fixture/clients.ts'
import { activeTokens } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { registrationsOf, SUBJECTS_OF_ALL_PARTITIONS } from './all-partitions.ts'
import { type ProxiedWorld, startProxiedWorld } from './proxied-world.ts'
import { naming } from './redis-proxy.ts'

describe('a change in every partition', () => {
  let world: ProxiedWorld

  beforeAll(async () => {
    world = await startProxiedWorld()
    // Redis has the scripts from now on, so that each call is one command.
    await world.callAdmin('POST', '/revocations', { client: 'grades-api' })
  })

  afterAll(() => world.close())

  const tokensOf = async (clientId: string) =>
    Promise.all(
      SUBJECTS_OF_ALL_PARTITIONS.map(
        async (sub) => (await world.login(sub, { client_id: clientId })).access_token,
      ),
    )
  const activeAtSecond = (tokens: readonly string[]) =>
    activeTokens(world.introspect[1], world.grades, tokens)
  const registrations = (clientId: string) => registrationsOf(world.redis, clientId)

  async function cutOff(name: string, passing: number, call: () => Promise<Response>) {
    const cut = world.proxy.cutAfter(passing, naming(name))
    const response = await call()
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    await cut
    world.proxy.mend()
    await waitFor(async () => (await fetch(`${world.issuer}/readyz`)).ok)
  }

  for (const passing of [0, 1, 7, 40, 63]) {
    it(`revokes a client after a cut behind ${passing} partitions`, async () => {
      const id = `revoked-${passing}`
      await registerApplication(world, id)
      const tokens = await tokensOf(id)
      const revoke = () => world.callAdmin('POST', '/revocations', { client: id })
      await cutOff(`"client_id":"${id}"`, passing, revoke)
      const left = await activeAtSecond(tokens)
      expect(left).toHaveLength(64 - passing)
      expect((await revoke()).status).toBe(200)
      expect(await activeAtSecond(tokens)).toHaveLength(0)
      expect(await activeAtSecond(await tokensOf(id))).toHaveLength(64)
    })
  }

  it('revokes everything after a cut half-way', async () => {
    const tokens = await tokensOf('web-app')
    const revoke = () => world.callAdmin('POST', '/revocations', { all: true })
    await cutOff('{"type":"all"}', 33, revoke)
    expect(await activeAtSecond(tokens)).toHaveLength(64 - 33)
    // The operator's own token may be among what is gone.
    await world.renewAdminToken()
    expect((await revoke()).status).toBe(200)
    expect(await activeAtSecond(tokens)).toHaveLength(0)
    await world.renewAdminToken()
  })

  it('disables a client after a cut half-way', async () => {
    await registerApplication(world, 'disabled')
    const tokens = await tokensOf('disabled')
    const disable = () => world.callAdmin('PUT', '/clients/disabled', { enabled: false })
    await cutOff('"client_id":"disabled"', 20, disable)
    expect(await activeAtSecond(tokens)).toHaveLength(64 - 20)
    expect((await disable()).status).toBe(200)
    expect(await activeAtSecond(tokens)).toHaveLength(0)
    expect(await registrations('disabled')).toHaveLength(1)
    await registerApplication(world, 'disabled')
    await world.callAdmin('PUT', '/clients/disabled', { enabled: true })
    expect(await activeAtSecond(tokens)).toHaveLength(0)
  })

  it('deletes a client after a cut half-way', async () => {
    await registerApplication(world, 'deleted')
    const tokens = await tokensOf('deleted')
    const remove = () => world.callAdmin('DELETE', '/clients/deleted')
    await cutOff('"client_id":"deleted"', 20, remove)
    const retried = await remove()
    // The retry may find the registration deleted already; it must still have finished the work.
    expect([204, 404]).toContain(retried.status)
    expect(await activeAtSecond(tokens)).toHaveLength(0)
    expect(await registrations('deleted')).toHaveLength(1)
    expect((await world.callAdmin('GET', '/clients/deleted')).status).toBe(404)
    await registerApplication(world, 'deleted')
    expect(await activeAtSecond(tokens)).toHaveLength(0)
    expect(await activeAtSecond(await tokensOf('deleted'))).toHaveLength(64)
  })

  it('registers a client after a cut half-way', async () => {
    const metadata = { scope: 'a', resources: ['https://late.test'], introspect: true }
    const put = () => world.callAdmin('PUT', '/clients/registered', metadata)
    await cutOff('"client_id":"registered"', 20, put)
    expect((await put()).status).toBeLessThan(300)
    expect(await registrations('registered')).toHaveLength(1)
    const response = await world.callAdmin('POST', '/tokens', {
      sub: SUBJECTS_OF_ALL_PARTITIONS[63],
      client_id: 'web-app',
      resource: 'https://late.test',
    })
    expect(response.status).toBe(200)
  })

  it('adds a secret after a cut half-way, and the one in use stays good', async () => {
    const client = await world.register('rotating', { introspect: true, resources: ['urn:r'] })
    const add = () => world.callAdmin('POST', '/clients/rotating/secrets')
    await cutOff('"client_id":"rotating"', 20, add)
    const added = await add()
    expect(added.status).toBe(201)
    const { client_secret } = (await added.json()) as { client_secret: string }
    expect(await registrations('rotating')).toHaveLength(1)
    const node = world.introspect[1]
    const tokens = await tokensOf('web-app')
    expect(await activeTokens(node, { ...client, client_secret }, tokens)).toEqual([])
    expect(await activeTokens(node, client, tokens)).toEqual([])
  })
})
