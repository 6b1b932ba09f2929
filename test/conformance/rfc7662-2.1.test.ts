/** RFC 7662 §2.1: the introspection request, and who may make it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FORM_RULES } from '../../http/body/form.ts'
import { basic, fetchToken, postForm } from '../fixture/requests.ts'
import { INACTIVE } from '../fixture/world.ts'
import { expectError, expectNoStore, jsonOf } from './answer.ts'
import { type ConformanceWorld, SCOPE, startConformanceWorld } from './conformance-world.ts'
import { trafficOf } from './redis-traffic.ts'
import { verifies } from './verifies.ts'

describe('RFC 7662 §2.1: introspection request', () => {
  let at: ConformanceWorld
  let token: string
  const ask = (form: Record<string, string> | string) =>
    postForm(at.endpoints.introspect, at.grades, form)

  beforeAll(async () => {
    at = await startConformanceWorld()
    token = await fetchToken(at.issuer, at.web)
  })
  afterAll(() => at.close())

  verifies(['7662-2.1-b'], 'GET is 405, names POST, and leaves no token in the log', async () => {
    const url = `${at.endpoints.introspect}?token=${token}`
    const response = await fetch(url, { headers: { authorization: basic(at.grades) } })
    expect(response.headers.get('allow')).toBe('POST')
    await expectError(response, 405, 'invalid_request')
    expect(at.logs.some((line) => line.includes('"status":405'))).toBe(true)
    expect(at.logs.join('')).not.toContain(token)
  })

  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    it(`refuses ${method} the same way`, async () => {
      const response = await fetch(at.endpoints.introspect, { method })
      expect(response.headers.get('allow')).toBe('POST')
      await expectError(response, 405, 'invalid_request')
    })
  }

  const wrongTypes = {
    'application/json': () => JSON.stringify({ token }),
    'text/plain': () => `token=${token}`,
    'application/x-www-form-urlencoded; charset=iso-8859-1': () => `token=${token}`,
    'application/x-www-form-urlencodedx': () => `token=${token}`,
  }
  for (const [type, body] of Object.entries(wrongTypes)) {
    verifies(['7662-2.1-c'], `a body of ${type} is invalid_request`, async () => {
      const headers = { authorization: basic(at.grades), 'content-type': type }
      const response = await fetch(at.endpoints.introspect, {
        method: 'POST',
        headers,
        body: body(),
      })
      await expectError(response, 400, 'invalid_request')
    })
  }

  it('takes a form whose type names its charset', async () => {
    const headers = {
      authorization: basic(at.grades),
      'content-type': 'Application/X-WWW-Form-Urlencoded; Charset=UTF-8',
    }
    const body = `token=${token}`
    const response = await fetch(at.endpoints.introspect, { method: 'POST', headers, body })
    expect(await jsonOf(response)).toMatchObject({ active: true })
  })

  for (const form of ['', 'token=', 'token', 'token_type_hint=access_token', '&&&']) {
    verifies(['7662-2.1-d', '7662-x-a'], `"${form}" lacks a token`, async () => {
      await expectError(await ask(form), 400, 'invalid_request')
    })
  }

  const doubled = {
    'two tokens': () => 'token=a&token=b',
    'one token twice': () => `token=${token}&token=${token}`,
    'a token and an empty one': () => `token=${token}&token=`,
    'two hints': () => `token=${token}&token_type_hint=a&token_type_hint=a`,
    'an unknown parameter twice': () => `token=${token}&foo=1&foo=2`,
    'a token under an encoded name': () => `token=${token}&%74oken=${token}`,
  }
  for (const [what, form] of Object.entries(doubled)) {
    verifies(['7662-2.1-e'], `${what} is invalid_request`, async () => {
      await expectError(await ask(form()), 400, 'invalid_request')
    })
  }

  verifies(['7662-2.1-f'], 'the hint refresh_token does not hide an access token', async () => {
    const answer = await jsonOf(await ask({ token, token_type_hint: 'refresh_token' }))
    expect(answer.active).toBe(true)
  })

  verifies(['7662-2.1-g'], 'an unknown hint gives the same bytes as none', async () => {
    const plain = await (await ask({ token })).text()
    for (const token_type_hint of ['foo', 'urn:x', '"\r\n', 'é']) {
      expect(await (await ask({ token, token_type_hint })).text()).toBe(plain)
    }
  })

  verifies(['7662-2.1-h'], 'no hint adds a round trip to Redis', async () => {
    await ask({ token })
    for (const token_type_hint of ['', 'access_token', 'refresh_token', 'foo']) {
      const traffic = await trafficOf(at.redis, async () => {
        for (let n = 0; n < 5; n++) await ask({ token, token_type_hint })
      })
      expect(traffic).toHaveLength(5)
    }
  })

  verifies(['7662-2.1-j'], 'unknown parameters are ignored', async () => {
    const plain = await (await ask({ token })).text()
    const more = {
      token,
      foo: '1',
      resource_ip: '192.0.2.1',
      resource: 'https://x.test',
      empty: '',
    }
    const response = await ask(more)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(plain)
  })

  verifies(
    ['7662-2.1-k', '7662-x-a'],
    'no credentials: 401, a challenge and no verdict',
    async () => {
      const response = await postForm(at.endpoints.introspect, undefined, { token })
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
      await expectError(response, 401, 'invalid_client')
    },
  )

  verifies(['7662-2.1-l'], 'the bare name of a client is no authentication', async () => {
    for (const client_id of [at.publicId, at.grades.client_id, 'nobody']) {
      const response = await postForm(at.endpoints.introspect, undefined, { token, client_id })
      await expectError(response, 401, 'invalid_client')
    }
    const unproved = { client_id: at.publicId, client_secret: '' }
    await expectError(
      await postForm(at.endpoints.introspect, unproved, { token }),
      401,
      'invalid_client',
    )
  })

  verifies(['7662-2.1-l'], 'a public client cannot be registered to introspect', async () => {
    const put = await at.callAdmin('PUT', '/clients/public-rs', {
      token_endpoint_auth_method: 'none',
      grant_types: ['refresh_token'],
      introspect: true,
    })
    expect(put.status).toBe(400)
    expect((await at.callAdmin('GET', '/clients/public-rs')).status).toBe(404)
  })

  verifies(['7662-2.1-m', '7662-2.3-b'], 'the token in question is no credential', async () => {
    for (const bearer of [token, at.adminToken()]) {
      const headers = {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/x-www-form-urlencoded',
      }
      const body = new URLSearchParams({ token }).toString()
      const response = await fetch(at.endpoints.introspect, { method: 'POST', headers, body })
      expect(response.headers.get('www-authenticate')).toMatch(
        /^Bearer realm="[^"]+", error="invalid_token"/,
      )
      await expectError(response, 401, 'invalid_token')
    }
  })

  it('takes the credentials from the body as well', async () => {
    const response = await postForm(at.endpoints.introspect, undefined, { token, ...at.grades })
    expect(await jsonOf(response)).toMatchObject({ active: true, scope: SCOPE })
  })

  it('refuses credentials in two places (X1)', async () => {
    const response = await postForm(at.endpoints.introspect, at.grades, { token, ...at.grades })
    await expectError(response, 400, 'invalid_request')
  })

  it('refuses a body over the limit', async () => {
    const response = await ask({ token: 'x'.repeat(FORM_RULES.maxBytes) })
    await expectError(response, 413, 'invalid_request')
    expect(await at.verdict('x')).toBe(INACTIVE)
  })

  it('refuses a compressed body', async () => {
    const headers = {
      authorization: basic(at.grades),
      'content-type': 'application/x-www-form-urlencoded',
      'content-encoding': 'gzip',
    }
    const response = await fetch(at.endpoints.introspect, {
      method: 'POST',
      headers,
      body: 'token=x',
    })
    await expectError(response, 415, 'invalid_request')
  })

  it('forbids caches to store the answer to a path that does not exist', async () => {
    const response = await fetch(`${at.endpoints.introspect}ion`)
    expect(response.status).toBe(404)
    expectNoStore(response)
  })
})
