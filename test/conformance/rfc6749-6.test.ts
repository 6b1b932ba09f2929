/** RFC 6749 §6: which client may refresh, and for which scope. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { postForm, type TestClient } from '../fixture/requests.ts'
import { INACTIVE } from '../fixture/world.ts'
import { expectError, expectNoStore, jsonOf } from './answer.ts'
import { type ConformanceWorld, SCOPE, startConformanceWorld } from './conformance-world.ts'
import { trafficOf } from './redis-traffic.ts'
import { verifies } from './verifies.ts'

describe('RFC 6749 §6: refreshing an access token', () => {
  let at: ConformanceWorld
  const refresh = (
    refresh_token: string,
    more: Record<string, string> = {},
    client: TestClient | undefined = at.web,
  ) => postForm(at.endpoints.token, client, { grant_type: 'refresh_token', refresh_token, ...more })
  const scopeOf = async (token: unknown) =>
    (JSON.parse(await at.verdict(String(token))) as { readonly scope?: string }).scope

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  verifies(['6749-5.1-a', '6749-5.1-b'], 'a refresh answers like any grant', async () => {
    const first = await at.login('alice')
    const response = await refresh(first.refresh_token)
    expectNoStore(response)
    const next = await jsonOf(response)
    expect(next).toMatchObject({ token_type: 'Bearer', scope: SCOPE })
    expect(next.refresh_token).not.toBe(first.refresh_token)
    expect(await scopeOf(next.access_token)).toBe(SCOPE)
  })

  verifies(
    ['6749-6-a', '6749-5.2-c'],
    "another client's refresh token is invalid_grant",
    async () => {
      const { access_token, refresh_token } = await at.login('alice')
      const foreign = await refresh(refresh_token, {}, at.other)
      await expectError(foreign, 400, 'invalid_grant')
      const named = { grant_type: 'refresh_token', refresh_token, client_id: at.publicId }
      await expectError(await postForm(at.endpoints.token, undefined, named), 400, 'invalid_grant')
      expect(await at.verdict(access_token)).not.toBe(INACTIVE)
      expect((await refresh(refresh_token)).status).toBe(200)
    },
  )

  verifies(['6749-6-a'], 'a confidential client must be proved', async () => {
    const { refresh_token } = await at.login('alice')
    const wrong = { ...at.web, client_secret: 'wrong' }
    await expectError(await refresh(refresh_token, {}, wrong), 401, 'invalid_client')
    const named = { grant_type: 'refresh_token', refresh_token, client_id: at.web.client_id }
    await expectError(await postForm(at.endpoints.token, undefined, named), 401, 'invalid_client')
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  verifies(['6749-6-a'], 'a public client refreshes by its name', async () => {
    const { refresh_token } = await at.login('alice', { client_id: at.publicId })
    const form = { grant_type: 'refresh_token', refresh_token, client_id: at.publicId }
    const next = await jsonOf(await postForm(at.endpoints.token, undefined, form))
    expect(await scopeOf(next.access_token)).toBe(SCOPE)
  })

  verifies(['6749-6-b'], 'more than granted is refused and uses nothing up', async () => {
    const { refresh_token } = await at.login('alice', { scope: 'grades:read' })
    for (const scope of ['grades:read profile', 'profile', SCOPE, 'unheard-of']) {
      const traffic = await trafficOf(at.redis, async () => {
        await expectError(await refresh(refresh_token, { scope }), 400, 'invalid_scope')
      })
      // Reads of one key each, the client and the grant; the script that rotates takes seven.
      expect(new Set(traffic.map(([, , numberOfKeys]) => numberOfKeys))).toEqual(new Set(['1']))
    }
    const next = await jsonOf(await refresh(refresh_token))
    expect(next.scope).toBe('grades:read')
    expect(await scopeOf(next.access_token)).toBe('grades:read')
  })

  verifies(['6749-6-b'], 'no scope means all of the grant', async () => {
    const { refresh_token } = await at.login('alice', { scope: 'profile grades:read' })
    for (const more of [{}, { scope: '' }]) {
      expect((await jsonOf(await refresh(refresh_token, more))).scope).toBe('profile grades:read')
    }
  })

  verifies(['6749-6-c'], 'a narrow access token does not narrow the next', async () => {
    const { refresh_token } = await at.login('alice')
    const narrow = await jsonOf(await refresh(refresh_token, { scope: 'profile' }))
    expect(narrow.scope).toBe('profile')
    expect(await scopeOf(narrow.access_token)).toBe('profile')
    const wide = await jsonOf(await refresh(String(narrow.refresh_token), { scope: SCOPE }))
    expect(wide.scope).toBe(SCOPE)
    expect(await scopeOf(wide.access_token)).toBe(SCOPE)
    expect(await scopeOf(narrow.access_token)).toBe('profile')
  })

  verifies(['6749-5.2-c'], 'anything but a live refresh token is invalid_grant', async () => {
    const { access_token, refresh_token } = await at.login('alice')
    const forged = `${refresh_token.slice(0, -1)}${refresh_token.endsWith('A') ? 'B' : 'A'}`
    for (const token of ['junk', 'x'.repeat(4_096), access_token, forged, `${refresh_token} `]) {
      await expectError(await refresh(token), 400, 'invalid_grant')
    }
    await postForm(at.endpoints.revoke, at.web, { token: refresh_token })
    await expectError(await refresh(refresh_token), 400, 'invalid_grant')
    await expectError(await refresh(''), 400, 'invalid_request')
  })

  verifies(
    ['6749-5.2-c'],
    'a retry gets the same successor; a later reuse ends the grant',
    async () => {
      const first = await at.login('alice')
      const next = await jsonOf(await refresh(first.refresh_token))
      const retry = await jsonOf(await refresh(first.refresh_token))
      expect(retry).toMatchObject({
        access_token: next.access_token,
        refresh_token: next.refresh_token,
      })
      const after = await jsonOf(await refresh(String(next.refresh_token)))
      await expectError(await refresh(first.refresh_token), 400, 'invalid_grant')
      for (const token of [first.access_token, next.access_token, after.access_token]) {
        expect(await at.verdict(String(token))).toBe(INACTIVE)
      }
      await expectError(await refresh(String(after.refresh_token)), 400, 'invalid_grant')
    },
  )
})
