/**
 * An issuer caches the registration of a client. A change through another issuer must still count at once: nothing is issued
 * by an outdated registration.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerApplication } from '../fixture/clients.ts'
import type { Login } from '../fixture/operator.ts'
import { postForm, type TestClient } from '../fixture/requests.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { GRADES, startWorld, type World } from '../fixture/world.ts'

const UNCHANGED = {
  grant_types: ['client_credentials', 'refresh_token'],
  scope: 'grades:read',
  default_resources: [GRADES],
}

describe('a client that an issuer remembers', () => {
  let world: World
  /** Where clients are changed. */
  let other: TestServices
  let clients = 0
  let client: TestClient
  let granted: Login

  beforeAll(async () => {
    world = await startWorld()
    other = await startServices({ redisUrl: world.redis.url })
    world.onClose(other.close)
  })

  afterAll(() => world.close())

  const issue = (presented = client, form = {}) =>
    postForm(`${world.issuer}/token`, presented, { grant_type: 'client_credentials', ...form })

  const change = async (method: string, path: string, body?: object) => {
    const response = await other.callAdmin(method, `/clients/${client.client_id}${path}`, body)
    expect(response.ok).toBe(true)
    return response
  }

  /** Registers a client, and lets the issuer cache its registration. */
  async function remember(): Promise<void> {
    client = await registerApplication(other, `app-${clients++}`)
    await change('PUT', '', UNCHANGED)
    granted = await world.login('alice', { client_id: client.client_id })
    expect((await issue()).status).toBe(200)
    expect((await issue()).status).toBe(200)
  }

  async function expectRefused(error: string, status: number): Promise<void> {
    for (const response of [await issue(), await world.refresh(client, granted.refresh_token)]) {
      expect(response.status).toBe(status)
      expect(await response.json()).toMatchObject({ error })
    }
  }

  it('is refused at once when its secret was revoked', async () => {
    await remember()
    const added = await change('POST', '/secrets', { revoke_others: true })
    await expectRefused('invalid_client', 401)
    const lines = world.logs.map((line) => JSON.parse(line)).filter(({ status }) => status)
    for (const line of lines.slice(-2)) {
      expect(line).toMatchObject({ route: '/token', status: 401 })
      expect(line).not.toHaveProperty('client_id')
    }
    const { client_secret } = (await added.json()) as TestClient
    expect((await issue({ ...client, client_secret })).status).toBe(200)
    await expectRefused('invalid_client', 401)
  })

  it('cannot refresh with a revoked secret', async () => {
    await remember()
    await change('POST', '/secrets', { revoke_others: true })
    expect((await world.refresh(client, granted.refresh_token)).status).toBe(401)
  })

  it('is refused at once when it was disabled, and when it was deleted', async () => {
    await remember()
    await change('PUT', '', { ...UNCHANGED, enabled: false })
    await expectRefused('invalid_client', 401)
    await remember()
    await change('DELETE', '')
    await expectRefused('invalid_client', 401)
  })

  it('is refused at once what it may no longer do', async () => {
    await remember()
    await change('PUT', '', { ...UNCHANGED, grant_types: [] })
    await expectRefused('unauthorized_client', 400)
  })

  it('gets the scopes of its new registration, and no others', async () => {
    await remember()
    await change('PUT', '', { ...UNCHANGED, scope: 'grades:read grades:write' })
    const wider = await issue(client, { scope: 'grades:write' })
    expect(await wider.json()).toMatchObject({ scope: 'grades:write' })
    await change('PUT', '', { ...UNCHANGED, scope: 'grades:write' })
    expect((await issue(client, { scope: 'grades:read' })).status).toBe(400)
    expect(await (await issue()).json()).toMatchObject({ scope: 'grades:write' })
  })

  it('has tokens for as long as it is registered for', async () => {
    await remember()
    await change('PUT', '', { ...UNCHANGED, access_token_lifetime: 60 })
    expect(await (await issue()).json()).toMatchObject({ expires_in: 60 })
    const refreshed = await world.refresh(client, granted.refresh_token)
    expect(await refreshed.json()).toMatchObject({ expires_in: 60 })
  })
})
