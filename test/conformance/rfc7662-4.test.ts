/** RFC 7662 §4: every check that a token must pass to be active, one per test. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { fetchToken, introspectText, postForm } from '../fixture/requests.ts'
import { INACTIVE } from '../fixture/world.ts'
import { expectError } from './answer.ts'
import { moveClock } from './clock.ts'
import {
  type ConformanceWorld,
  LIBRARY,
  startConformanceWorld,
  WEB_LIFETIME,
} from './conformance-world.ts'
import { verifies } from './verifies.ts'

describe('RFC 7662 §4: checks', () => {
  let at: ConformanceWorld

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  const live = async (resource?: string): Promise<string> =>
    fetchToken(at.issuer, at.web, resource === undefined ? {} : { resource })

  verifies(
    ['7662-4-a', '7662-4-b'],
    'expiry alone, by the clock, not by what Redis keeps',
    async () => {
      const { access_token, expires_in } = await at.login('alice')
      await moveClock(at.redis, expires_in - 60)
      expect(await at.verdict(access_token)).not.toBe(INACTIVE)
      await moveClock(at.redis, 61)
      const keys = await at.redis.direct.keys('cc{*}k*')
      expect(keys).toHaveLength(1)
      expect(await at.redis.direct.pttl(keys[0] as string)).toBeGreaterThan(0)
      expect(await at.redis.direct.hlen(keys[0] as string)).toBe(1)
      expect(await at.verdict(access_token)).toBe(INACTIVE)
    },
  )

  verifies(['7662-4-a', '7662-4-b'], 'the same of a token that is its own grant', async () => {
    const token = await live()
    await moveClock(at.redis, WEB_LIFETIME + 1)
    const keys = await at.redis.direct.keys('cc{*}t*')
    expect(keys.length).toBeGreaterThan(0)
    expect(await at.verdict(token)).toBe(INACTIVE)
  })

  verifies(['7662-4-a'], 'revocation alone', async () => {
    const token = await live()
    expect(await at.verdict(token)).not.toBe(INACTIVE)
    await postForm(at.endpoints.revoke, at.web, { token })
    expect(await at.verdict(token)).toBe(INACTIVE)
  })

  verifies(
    ['7662-4-a'],
    'authenticity alone: the record stands, the token is another',
    async () => {
      const token = await live()
      const last = token.endsWith('A') ? 'B' : 'A'
      expect(await at.verdict(token.slice(0, -1) + last)).toBe(INACTIVE)
      expect(await at.verdict(token)).not.toBe(INACTIVE)
    },
  )

  verifies(['7662-4-a', '7662-4-c'], 'audience alone: active there, inactive here', async () => {
    const token = await live(LIBRARY)
    const [node] = at.introspect
    expect(await introspectText(node, at.library, token)).toContain('"active":true')
    expect(await introspectText(node, at.grades, token)).toBe(INACTIVE)
  })

  verifies(['7662-4-c'], 'a caller that is no resource sees no token as active', async () => {
    const nothing = await at.register('nothing-api', { introspect: true })
    const [node] = at.introspect
    for (const token of [await live(), at.adminToken()]) {
      expect(await introspectText(node, nothing, token)).toBe(INACTIVE)
    }
  })

  verifies(['7662-4-c'], 'audiences are compared as texts, not by likeness', async () => {
    const near = ['https://library.test/', 'https://LIBRARY.test', 'https://library.test/a']
    const token = await live(LIBRARY)
    for (const [n, resource] of near.entries()) {
      const caller = await at.register(`near-${n}`, {
        introspect: true,
        resources: [resource],
      })
      expect(await introspectText(at.introspect[0], caller, token)).toBe(INACTIVE)
    }
  })

  verifies(
    ['7662-4-d', '7662-x-a'],
    'an ordinary client may not, even for its own token',
    async () => {
      const token = await live()
      for (const caller of [at.web, at.other, at.admin]) {
        await expectError(
          await postForm(at.endpoints.introspect, caller, { token }),
          403,
          'unauthorized_client',
        )
      }
    },
  )

  verifies(['7662-4-d'], 'the right to introspect is lost at once', async () => {
    const resources = ['https://brief.test']
    const caller = await at.register('brief-api', { introspect: true, resources })
    const token = await live('https://brief.test')
    const [node, second] = at.introspect
    expect(await introspectText(node, caller, token)).toContain('"active":true')
    await at.callAdmin('PUT', '/clients/brief-api', { introspect: false, resources })
    for (const url of [node, second]) {
      const response = await postForm(`${url}/introspect`, caller, { token })
      await expectError(response, 403, 'unauthorized_client')
    }
  })
})
