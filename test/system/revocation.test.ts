/** A revocation of any level holds on the very next introspection, at a node that had no part in it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { fetchToken, introspectText, postForm, type TestClient } from '../fixture/requests.ts'
import { startServices, type TestServices } from '../fixture/services.ts'

const INACTIVE = '{"active":false}'

interface IssuedBody {
  readonly access_token: string
  readonly refresh_token: string
  readonly grant_id: string
  readonly sid: string
}

describe('revocation', () => {
  let redis: TestRedis
  let services: TestServices
  let grades: TestClient
  let web: TestClient

  beforeAll(async () => {
    redis = await startRedis()
    services = await startServices({ redisUrl: redis.url })
    grades = await services.register('grades-api', {
      introspect: true,
      resources: ['https://grades.test'],
    })
    web = await services.register('web-app', {
      grant_types: ['client_credentials', 'refresh_token'],
      scope: 'grades:read grades:write',
      default_resources: ['https://grades.test'],
    })
  })

  afterAll(async () => {
    await services.close()
    await redis.stop()
  })

  async function login(sub: string): Promise<IssuedBody> {
    const response = await services.callAdmin('POST', '/tokens', {
      sub,
      client_id: 'web-app',
      refresh: true,
    })
    expect(response.status).toBe(200)
    return (await response.json()) as IssuedBody
  }

  const atSecondNode = (token: string) => introspectText(services.introspect[1], grades, token)

  async function revoke(target: object): Promise<Record<string, unknown>> {
    const response = await services.callAdmin('POST', '/revocations', target)
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, unknown>
  }

  it('answers what a live token resolves to', async () => {
    const { access_token, grant_id, sid } = await login('alice')
    const answer = JSON.parse(await atSecondNode(access_token)) as Record<string, unknown>
    expect(answer).toMatchObject({
      active: true,
      iss: services.issuer,
      sub: 'alice',
      client_id: 'web-app',
      scope: 'grades:read grades:write',
      aud: ['https://grades.test'],
      token_type: 'Bearer',
      grant_id,
      sid,
    })
  })

  it('takes back one access token by /revoke', async () => {
    const token = await fetchToken(services.issuer, web)
    expect(await atSecondNode(token)).not.toBe(INACTIVE)
    const response = await postForm(`${services.issuer}/revoke`, web, { token })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(await atSecondNode(token)).toBe(INACTIVE)
  })

  const targets: Record<string, (issued: IssuedBody) => object> = {
    token: ({ access_token }) => ({ token: access_token }),
    'refresh token': ({ refresh_token }) => ({ token: refresh_token }),
    grant: ({ grant_id }) => ({ grant: grant_id }),
    session: ({ sid }) => ({ session: sid }),
    subject: () => ({ subject: 'bob' }),
    'subject and client': () => ({ subject: 'bob', client: 'web-app' }),
    client: () => ({ client: 'web-app' }),
  }
  for (const [level, targetOf] of Object.entries(targets)) {
    it(`takes back by ${level}`, async () => {
      const issued = await login('bob')
      expect(await atSecondNode(issued.access_token)).not.toBe(INACTIVE)
      const revocation = await revoke({ ...targetOf(issued), reason: 'a test' })
      expect(revocation).toMatchObject({ dry_run: false })
      expect(await atSecondNode(issued.access_token)).toBe(INACTIVE)
      const again = await login('bob')
      expect(await atSecondNode(again.access_token)).not.toBe(INACTIVE)
    })
  }

  it('takes back everything', async () => {
    const other = await startServices({ redisUrl: redis.url })
    const { access_token } = await login('carol')
    await revoke({ all: true })
    expect(await introspectText(other.introspect[0], grades, access_token)).toBe(INACTIVE)
    await other.close()
  })
})
