/**
 * A token where a name belongs: swapped credentials, a token pasted into a path or a note. Names become keys and arguments of
 * commands, so a name with the shape of a token is refused before anything is sent to Redis.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postForm } from '../fixture/requests.ts'
import { startWorld, type World } from '../fixture/world.ts'
import { captureCommands, dumpRedis } from './secret-hunt.ts'

describe('a token where a name belongs', () => {
  let world: World
  let token: string

  beforeAll(async () => {
    world = await startWorld()
  })

  afterAll(() => world.close())

  const misplacements: Readonly<Record<string, () => Promise<Response>>> = {
    'user name of Basic at /introspect': () =>
      postForm(
        `${world.introspect[0]}/introspect`,
        { ...world.grades, client_id: token },
        { token: 'x' },
      ),
    'user name of Basic at /token': () =>
      postForm(
        `${world.issuer}/token`,
        { ...world.web, client_id: token },
        { grant_type: 'client_credentials' },
      ),
    'client_id at /revoke': () =>
      postForm(`${world.issuer}/revoke`, undefined, { client_id: token, token: 'x' }),
    'path of a client': () => world.callAdmin('GET', `/clients/${token}`),
    'path of a new client': () => world.callAdmin('PUT', `/clients/${token}`, {}),
    'path of a subject': () => world.callAdmin('PUT', `/subjects/${token}`, { name: 'x' }),
    'subject to revoke': () => world.callAdmin('POST', '/revocations', { subject: token }),
    'client to revoke': () => world.callAdmin('POST', '/revocations', { client: token }),
    'reason of a revocation': () =>
      world.callAdmin('POST', '/revocations', { subject: 'alice', reason: `leaked: ${token}` }),
    'subject of a login': () =>
      world.callAdmin('POST', '/tokens', { sub: token, client_id: 'web-app' }),
    'user agent of a session': () =>
      world.callAdmin('POST', '/tokens', {
        sub: 'alice',
        client_id: 'web-app',
        session: { user_agent: token },
      }),
    'claim of a subject': () => world.callAdmin('PUT', '/subjects/bob', { note: token }),
    'name of a client': () => world.callAdmin('PUT', '/clients/spare', { client_name: token }),
  }

  for (const [place, send] of Object.entries(misplacements)) {
    it(`as ${place} does not reach Redis`, async () => {
      token = (await world.login('alice')).access_token
      const capture = await captureCommands(world.redis.port, world.redis.direct)
      const response = await send()
      const answer = `${response.status} ${await response.text()}`
      const commands = await capture.end()
      expect(commands.includes(token)).toBe(false)
      expect((await dumpRedis(world.redis.direct)).includes(token)).toBe(false)
      expect(answer).toMatch(/^4/)
      expect(answer.includes(token)).toBe(false)
    })
  }
})
