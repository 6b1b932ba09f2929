/** RFC 7662 §2.3: what is an error at introspection, and what is not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, fetchToken, postForm } from '../fixture/requests.ts'
import { INACTIVE } from '../fixture/world.ts'
import { expectError } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { verifies } from './verifies.ts'

describe('RFC 7662 §2.3: error response', () => {
  let at: ConformanceWorld
  let token: string

  beforeAll(async () => {
    at = await startConformanceWorld()
    token = await fetchToken(at.issuer, at.web)
  })
  afterAll(() => at.close())

  verifies(['7662-2.3-a', '7662-x-a'], 'a wrong secret is 401 with a Basic challenge', async () => {
    const wrong = [
      { ...at.grades, client_secret: 'wrong' },
      { ...at.grades, client_secret: at.web.client_secret },
      { client_id: 'nobody', client_secret: 'wrong' },
    ]
    for (const client of wrong) {
      const response = await postForm(at.endpoints.introspect, client, { token })
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
      await expectError(response, 401, 'invalid_client')
      const inBody = await postForm(at.endpoints.introspect, undefined, { token, ...client })
      await expectError(inBody, 401, 'invalid_client')
    }
  })

  verifies(['7662-2.3-a'], 'a wrong secret is refused before the token is judged', async () => {
    const client = { ...at.library, client_secret: 'wrong' }
    await expectError(
      await postForm(at.endpoints.introspect, client, { token: '' }),
      401,
      'invalid_client',
    )
    await expectError(
      await postForm(at.endpoints.introspect, client, { token: 'x' }),
      401,
      'invalid_client',
    )
  })

  verifies(['7662-2.3-a'], 'a disabled client is refused like a wrong secret', async () => {
    const client = await at.register('off-api', { introspect: true })
    await at.callAdmin('PUT', '/clients/off-api', { introspect: true, enabled: false })
    await expectError(
      await postForm(at.endpoints.introspect, client, { token }),
      401,
      'invalid_client',
    )
  })

  verifies(
    ['7662-2.3-b'],
    'any bearer credential is 401 with a Bearer challenge (X3)',
    async () => {
      for (const bearer of [token, 'unknown', at.adminToken()]) {
        const response = await fetch(at.endpoints.introspect, {
          method: 'POST',
          headers: {
            authorization: `bearer ${bearer}`,
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: 'token=x',
        })
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
        await expectError(response, 401, 'invalid_token')
      }
    },
  )

  const garbage: Record<string, string> = {
    'a NUL and half a character': '%00%ff',
    'malformed percent signs': '%zz%',
    'CR and LF': '%0d%0aX-Injected:%201',
    'raw bytes of no charset': '%c3%28%a0%a1',
    'a lone surrogate': '%ed%a0%80',
    'quotes and backslashes': '%22%5c%22%7b%7d',
    'plus signs and spaces': '+++%20+',
    'an emoji': encodeURIComponent('🎟️'),
    'a token cut short': 'cc_at_k1AAAA',
    'the prefix alone': 'cc_at_',
    '4 KiB of printable garbage': 'x'.repeat(4_096),
    '4 KiB of encoded garbage': '%ff'.repeat(4_096),
    'a JWT': 'eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.',
    'the name of a Redis key': 'cc{0}c',
  }
  for (const [what, encoded] of Object.entries(garbage)) {
    verifies(['7662-2.3-c'], `${what} is inactive and no error`, async () => {
      const response = await postForm(at.endpoints.introspect, at.grades, `token=${encoded}`)
      expect([response.status, await response.text()]).toEqual([200, INACTIVE])
      expect(response.headers.get('x-injected')).toBeNull()
    })
  }

  verifies(['7662-2.3-c'], 'a genuine token with one character changed is inactive', async () => {
    for (const index of [3, 6, 8, 24, 56, 58, token.length - 1]) {
      const changed = token[index] === 'A' ? 'B' : 'A'
      const forged = token.slice(0, index) + changed + token.slice(index + 1)
      const response = await postForm(at.endpoints.introspect, at.grades, { token: forged })
      expect([index, response.status, await response.text()]).toEqual([index, 200, INACTIVE])
    }
    for (const padded of [`${token} `, ` ${token}`, `${token}\n`, `${token}A`]) {
      const response = await postForm(at.endpoints.introspect, at.grades, { token: padded })
      expect(await response.text()).toBe(INACTIVE)
    }
  })

  it('decodes a token that was escaped without need', async () => {
    const escaped = [...token].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')
    const response = await postForm(at.endpoints.introspect, at.grades, `token=${escaped}`)
    expect(await response.json()).toMatchObject({ active: true })
  })

  it('says which client it meant only if Basic and body agree', async () => {
    const same = await postForm(at.endpoints.introspect, at.grades, {
      token,
      client_id: 'grades-api',
    })
    expect(same.status).toBe(200)
    const headers = {
      authorization: basic(at.grades),
      'content-type': 'application/x-www-form-urlencoded',
    }
    const body = `token=${token}&client_id=library-api`
    const differs = await fetch(at.endpoints.introspect, { method: 'POST', headers, body })
    await expectError(differs, 400, 'invalid_request')
  })
})
