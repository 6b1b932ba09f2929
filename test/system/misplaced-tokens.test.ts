/**
 * A token where a name belongs: swapped credentials, a token pasted into a path or a note. Names become keys and
 * arguments of commands, so whatever has the shape of a token is refused before Redis hears of it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { postForm } from '../fixture/requests.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { captureCommands, dumpRedis } from './secret-hunt.ts'
import { login, registerWorld, type World } from './world.ts'

describe('a token where a name belongs', () => {
  let redis: TestRedis
  let services: TestServices
  let world: World
  let token: string

  beforeAll(async () => {
    redis = await startRedis()
    services = await startServices({ redisUrl: redis.url })
    world = await registerWorld(services)
  })

  afterAll(async () => {
    await services.close()
    await redis.stop()
  })

  const misplacements: Readonly<Record<string, () => Promise<Response>>> = {
    'user name of Basic at /introspect': () =>
      postForm(
        `${services.introspect[0]}/introspect`,
        { ...world.grades, client_id: token },
        { token: 'x' },
      ),
    'user name of Basic at /token': () =>
      postForm(
        `${services.issuer}/token`,
        { ...world.web, client_id: token },
        { grant_type: 'client_credentials' },
      ),
    'client_id at /revoke': () =>
      postForm(`${services.issuer}/revoke`, undefined, { client_id: token, token: 'x' }),
    'path of a client': () => services.callAdmin('GET', `/clients/${token}`),
    'path of a new client': () => services.callAdmin('PUT', `/clients/${token}`, {}),
    'path of a subject': () => services.callAdmin('PUT', `/subjects/${token}`, { name: 'x' }),
    'subject to revoke': () => services.callAdmin('POST', '/revocations', { subject: token }),
    'client to revoke': () => services.callAdmin('POST', '/revocations', { client: token }),
    'reason of a revocation': () =>
      services.callAdmin('POST', '/revocations', { subject: 'alice', reason: `leaked: ${token}` }),
    'subject of a login': () =>
      services.callAdmin('POST', '/tokens', { sub: token, client_id: 'web-app' }),
    'user agent of a session': () =>
      services.callAdmin('POST', '/tokens', {
        sub: 'alice',
        client_id: 'web-app',
        session: { user_agent: token },
      }),
    'claim of a subject': () => services.callAdmin('PUT', '/subjects/bob', { note: token }),
    'name of a client': () => services.callAdmin('PUT', '/clients/spare', { client_name: token }),
  }

  for (const [place, send] of Object.entries(misplacements)) {
    it(`as ${place} does not reach Redis`, async () => {
      token = (await login(services, 'alice')).access_token
      const capture = await captureCommands(redis.port, redis.direct)
      const response = await send()
      const answer = `${response.status} ${await response.text()}`
      const commands = await capture.end()
      expect(commands.includes(token)).toBe(false)
      expect((await dumpRedis(redis.direct)).includes(token)).toBe(false)
      expect(answer).toMatch(/^4/)
      expect(answer.includes(token)).toBe(false)
    })
  }
})
