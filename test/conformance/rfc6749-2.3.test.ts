/** RFC 6749 §2.3: client authentication at the token endpoint. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postForm } from '../fixture/requests.ts'
import { expectError, jsonOf } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { verifies } from './verifies.ts'

const FORM_TYPE = 'application/x-www-form-urlencoded'
const ASK = 'grant_type=client_credentials'
const encoded = (text: string | Uint8Array) => `Basic ${Buffer.from(text).toString('base64')}`

describe('RFC 6749 §2.3: client authentication', () => {
  let at: ConformanceWorld

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  /** Asks for a token with this Authorization header, or none. */
  function ask(authorization?: string, body = ASK, query = ''): Promise<Response> {
    const headers = { 'content-type': FORM_TYPE }
    return fetch(at.endpoints.token + query, {
      method: 'POST',
      headers: authorization === undefined ? headers : { ...headers, authorization },
      body,
    })
  }

  verifies(['6749-2.3.1-a'], 'Basic is taken, whatever the case of the scheme', async () => {
    const { client_id, client_secret } = at.web
    const header = encoded(`${client_id}:${client_secret}`)
    for (const authorization of [header, header.replace('Basic', 'bASIC')]) {
      expect(await jsonOf(await ask(authorization))).toHaveProperty('access_token')
    }
  })

  verifies(['6749-2.3-a'], 'two ways at once are invalid_request (X1)', async () => {
    const { client_id, client_secret } = at.web
    const header = encoded(`${client_id}:${client_secret}`)
    const inBody = new URLSearchParams({ ...at.web }).toString()
    await expectError(await ask(header, `${ASK}&${inBody}`), 400, 'invalid_request')
    const wrongToo = `${ASK}&client_id=${client_id}&client_secret=wrong`
    await expectError(await ask(header, wrongToo), 400, 'invalid_request')
    await expectError(await ask(`Bearer x`, `${ASK}&${inBody}`), 400, 'invalid_request')
    await expectError(await ask(header, `${ASK}&client_id=other-app`), 400, 'invalid_request')
    expect((await ask(header, `${ASK}&client_id=${client_id}`)).status).toBe(200)
  })

  verifies(['6749-2.3-a'], 'an assertion is not offered, alone or not (X1)', async () => {
    const assertion = `${ASK}&client_assertion=x&client_assertion_type=y`
    await expectError(await ask(undefined, assertion), 401, 'invalid_client')
    const header = encoded(`${at.web.client_id}:${at.web.client_secret}`)
    await expectError(await ask(header, assertion), 401, 'invalid_client')
  })

  // The published examples of Basic, and what each must be read as.
  const published: readonly (readonly [string, string, string, string])[] = [
    [
      'RFC 6749 §2.3.1',
      'czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3',
      's6BhdRkqt3',
      '7Fjfp0ZBr1KtDRbnfVdmIw',
    ],
    ['RFC 7662 §2.1', 'czZCaGRSa3F0MzpnWDFmQmF0M2JW', 's6BhdRkqt3', 'gX1fBat3bV'],
    // The figure shows a secret that was not encoded: its plus sign is a space to a strict reader.
    [
      'RFC 9449 fig. 10',
      'cnM6cnM6TWt1LTZnX2xDektJZHo0ZnNON2tZY3lhK1Rp',
      'rs',
      'rs:Mku-6g_lCzKIdz4fsN7kYcya Ti',
    ],
  ]
  for (const [source, base64, id, secret] of published) {
    verifies(['6749-2.3.1-b'], `reads the example of ${source}`, async () => {
      await at.registerWithSecret(id, secret)
      expect((await ask(`Basic ${base64}`)).status).toBe(200)
      await at.registerWithSecret(id, `${secret}+`)
      await expectError(await ask(`Basic ${base64}`), 401, 'invalid_client')
    })
  }

  verifies(['6749-2.3.1-b'], 'each half is decoded as a form value', async () => {
    const client = await at.registerWithSecret('a:b c+%', 'p+q:r é')
    const response = await postForm(at.endpoints.token, client, ASK)
    expect(await jsonOf(response)).toHaveProperty('access_token')
    expect((await ask(encoded('a%3Ab+c%2B%25:p%2Bq%3Ar+%C3%A9'))).status).toBe(200)
    expect((await ask(encoded('a%3ab%20c%2b%25:p%2bq:r%20é'))).status).toBe(200)
  })

  verifies(
    ['6749-2.3.1-b'],
    'a plus sign is a space and only the first colon divides',
    async () => {
      await at.registerWithSecret('colon', 'a:b:c')
      expect((await ask(encoded('colon:a:b:c'))).status).toBe(200)
      await at.registerWithSecret('plus', 'a+b')
      await expectError(await ask(encoded('plus:a+b')), 401, 'invalid_client')
      expect((await ask(encoded('plus:a%2Bb'))).status).toBe(200)
    },
  )

  const malformed: Record<string, string> = {
    'a malformed percent sequence': encoded('%zz:x'),
    'a cut percent sequence': encoded('web-app:%'),
    'a percent sequence that is not UTF-8': encoded('web-app:%ff'),
    'bytes that are not UTF-8': encoded(Uint8Array.of(0x61, 0x3a, 0xff)),
    'a NUL': encoded('web-app:%00'),
    'CR and LF': encoded('web-app%0d%0a:x'),
    'no colon': encoded('web-app'),
    'no client': encoded(':x'),
    'no base64': 'Basic !!!!',
    'nothing behind the scheme': 'Basic',
    'another scheme': 'Digest username="web-app"',
    'an overlong client': encoded(`${'a'.repeat(4_096)}:x`),
  }
  for (const [what, header] of Object.entries(malformed)) {
    verifies(['6749-2.3.1-c', '6749-5.2-b'], `${what} is 401 with a challenge`, async () => {
      const response = await ask(header)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
      await expectError(response, 401, 'invalid_client')
    })
  }

  verifies(['6749-2.3.1-d'], 'credentials may stand in the body', async () => {
    const response = await postForm(at.endpoints.token, undefined, {
      grant_type: 'client_credentials',
      ...at.web,
    })
    expect(await jsonOf(response)).toHaveProperty('access_token')
  })

  verifies(['6749-2.3.1-d'], 'in the URI they count for nothing and are not logged', async () => {
    const query = `?${new URLSearchParams({ ...at.web })}`
    await expectError(await ask(undefined, ASK, query), 401, 'invalid_client')
    await expectError(await ask(undefined, '', `${query}&${ASK}`), 401, 'invalid_client')
    expect(at.logs.join('')).not.toContain(at.web.client_secret)
  })

  it('lets a client registered for the body use nothing else', async () => {
    const client = await at.register('body-app', {
      token_endpoint_auth_method: 'client_secret_post',
    })
    await expectError(await postForm(at.endpoints.token, client, ASK), 401, 'invalid_client')
    const inBody = { grant_type: 'client_credentials', ...client }
    expect((await postForm(at.endpoints.token, undefined, inBody)).status).toBe(200)
  })

  verifies(['6749-2.3.1-e'], 'failures are slowed at all endpoints and nodes', async () => {
    const client = await at.register('guessed-app')
    const wrong = { ...client, client_secret: 'guess' }
    const endpoints = [
      at.endpoints.token,
      at.endpoints.revoke,
      ...at.introspect.map((url) => `${url}/introspect`),
    ]
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) {
      const url = endpoints[n % endpoints.length] as string
      statuses.push((await postForm(url, wrong, { token: 'x' })).status)
    }
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401))
    expect(statuses.slice(10)).toEqual([429, 429])
    for (const url of endpoints) {
      const response = await postForm(url, wrong, { token: 'x' })
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      await expectError(response, 429, 'invalid_client')
    }
    expect((await postForm(at.endpoints.token, client, ASK)).status).toBe(200)
    await expectError(
      await postForm(at.endpoints.token, { ...at.other, client_secret: 'x' }, ASK),
      401,
      'invalid_client',
    )
  })
})
