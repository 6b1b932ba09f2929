/** RFC 7009: revocation by the client a token was issued to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, fetchToken, introspectText, postForm } from '../fixture/requests.ts'
import { INACTIVE } from '../fixture/world.ts'
import { expectError, visible } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { trafficOf } from './redis-traffic.ts'
import { verifies } from './verifies.ts'

describe('RFC 7009: revocation', () => {
  let at: ConformanceWorld
  const live = () => fetchToken(at.issuer, at.web)
  const revoke = (form: Record<string, string> | string, client = at.web) =>
    postForm(at.endpoints.revoke, client, form)
  const refresh = (refresh_token: string) =>
    postForm(at.endpoints.token, at.web, { grant_type: 'refresh_token', refresh_token })
  /** The verdict at each node. */
  const verdicts = (token: string) =>
    Promise.all(at.introspect.map((url) => introspectText(url, at.grades, token)))

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  verifies(['7009-2-a', '7009-2.1-e'], 'an access token is dead at every node', async () => {
    const token = await live()
    for (const verdict of await verdicts(token)) expect(verdict).not.toBe(INACTIVE)
    expect((await revoke({ token })).status).toBe(200)
    expect(await verdicts(token)).toEqual([INACTIVE, INACTIVE])
  })

  verifies(['7009-2-a', '7009-2.1-f'], 'a refresh token takes its grant with it', async () => {
    const first = await at.login('alice')
    const tokens = [first.access_token]
    let { refresh_token } = first
    for (let n = 0; n < 2; n++) {
      const next = (await (await refresh(refresh_token)).json()) as typeof first
      tokens.push(next.access_token)
      refresh_token = next.refresh_token
    }
    for (const token of tokens) expect(await at.verdict(token)).not.toBe(INACTIVE)
    expect((await revoke({ token: refresh_token })).status).toBe(200)
    for (const token of tokens) expect(await verdicts(token)).toEqual([INACTIVE, INACTIVE])
    await expectError(await refresh(refresh_token), 400, 'invalid_grant')
  })

  verifies(
    ['7009-2.1-f'],
    'a refresh token already rotated takes the grant with it too',
    async () => {
      const { access_token, refresh_token } = await at.login('alice')
      const next = (await (await refresh(refresh_token)).json()) as { access_token: string }
      await revoke({ token: refresh_token })
      for (const token of [access_token, next.access_token]) {
        expect(await at.verdict(token)).toBe(INACTIVE)
      }
    },
  )

  verifies(['7009-2.1-g'], 'an access token of a grant dies alone', async () => {
    const { access_token, refresh_token } = await at.login('alice')
    await revoke({ token: access_token })
    expect(await at.verdict(access_token)).toBe(INACTIVE)
    const next = (await (await refresh(refresh_token)).json()) as { access_token: string }
    expect(await at.verdict(next.access_token)).not.toBe(INACTIVE)
  })

  const bad = {
    'no token': '',
    'an empty token': 'token=',
    'two tokens': 'token=a&token=b',
    'two hints': 'token=a&token_type_hint=x&token_type_hint=y',
  }
  for (const [what, form] of Object.entries(bad)) {
    verifies(['7009-2.1-a'], `${what} is invalid_request`, async () => {
      await expectError(await revoke(form), 400, 'invalid_request')
    })
  }

  verifies(['7009-2.1-a'], 'only a posted form is a request', async () => {
    const get = await fetch(at.endpoints.revoke)
    expect(get.headers.get('allow')).toBe('POST')
    await expectError(get, 405, 'invalid_request')
    const headers = { authorization: basic(at.web), 'content-type': 'application/json' }
    const body = JSON.stringify({ token: await live() })
    const json = await fetch(at.endpoints.revoke, { method: 'POST', headers, body })
    await expectError(json, 400, 'invalid_request')
    const huge = await revoke({ token: 'x'.repeat(65_536) })
    await expectError(huge, 413, 'invalid_request')
  })

  verifies(['7009-2.1-b', '7009-2.2-b'], 'no hint, wrong or unknown, hides a token', async () => {
    for (const token_type_hint of ['access_token', 'refresh_token', 'banana', '"\r\n']) {
      const { access_token, refresh_token } = await at.login('alice')
      const token = await live()
      expect((await revoke({ token, token_type_hint })).status).toBe(200)
      expect((await revoke({ token: refresh_token, token_type_hint })).status).toBe(200)
      for (const dead of [token, access_token]) expect(await at.verdict(dead)).toBe(INACTIVE)
    }
  })

  verifies(['7009-2.1-c'], 'the client is proved first, however dead the token', async () => {
    const token = await live()
    const dead = await live()
    await revoke({ token: dead })
    const wrong = { ...at.web, client_secret: 'wrong' }
    for (const text of [token, dead, 'junk']) {
      const response = await revoke({ token: text }, wrong)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
      await expectError(response, 401, 'invalid_client')
    }
    await expectError(
      await postForm(at.endpoints.revoke, undefined, { token }),
      401,
      'invalid_client',
    )
    const named = { token, client_id: at.web.client_id }
    await expectError(await postForm(at.endpoints.revoke, undefined, named), 401, 'invalid_client')
    const header = { authorization: `Bearer ${token}` }
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const bearer = { method: 'POST', headers: { ...header, ...type }, body: `token=${token}` }
    await expectError(await fetch(at.endpoints.revoke, bearer), 401, 'invalid_token')
    expect(await at.verdict(token)).not.toBe(INACTIVE)
  })

  verifies(['7009-2.1-c'], 'a public client names itself and revokes its own', async () => {
    const { access_token, refresh_token } = await at.login('alice', { client_id: at.publicId })
    const form = { token: refresh_token, client_id: at.publicId }
    expect((await postForm(at.endpoints.revoke, undefined, form)).status).toBe(200)
    expect(await at.verdict(access_token)).toBe(INACTIVE)
  })

  verifies(
    ['7009-2.1-d'],
    "another client's token: an error, no claims, still alive (X2)",
    async () => {
      const { access_token, refresh_token } = await at.login('alice')
      for (const token of [access_token, refresh_token]) {
        const response = await revoke({ token }, at.other)
        const body = await response.clone().text()
        await expectError(response, 400, 'invalid_request')
        for (const secret of ['alice', 'web-app', token]) expect(body).not.toContain(secret)
      }
      expect(await at.verdict(access_token)).not.toBe(INACTIVE)
      expect((await refresh(refresh_token)).status).toBe(200)
    },
  )

  verifies(['7009-2.1-d'], 'a public client is not told whether it exists (X2)', async () => {
    const { access_token, refresh_token } = await at.login('alice')
    const asPublic = (token: string) =>
      postForm(at.endpoints.revoke, undefined, { token, client_id: at.publicId })
    const unknown = await visible(await asPublic('junk'))
    for (const token of [access_token, refresh_token]) {
      expect(await visible(await asPublic(token))).toEqual(unknown)
    }
    expect(await at.verdict(access_token)).not.toBe(INACTIVE)
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  verifies(['7009-2.2-a'], 'success, dead, unknown and junk are answered alike', async () => {
    const { refresh_token } = await at.login('alice')
    const token = await live()
    const expected = await visible(await revoke({ token }))
    expect(expected).toMatchObject({ status: 200, body: '' })
    expect(Object.fromEntries(expected.headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-length': '0',
    })
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    const junk = ['junk', 'x'.repeat(4_096), forged, 'eyJhbGciOiJub25lIn0.e30.']
    for (const text of [token, refresh_token, refresh_token, ...junk]) {
      expect(await visible(await revoke({ token: text }))).toEqual(expected)
    }
    expect(await visible(await revoke('token=%00%ff'))).toEqual(expected)
  })

  verifies(['7009-2.3-a'], 'no JSONP and no CORS', async () => {
    const token = await live()
    const url = `${at.endpoints.revoke}?token=${token}&client_id=${at.publicId}&callback=f`
    await expectError(await fetch(url), 405, 'invalid_request')
    expect(await at.verdict(token)).not.toBe(INACTIVE)
    const origin = { origin: 'https://evil.test' }
    const headers = { ...origin, 'access-control-request-method': 'POST' }
    for (const response of [
      await fetch(at.endpoints.revoke, { method: 'OPTIONS', headers }),
      await fetch(at.endpoints.revoke, { method: 'POST', headers: origin }),
    ]) {
      const names = [...response.headers.keys()]
      expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })

  verifies(['7009-5-a'], 'hints add no look-ups', async () => {
    await revoke({ token: await live() })
    const counts = new Set<number>()
    for (const token_type_hint of ['', 'access_token', 'refresh_token', 'banana']) {
      const token = await live()
      const traffic = await trafficOf(at.redis, () => revoke({ token, token_type_hint }))
      counts.add(traffic.length)
    }
    // The client, the cutoff, the record of it.
    expect([...counts]).toEqual([3])
  })

  verifies(['7009-5-a'], 'failures here are slowed together with those elsewhere', async () => {
    const wrong = { ...at.other, client_secret: 'wrong' }
    let response = await revoke({ token: 'x' }, wrong)
    for (let n = 0; n < 20 && response.status === 401; n++) {
      response = await revoke({ token: 'x' }, wrong)
    }
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    await expectError(response, 429, 'invalid_client')
    const elsewhere = await postForm(at.endpoints.token, wrong, {
      grant_type: 'client_credentials',
    })
    await expectError(elsewhere, 429, 'invalid_client')
    expect((await revoke({ token: 'x' }, at.other)).status).toBe(200)
  })

  verifies(['7009-x-a'], 'a hundred revocations at once are one event', async () => {
    for (const token of [await live(), (await at.login('alice')).refresh_token]) {
      const before = await events()
      const responses = await Promise.all(Array.from({ length: 100 }, () => revoke({ token })))
      expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
      expect((await events()) - before).toBe(1)
    }
  })

  async function events(): Promise<number> {
    const { direct } = at.redis
    const lengths = (await direct.keys('cc{*}l')).map((log) => direct.xlen(log))
    return (await Promise.all(lengths)).reduce((sum, length) => sum + length, 0)
  }

  verifies(
    ['7009-x-b'],
    'nothing is active that was asked after a revocation returned',
    async () => {
      for (let round = 0; round < 20; round++) {
        const token = await live()
        let hasReturned = false
        const asking = Array.from({ length: 8 }, async (_, n) => {
          for (let asked = 0; asked < 10; asked++) {
            const mustBeDead = hasReturned
            const verdict = await introspectText(at.introspect[n % 2] as string, at.grades, token)
            if (mustBeDead) expect(verdict).toBe(INACTIVE)
          }
        })
        const revoking = revoke({ token }).then(() => {
          hasReturned = true
        })
        await Promise.all([revoking, ...asking])
        expect(await verdicts(token)).toEqual([INACTIVE, INACTIVE])
      }
    },
  )

  it('takes the credentials from the body as well, but not from both (X1)', async () => {
    const token = await live()
    await expectError(await revoke({ token, ...at.web }), 400, 'invalid_request')
    expect(await at.verdict(token)).not.toBe(INACTIVE)
    expect((await postForm(at.endpoints.revoke, undefined, { token, ...at.web })).status).toBe(200)
    expect(await at.verdict(token)).toBe(INACTIVE)
  })
})
