/** RFC 6749 §3–5: the token endpoint's request, its scope, its answers and its errors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, postForm, type TestClient } from '../fixture/requests.ts'
import { GRADES } from '../fixture/world.ts'
import { expectError, expectNoStore, jsonOf } from './answer.ts'
import {
  type ConformanceWorld,
  LIBRARY,
  SCOPE,
  startConformanceWorld,
} from './conformance-world.ts'
import { verifies } from './verifies.ts'

const ASK = 'grant_type=client_credentials'

describe('RFC 6749 §3–5: token endpoint', () => {
  let at: ConformanceWorld
  const ask = (form: Record<string, string> | string, client: TestClient | undefined = at.web) =>
    postForm(at.endpoints.token, client, form)
  const askScope = (scope: string) => ask({ grant_type: 'client_credentials', scope })

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  for (const method of ['GET', 'PUT', 'DELETE']) {
    verifies(['6749-3.2-a'], `${method} is 405 and names POST`, async () => {
      const headers = { authorization: basic(at.web) }
      const response = await fetch(`${at.endpoints.token}?${ASK}`, { method, headers })
      expect(response.headers.get('allow')).toBe('POST')
      await expectError(response, 405, 'invalid_request')
    })
  }

  it('refuses a body that is no form, and one over the limit', async () => {
    const headers = { authorization: basic(at.web), 'content-type': 'application/json' }
    const body = JSON.stringify({ grant_type: 'client_credentials' })
    const json = await fetch(at.endpoints.token, { method: 'POST', headers, body })
    await expectError(json, 400, 'invalid_request')
    await expectError(await ask(`${ASK}&x=${'x'.repeat(65_536)}`), 413, 'invalid_request')
    await expectError(
      await ask(`${ASK}${'&x'.repeat(1)}&${manyParameters()}`),
      400,
      'invalid_request',
    )
  })

  const manyParameters = () => Array.from({ length: 200 }, (_, n) => `p${n}=1`).join('&')

  verifies(['6749-3.2-b'], 'empty is absent and unknown is ignored', async () => {
    for (const form of [
      `${ASK}&scope=`,
      `${ASK}&foo=1&bar`,
      `${ASK}&resource=&scope`,
      `&${ASK}&`,
    ]) {
      expect(await jsonOf(await ask(form))).toMatchObject({ scope: SCOPE })
    }
    await expectError(await ask('grant_type='), 400, 'invalid_request')
  })

  const doubled = [
    `${ASK}&scope=profile&scope=profile`,
    `${ASK}&scope=&scope=profile`,
    `${ASK}&${ASK}`,
    `${ASK}&foo=1&foo=2`,
    `${ASK}&client_id=web-app&client_id=web-app`,
  ]
  for (const form of doubled) {
    verifies(['6749-3.2-b'], `"${form}" is invalid_request`, async () => {
      await expectError(await ask(form), 400, 'invalid_request')
    })
  }

  verifies(['6749-3.2-b'], 'resource may be repeated', async () => {
    const resources = [GRADES, LIBRARY].map((resource) => `&resource=${resource}`).join('')
    expect((await ask(ASK + resources)).status).toBe(200)
  })

  for (const scope of [
    'a"b',
    'profile\tgrades:read',
    'a\\b',
    'é',
    ' ',
    'profile ',
    'a\r\nb',
    'a  b',
  ]) {
    verifies(['6749-3.3-a'], `${JSON.stringify(scope)} is no scope`, async () => {
      await expectError(await askScope(scope), 400, 'invalid_scope')
    })
  }

  verifies(['6749-3.3-a'], 'a scope in another case is another scope', async () => {
    await expectError(await askScope('Profile'), 400, 'invalid_scope')
    expect((await jsonOf(await askScope('profile'))).scope).toBe('profile')
  })

  verifies(['6749-3.3-b'], 'the granted scope is told; more than allowed is refused', async () => {
    expect((await jsonOf(await askScope('profile grades:read'))).scope).toBe('profile grades:read')
    expect((await jsonOf(await askScope('profile profile'))).scope).toBe('profile')
    await expectError(await askScope('profile admin'), 400, 'invalid_scope')
  })

  verifies(['6749-3.3-c'], 'no scope asked for is all that is registered', async () => {
    expect((await jsonOf(await ask(ASK))).scope).toBe(SCOPE)
  })

  verifies(['6749-4.4-a', '6749-5.2-c'], 'a public client is unauthorized_client', async () => {
    const form = `${ASK}&client_id=${at.publicId}`
    await expectError(
      await postForm(at.endpoints.token, undefined, form),
      400,
      'unauthorized_client',
    )
    const put = await at.callAdmin('PUT', '/clients/another-phone', {
      token_endpoint_auth_method: 'none',
      grant_types: ['client_credentials'],
    })
    expect(put.status).toBe(400)
  })

  verifies(['6749-4.4.3-a'], 'client credentials bring no refresh token', async () => {
    expect(Object.keys(await jsonOf(await ask(ASK))).sort()).toEqual([
      'access_token',
      'expires_in',
      'scope',
      'token_type',
    ])
  })

  verifies(['6749-5.1-a', '6749-5.1-b'], 'success is JSON that no cache may store', async () => {
    const response = await ask(ASK)
    expectNoStore(response)
    const { access_token, token_type, expires_in } = await jsonOf(response)
    expect(access_token).toMatch(/^cc_at_[A-Za-z0-9_-]{68}$/)
    expect(token_type).toBe('Bearer')
    expect(expires_in).toSatisfy(Number.isInteger)
    expect(expires_in).toBeGreaterThan(0)
  })

  const errors: readonly (readonly [string, number, () => Promise<Response>])[] = [
    ['invalid_request', 400, () => ask('scope=profile')],
    ['invalid_client', 401, () => ask(ASK, { ...at.web, client_secret: 'wrong' })],
    ['invalid_grant', 400, () => ask('grant_type=refresh_token&refresh_token=x')],
    ['unauthorized_client', 400, () => ask('grant_type=refresh_token&refresh_token=x', at.grades)],
    ['unsupported_grant_type', 400, () => ask('grant_type=password&username=a&password=b')],
    ['invalid_scope', 400, () => askScope('everything')],
  ]
  for (const [error, status, provoke] of errors) {
    verifies(['6749-5.2-a', '6749-5.1-b'], `${error} is ${status} and JSON`, async () => {
      await expectError(await provoke(), status, error)
    })
  }

  verifies(['6749-5.2-b'], 'failed Basic is 401 with a Basic challenge', async () => {
    for (const client of [
      { ...at.web, client_secret: 'wrong' },
      { client_id: 'nobody', client_secret: 'wrong' },
    ]) {
      const response = await ask(ASK, client)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="[^"]+"/)
      await expectError(response, 401, 'invalid_client')
    }
  })

  verifies(['6749-5.2-c'], 'grant types: unknown, and known but not allowed', async () => {
    const unknown = ['authorization_code', 'password', 'urn:x', 'Client_Credentials', '__proto__']
    for (const type of [...unknown, 'constructor', 'toString']) {
      await expectError(await ask({ grant_type: type }), 400, 'unsupported_grant_type')
    }
    const refreshOnly = await at.register('refresh-app', {
      grant_types: ['refresh_token'],
    })
    await expectError(await ask(ASK, refreshOnly), 400, 'unauthorized_client')
  })

  const hostile = ['"\r\n é', '\r\nSet-Cookie: a=b', '\u0000', '\u2028', '<script>', '%0d%0a', '🎟️']
  for (const text of hostile) {
    verifies(['6749-5.2-d'], `${JSON.stringify(text)} splits nothing`, async () => {
      const forms: Record<string, string>[] = [
        { grant_type: 'client_credentials', scope: text },
        { grant_type: text },
        { grant_type: 'client_credentials', resource: text },
        { grant_type: 'refresh_token', refresh_token: text },
        { grant_type: 'client_credentials', client_id: text },
      ]
      for (const form of forms) {
        const response = await ask(form)
        const { error } = (await response.clone().json()) as { readonly error: string }
        await expectError(response, 400, error)
        expect([...response.headers.keys()].sort()).toEqual([
          ...['cache-control', 'connection', 'content-length', 'content-type', 'date'],
          ...['keep-alive', 'pragma', 'x-request-id'],
        ])
      }
    })
  }

  verifies(['6749-5.2-d'], 'malformed parameters are an error, not a failure', async () => {
    for (const raw of ['%zz=1', 'scope=%ff', 'scope=%00', '%00=1', 'resource=%', '%']) {
      await expectError(await ask(`${ASK}&${raw}`), 400, 'invalid_request')
    }
    await expectError(await ask(''), 400, 'invalid_request')
  })
})
