/** RFC 7662 §2.2: the introspection response, active and inactive. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { createTokenKeyRing } from '../../store/mint/key-ring.ts'
import { createTokenMint } from '../../store/mint/token.ts'
import { createPartitions } from '../../store/partitions.ts'
import { fetchToken, postForm } from '../fixture/requests.ts'
import { TEST_TOKEN_KEYS } from '../fixture/services.ts'
import { GRADES, INACTIVE } from '../fixture/world.ts'
import { expectNoStore, jsonOf, visible } from './answer.ts'
import { moveClock } from './clock.ts'
import { type ConformanceWorld, LIBRARY, startConformanceWorld } from './conformance-world.ts'
import { trafficOf } from './redis-traffic.ts'
import { verifies } from './verifies.ts'

const GRANT_LENGTH = 16

/** A token with the right shape that was never issued; genuine if made with the keys of the installation. */
function neverIssued(keys = TEST_TOKEN_KEYS, isOfGrant = false): string {
  const mint = createTokenMint(createTokenKeyRing(keys), createPartitions(64))
  const grant = isOfGrant ? mint.random().slice(0, GRANT_LENGTH) : ''
  return mint.write({ kind: 'access', partition: 7, grant, random: mint.random() })
}

describe('RFC 7662 §2.2: introspection response', () => {
  let at: ConformanceWorld
  /** Tokens that are inactive to the grades service, each for a different reason. */
  const inactive: Record<string, string> = {}
  const ask = (token: string) => postForm(at.endpoints.introspect, at.grades, { token })

  beforeAll(async () => {
    at = await startConformanceWorld()
    const { issuer } = at
    const user = await at.login('alice')
    inactive.expired = user.access_token
    inactive['expired grant'] = (await at.login('alice')).refresh_token
    await moveClock(at.redis, user.expires_in)

    inactive.revoked = await fetchToken(issuer, at.web)
    await postForm(at.endpoints.revoke, at.web, { token: inactive.revoked })
    inactive['never issued'] = neverIssued()
    inactive['of a grant never issued'] = neverIssued(TEST_TOKEN_KEYS, true)
    const foreignKeys = TEST_TOKEN_KEYS.map(({ id }) => ({ id, secret: randomBytes(32) }))
    inactive['of another installation'] = neverIssued(foreignKeys)
    inactive['not for this caller'] = await fetchToken(issuer, at.web, { resource: LIBRARY })
    inactive['for the issuer'] = at.adminToken()
    const logout = await at.login('bob')
    inactive['of a revoked session'] = logout.access_token
    await at.callAdmin('POST', '/revocations', { session: logout.sid })
    inactive['of a suspended subject'] = (await at.login('carol')).access_token
    await at.callAdmin('PUT', '/subjects/carol', { status: 'suspended' })
    const gone = await at.register('gone-app', { default_resources: [GRADES] })
    inactive['of a deleted client'] = await fetchToken(issuer, gone)
    await at.callAdmin('DELETE', '/clients/gone-app')
    inactive['a refresh token'] = (await at.login('dave')).refresh_token
    inactive.junk = 'junk'
    inactive['4 KiB of junk'] = 'x'.repeat(4_096)
  })
  afterAll(() => at.close())

  verifies(['7662-2.2-a', '7662-x-a'], 'an active token is 200 and active is true', async () => {
    const response = await ask(await fetchToken(at.issuer, at.web))
    expectNoStore(response)
    expect((await jsonOf(response)).active).toBe(true)
  })

  verifies(['7662-2.2-b'], 'the scope is one text', async () => {
    const token = await fetchToken(at.issuer, at.web, { scope: 'grades:read profile' })
    expect((await jsonOf(await ask(token))).scope).toBe('grades:read profile')
  })

  verifies(['7662-2.2-b'], 'no scope is no member', async () => {
    const plain = await at.register('plain-app', { default_resources: [GRADES] })
    const token = await fetchToken(at.issuer, plain)
    expect(Object.keys(await jsonOf(await ask(token)))).not.toContain('scope')
  })

  verifies(['7662-2.2-c'], 'times are whole seconds', async () => {
    const { access_token, expires_in } = await at.login('alice', { auth_time: 1_700_000_000 })
    const { iat, exp, auth_time } = (await jsonOf(await ask(access_token))) as {
      readonly [name: string]: number
    }
    for (const time of [iat, exp, auth_time]) {
      expect(time).toSatisfy(Number.isSafeInteger)
      expect(time).toBeLessThan(1e11)
    }
    expect((exp as number) - (iat as number)).toBe(expires_in)
  })

  verifies(['7662-2.2-d'], 'registered members keep their meaning', async () => {
    await at.callAdmin('PUT', '/subjects/erin', { username: 'erin@example.test' })
    const resource = [GRADES, LIBRARY]
    const { access_token } = await at.login('erin', { resource })
    expect(await jsonOf(await ask(access_token))).toMatchObject({
      iss: at.issuer,
      sub: 'erin',
      aud: resource,
      client_id: 'web-app',
      username: 'erin@example.test',
      token_type: 'Bearer',
      jti: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
    })
  })

  verifies(['7662-2.2-d'], 'each token has a unique jti, and keeps it', async () => {
    const [one, two] = [await at.login('alice'), await at.login('alice')]
    const jti = async (token: string) => (await jsonOf(await ask(token))).jti
    expect(await jti(one.access_token)).toBe(await jti(one.access_token))
    expect(await jti(one.access_token)).not.toBe(await jti(two.access_token))
  })

  verifies(
    ['7662-2.2-e', '7662-x-c'],
    'members of our own are grant_id and those that tell of roles',
    async () => {
      const { access_token } = await at.login('frank', { acr: 'high', amr: ['pwd'], auth_time: 1 })
      const answer = await jsonOf(await ask(access_token))
      const ours = ['grant_id', 'context_roles', 'context_roles_complete', 'permissions']
      const registered = [
        ...['active', 'scope', 'client_id', 'token_type', 'exp', 'iat', 'sub', 'aud', 'iss', 'jti'],
        ...['sid', 'acr', 'amr', 'auth_time', 'roles'],
      ]
      expect(Object.keys(answer).sort()).toEqual([...registered, ...ours].sort())
      expect(answer).toMatchObject({ acr: 'high', amr: ['pwd'], auth_time: 1 })
    },
  )

  verifies(['7662-x-d'], 'a million roles would not make the answer larger', async () => {
    const { store } = at
    await store.roleSchemas.put({ student: { permissions: ['grade:read'], assumable: [] } })
    const sizes: number[] = []
    for (const [sub, courses] of [
      ['some', 101],
      ['many', 5_000],
    ] as const) {
      const changes = Array.from({ length: courses }, (_, course) => ({
        ...{ op: 'assign' as const, sub, role: 'student' },
        context: `course:${1_000_000 + course}`,
      }))
      await store.assignments.apply(changes)
      const { access_token } = await at.login(sub)
      const response = await postForm(at.endpoints.introspect, at.grades, {
        token: access_token,
        context: 'course:1000000',
      })
      const text = await response.text()
      expect(JSON.parse(text).context_roles).toEqual({ 'course:1000000': ['student'] })
      sizes.push(text.length)
    }
    expect(sizes[0]).toBe(sizes[1])
  })

  verifies(['7662-2.2-g'], 'void, unknown and foreign tokens give the same bytes', async () => {
    for (const [why, token] of Object.entries(inactive)) {
      const response = await ask(token)
      expect({ why, status: response.status, body: await response.text() }).toEqual({
        why,
        status: 200,
        body: INACTIVE,
      })
    }
  })

  verifies(
    ['7662-2.2-g'],
    'each of these tokens is inactive for a reason it stands for',
    async () => {
      for (const token of Object.values(inactive)) await ask(token)
      const metrics = await (await fetch(`${at.introspect[0]}/metrics`)).text()
      const counted = [...metrics.matchAll(/introspections_total\{outcome="([^"]+)"/g)]
      const reasons = new Set(counted.map(([, outcome]) => outcome))
      reasons.delete('active')
      expect(reasons).toEqual(
        new Set(['expired', 'revoked', 'unknown', 'junk', 'audience', 'refresh-token']),
      )
    },
  )

  verifies(['7662-2.2-h', '7662-x-a'], 'the headers of inactive answers are the same', async () => {
    const expected = await visible(await ask('junk'))
    expect(Object.fromEntries(expected.headers)).toEqual({
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'content-type': 'application/json',
      'content-length': String(INACTIVE.length),
      connection: 'keep-alive',
      'keep-alive': expect.any(String),
    })
    for (const [why, token] of Object.entries(inactive)) {
      expect({ why, ...(await visible(await ask(token))) }).toEqual({ why, ...expected })
    }
  })

  verifies(['7662-2.2-h'], 'another credential of the caller makes no difference', async () => {
    for (const token of Object.values(inactive)) {
      const response = await postForm(at.endpoints.introspect, undefined, { token, ...at.grades })
      expect(Object.keys(await jsonOf(response))).toEqual(['active'])
    }
  })

  verifies(['7662-2.2-i'], 'every inactive answer costs one round trip', async () => {
    for (const [why, token] of Object.entries(inactive)) {
      const traffic = await trafficOf(at.redis, () => ask(token))
      expect({ why, roundTrips: traffic.length }).toEqual({ why, roundTrips: 1 })
    }
  })

  verifies(
    ['7662-2.2-g', '7662-x-b'],
    'a refresh token is inactive even to its client',
    async () => {
      const owner = await at.register('both-app', {
        introspect: true,
        resources: ['https://both.test'],
        grant_types: ['client_credentials', 'refresh_token'],
        default_resources: ['https://both.test'],
      })
      const { access_token, refresh_token } = await at.login('gina', { client_id: 'both-app' })
      const asOwner = (token: string) => postForm(at.endpoints.introspect, owner, { token })
      expect(await jsonOf(await asOwner(access_token))).toMatchObject({ active: true })
      expect(await (await asOwner(refresh_token)).text()).toBe(INACTIVE)
      const hinted = { token: refresh_token, token_type_hint: 'refresh_token' }
      expect(await (await postForm(at.endpoints.introspect, owner, hinted)).text()).toBe(INACTIVE)
    },
  )
})
