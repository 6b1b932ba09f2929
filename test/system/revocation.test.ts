/** A revocation of any level holds on the very next introspection, at a node that did not take part in it. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Login } from '../fixture/operator.ts'
import { fetchToken, introspectText, postForm } from '../fixture/requests.ts'
import { startServices } from '../fixture/services.ts'
import { GRADES, INACTIVE, startWorld, type World } from '../fixture/world.ts'

describe('revocation', () => {
  let world: World

  beforeAll(async () => {
    world = await startWorld()
  })

  afterAll(() => world.close())

  const atSecondNode = (token: string) => world.verdict(token, 1)

  async function revoke(target: object): Promise<Record<string, unknown>> {
    const response = await world.callAdmin('POST', '/revocations', target)
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, unknown>
  }

  it('answers what a live token resolves to', async () => {
    const { access_token, grant_id, sid } = await world.login('alice')
    const answer = JSON.parse(await atSecondNode(access_token)) as Record<string, unknown>
    expect(answer).toMatchObject({
      active: true,
      iss: world.issuer,
      sub: 'alice',
      client_id: 'web-app',
      scope: 'grades:read grades:write',
      aud: [GRADES],
      token_type: 'Bearer',
      grant_id,
      sid,
    })
  })

  it('revokes one access token by /revoke', async () => {
    const token = await fetchToken(world.issuer, world.web)
    expect(await atSecondNode(token)).not.toBe(INACTIVE)
    const response = await postForm(`${world.issuer}/revoke`, world.web, { token })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(await atSecondNode(token)).toBe(INACTIVE)
  })

  const targets: Record<string, (issued: Login) => object> = {
    token: ({ access_token }) => ({ token: access_token }),
    'refresh token': ({ refresh_token }) => ({ token: refresh_token }),
    grant: ({ grant_id }) => ({ grant: grant_id }),
    session: ({ sid }) => ({ session: sid }),
    subject: () => ({ subject: 'bob' }),
    'subject and client': () => ({ subject: 'bob', client: 'web-app' }),
    client: () => ({ client: 'web-app' }),
  }
  for (const [level, targetOf] of Object.entries(targets)) {
    it(`revokes by ${level}`, async () => {
      const issued = await world.login('bob')
      expect(await atSecondNode(issued.access_token)).not.toBe(INACTIVE)
      const revocation = await revoke({ ...targetOf(issued), reason: 'a test' })
      expect(revocation).toMatchObject({ dry_run: false })
      expect(await atSecondNode(issued.access_token)).toBe(INACTIVE)
      const again = await world.login('bob')
      expect(await atSecondNode(again.access_token)).not.toBe(INACTIVE)
    })
  }

  it('revokes everything', async () => {
    const other = await startServices({ redisUrl: world.redis.url })
    onTestFinished(other.close)
    const { access_token } = await world.login('carol')
    await revoke({ all: true })
    expect(await introspectText(other.introspect[0], world.grades, access_token)).toBe(INACTIVE)
  })
})
