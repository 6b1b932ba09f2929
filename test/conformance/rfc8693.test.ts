/** RFC 8693: a client gets a token in return for another one, never with more rights. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { parseSettings, SettingsError } from '../../settings/settings.ts'
import { introspectText, postForm, type TestClient } from '../fixture/requests.ts'
import { GRADES, INACTIVE } from '../fixture/world.ts'
import { expectError, expectNoStore, jsonOf, visible } from './answer.ts'
import { moveClock } from './clock.ts'
import {
  type ConformanceWorld,
  LIBRARY,
  SCOPE,
  startConformanceWorld,
} from './conformance-world.ts'
import { verifies } from './verifies.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPES = 'urn:ietf:params:oauth:token-type:'
const ACCESS = `${TYPES}access_token`
const GATEWAY = 'https://gateway.test'
const REPORTS = 'https://reports.test'
/** Seconds the tokens of the gateway may live: longer than those of the application. */
const GATEWAY_LIFETIME = 3_600
/** Who sends no credentials. */
const NOBODY = null

type Wishes = Readonly<Record<string, string | readonly string[]>>

describe('RFC 8693: token exchange', () => {
  let at: ConformanceWorld
  /** A service that calls others for its callers, and the one it calls, which does the same. */
  let gateway: TestClient
  let reports: TestClient
  /** What a user logged in with: aimed at everything. */
  let subjectToken: string

  beforeAll(async () => {
    at = await startConformanceWorld()
    const exchanges = { introspect: true, grant_types: [EXCHANGE, 'client_credentials'] }
    gateway = await at.register('gateway-api', {
      ...exchanges,
      scope: 'grades:read grades:write own:scope',
      resources: [GATEWAY],
      access_token_lifetime: GATEWAY_LIFETIME,
    })
    reports = await at.register('reports-api', {
      ...exchanges,
      scope: SCOPE,
      resources: [REPORTS],
      default_resources: [REPORTS],
    })
    subjectToken = await tokenFor('alice')
  })
  afterAll(() => at.close())

  async function tokenFor(sub: string, request: object = {}): Promise<string> {
    const resource = [GATEWAY, REPORTS, GRADES, LIBRARY]
    return (await at.login(sub, { resource, ...request })).access_token
  }

  /** Sends an exchange as it should be, with wishes; an empty list leaves a parameter out. */
  function exchange(wishes: Wishes = {}, client: TestClient | typeof NOBODY = gateway) {
    const asked = { subject_token: subjectToken, subject_token_type: ACCESS, ...wishes }
    const form = new URLSearchParams({ grant_type: EXCHANGE })
    for (const [name, value] of Object.entries(asked)) {
      for (const one of [value].flat()) form.append(name, one)
    }
    return postForm(at.endpoints.token, client ?? undefined, form)
  }
  const exchanged = async (wishes?: Wishes, client?: TestClient) =>
    String((await jsonOf(await exchange(wishes, client))).access_token)
  const verdict = (caller: TestClient, token: string) =>
    introspectText(at.introspect[1], caller, token)
  const answerOf = async (caller: TestClient, token: string) =>
    JSON.parse(await verdict(caller, token)) as Record<string, unknown>
  const revoke = async (target: object) =>
    expect((await at.callAdmin('POST', '/revocations', target)).status).toBe(200)

  for (const name of ['subject_token', 'subject_token_type']) {
    verifies(['8693-2.1-a'], `${name} is required, once`, async () => {
      for (const value of [[], '', [ACCESS, ACCESS]]) {
        await expectError(await exchange({ [name]: value }), 400, 'invalid_request')
      }
    })
  }

  verifies(['8693-2.1-a'], 'the grant type is the URN to the letter', async () => {
    expect((await exchange()).status).toBe(200)
    for (const name of ['token-exchange', EXCHANGE.toUpperCase(), `${EXCHANGE} `]) {
      const form = {
        grant_type: name,
        subject_token: subjectToken,
        subject_token_type: ACCESS,
      }
      await expectError(
        await postForm(at.endpoints.token, gateway, form),
        400,
        'unsupported_grant_type',
      )
    }
    const published = `${at.issuer}/.well-known/oauth-authorization-server`
    const { grant_types_supported } = await jsonOf(await fetch(published))
    expect(grant_types_supported).toContain(EXCHANGE)
  })

  verifies(['8693-2.1-b'], 'an actor token and its type come together', async () => {
    const actor_token = await tokenFor('bob')
    const alone: readonly Wishes[] = [{ actor_token }, { actor_token_type: ACCESS }]
    for (const wishes of [
      ...alone,
      { actor_token, actor_token_type: '' },
      { actor_token: '', actor_token_type: ACCESS },
      { actor_token, actor_token_type: `${TYPES}jwt` },
      { actor_token: [actor_token, actor_token], actor_token_type: ACCESS },
    ]) {
      await expectError(await exchange(wishes), 400, 'invalid_request')
    }
    expect((await exchange({ actor_token, actor_token_type: ACCESS })).status).toBe(200)
    expect((await exchange({ actor_token: '', actor_token_type: '' })).status).toBe(200)
  })

  verifies(['8693-2.1-c'], 'a malformed resource is invalid_target', async () => {
    for (const resource of ['/relative', `${GRADES}#part`, `${GRADES}#`, 'https://', '\r\n', 'x']) {
      await expectError(await exchange({ resource }), 400, 'invalid_target')
      await expectError(await exchange({ resource: [GRADES, resource] }), 400, 'invalid_target')
    }
    const many = Array.from({ length: 21 }, () => GRADES)
    await expectError(await exchange({ resource: many }), 400, 'invalid_target')
    await expectError(await exchange({ audience: many }), 400, 'invalid_target')
  })

  verifies(['8693-2.1-c', '8693-2.1.1-b'], 'several targets add up, each once', async () => {
    const wishes = { resource: [GRADES, GRADES], audience: ['library-api', GRADES, REPORTS] }
    const { aud } = await answerOf(at.grades, await exchanged(wishes))
    expect(aud).toEqual([GRADES, LIBRARY, REPORTS])
  })

  verifies(
    ['8693-2.1-d', '8693-2.2.2-a'],
    'every invalid target is refused in the same way',
    async () => {
      const login = await at.login('carol', { resource: [GATEWAY] })
      const revoked = await tokenFor('carol')
      await revoke({ token: revoked })
      const foreign = await tokenFor('carol', { resource: [GRADES] })
      const forged = subjectToken.slice(0, -1) + (subjectToken.endsWith('A') ? 'B' : 'A')
      const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.'
      const bad = {
        junk: 'junk',
        huge: 'x'.repeat(20_000),
        jwt,
        forged,
        'not quite ours': `${subjectToken} `,
        'a refresh token': login.refresh_token,
        revoked,
        'meant for and issued to others': foreign,
      }
      const seen = await visible(await exchange({ subject_token: 'nothing' }))
      await expectError(await exchange({ subject_token: 'nothing' }), 400, 'invalid_request')
      for (const subject_token of Object.values(bad)) {
        expect(await visible(await exchange({ subject_token }))).toEqual(seen)
      }
      const actor = (actor_token: string) => exchange({ actor_token, actor_token_type: ACCESS })
      const seenOfActor = await visible(await actor('nothing'))
      await expectError(await actor('nothing'), 400, 'invalid_request')
      for (const token of Object.values(bad)) {
        expect(await visible(await actor(token))).toEqual(seenOfActor)
      }
    },
  )

  verifies(
    ['8693-2.1-d'],
    'a token is good for whom it is meant for or was issued to',
    async () => {
      const own = await exchanged()
      expect((await exchange({ subject_token: own })).status).toBe(200)
      const narrowed = await exchanged({ resource: GRADES })
      // Issued to the gateway, though no longer meant for it.
      expect((await exchange({ subject_token: narrowed })).status).toBe(200)
      await expectError(
        await exchange({ subject_token: narrowed }, reports),
        400,
        'invalid_request',
      )
    },
  )

  verifies(['8693-2.1-e'], 'the client must be proved, confidential and registered', async () => {
    await expectError(await exchange({}, NOBODY), 401, 'invalid_client')
    const wrong = { ...gateway, client_secret: 'wrong' }
    await expectError(await exchange({}, wrong), 401, 'invalid_client')
    await expectError(
      await exchange({ client_id: at.publicId }, NOBODY),
      400,
      'unauthorized_client',
    )
    await expectError(await exchange({}, at.web), 400, 'unauthorized_client')
  })

  verifies(
    ['8693-2.1-e'],
    'a public client cannot register for it, nor use it if it did',
    async () => {
      const metadata = {
        token_endpoint_auth_method: 'none' as const,
        grant_types: [EXCHANGE],
        scope: SCOPE,
      }
      const put = await at.callAdmin('PUT', '/clients/public-exchanger', metadata)
      expect(put.status).toBe(400)
      await at.registerWithSecret('public-exchanger', 's', { ...metadata, resources: [GATEWAY] })
      const tried = await exchange({ client_id: 'public-exchanger' }, NOBODY)
      await expectError(tried, 400, 'unauthorized_client')
    },
  )

  verifies(['8693-2.1-f'], 'the subject token stays as it is', async () => {
    const before = await verdict(at.grades, subjectToken)
    const child = await exchanged()
    expect(await verdict(at.grades, subjectToken)).toBe(before)
    await revoke({ token: child })
    expect(await verdict(at.grades, child)).toBe(INACTIVE)
    expect(await verdict(at.grades, subjectToken)).toBe(before)
  })

  verifies(['8693-2.1-f'], 'what came of a token ends with it', async () => {
    const subject_token = await tokenFor('dave')
    const child = await exchanged({ subject_token })
    const grandchild = await exchanged({ subject_token: child }, reports)
    expect(await verdict(at.grades, grandchild)).not.toBe(INACTIVE)
    await revoke({ token: subject_token })
    for (const token of [child, grandchild]) expect(await verdict(at.grades, token)).toBe(INACTIVE)
  })

  verifies(['8693-2.1.1-a'], 'no scope beyond the subject token nor the client', async () => {
    const subject_token = await tokenFor('alice', { scope: 'grades:read profile' })
    for (const scope of [
      'grades:write',
      'profile',
      'own:scope',
      'grades:read profile',
      'x"y',
      '"',
    ]) {
      await expectError(await exchange({ subject_token, scope }), 400, 'invalid_scope')
    }
    for (const wishes of [{}, { scope: '' }, { scope: 'grades:read' }]) {
      const { scope } = await jsonOf(await exchange({ subject_token, ...wishes }))
      expect(scope).toBe('grades:read')
    }
    const nothing = await tokenFor('alice', { scope: 'profile' })
    const issued = await jsonOf(await exchange({ subject_token: nothing }))
    expect(issued).not.toHaveProperty('scope')
    expect(await answerOf(at.grades, String(issued.access_token))).not.toHaveProperty('scope')
  })

  verifies(['8693-2.1.1-a', '8693-2.2.2-b'], 'no target beyond the subject token', async () => {
    const subject_token = await tokenFor('alice', { resource: [GATEWAY, GRADES] })
    const beyond: readonly Wishes[] = [
      { resource: LIBRARY },
      { resource: [GRADES, LIBRARY] },
      { audience: 'library-api' },
      { audience: LIBRARY },
      { audience: ['grades-api', 'library-api'] },
      { resource: GRADES, audience: 'library-api' },
      { resource: at.issuer },
      { audience: at.issuer },
      { resource: 'https://unknown.test' },
      { audience: 'unknown-api' },
      { audience: '\u0001' },
      { audience: 'x'.repeat(5_000) },
      // Registered, and no resource server: it must not come to mean every target.
      { audience: 'other-app' },
    ]
    for (const wishes of beyond) {
      await expectError(await exchange({ subject_token, ...wishes }), 400, 'invalid_target')
    }
    const { aud } = await answerOf(at.grades, await exchanged({ subject_token }))
    expect(aud).toEqual([GATEWAY, GRADES])
  })

  verifies(['8693-2.1.1-a'], 'the issuer as a target follows the same rule', async () => {
    const { issuer } = at
    const subject_token = await tokenFor('alice', { resource: [GATEWAY, issuer] })
    for (const wishes of [{ resource: issuer }, { audience: issuer }]) {
      const child = await exchanged({ subject_token, ...wishes })
      expect(await verdict(gateway, child)).toBe(INACTIVE)
    }
  })

  verifies(['8693-2.1.1-a'], 'no target beyond what the client may aim at', async () => {
    const bound = await at.register('bound-api', {
      grant_types: [EXCHANGE],
      resources: ['https://bound.test'],
      allowed_resources: [GRADES, 'https://elsewhere.test'],
      scope: SCOPE,
    })
    const resource = ['https://bound.test', GRADES, LIBRARY]
    const subject_token = await tokenFor('alice', { resource })
    const { aud } = await answerOf(at.grades, await exchanged({ subject_token }, bound))
    expect(aud).toEqual([GRADES])
    for (const wishes of [{ resource: LIBRARY }, { audience: 'library-api' }]) {
      const refused = await exchange({ subject_token, ...wishes }, bound)
      await expectError(refused, 400, 'invalid_target')
    }
    const without = await tokenFor('alice', { resource: ['https://bound.test', LIBRARY] })
    await expectError(await exchange({ subject_token: without }, bound), 400, 'invalid_target')
  })

  verifies(['8693-2.1.1-a', '8693-2.2.1-b'], 'no life beyond that of either', async () => {
    const subject_token = await tokenFor('erin')
    const { exp } = await answerOf(at.grades, subject_token)
    const long = await jsonOf(await exchange({ subject_token }))
    const told = await answerOf(at.grades, String(long.access_token))
    expect(told.exp).toBe(exp)
    expect(long.expires_in).toBe(Number(told.exp) - Number(told.iat))
    const brief = await at.register('brief-api', {
      grant_types: [EXCHANGE],
      resources: [GATEWAY],
      scope: SCOPE,
      access_token_lifetime: 5,
    })
    expect((await jsonOf(await exchange({ subject_token }, brief))).expires_in).toBe(5)
  })

  verifies(['8693-2.1.1-b'], 'the target decides who sees the token as active', async () => {
    for (const wishes of [
      { resource: LIBRARY },
      { audience: 'library-api' },
      { audience: LIBRARY },
    ]) {
      const child = await exchanged(wishes)
      expect((await answerOf(at.library, child)).aud).toEqual([LIBRARY])
      expect(await verdict(at.grades, child)).toBe(INACTIVE)
      expect(await verdict(gateway, child)).toBe(INACTIVE)
    }
  })

  verifies(['8693-2.1.1-b'], 'a service stands for all its resources', async () => {
    const both = ['https://one.test', 'https://two.test']
    await at.register('twofold-api', { introspect: true, resources: both })
    const subject_token = await tokenFor('alice', { resource: [GATEWAY, ...both] })
    const child = await exchanged({ subject_token, audience: 'twofold-api' })
    expect(await verdict(gateway, child)).toBe(INACTIVE)
    const half = await tokenFor('alice', { resource: [GATEWAY, 'https://one.test'] })
    const refused = await exchange({ subject_token: half, audience: 'twofold-api' })
    await expectError(refused, 400, 'invalid_target')
    await at.callAdmin('PUT', '/clients/twofold-api', { enabled: false })
    const gone = await exchange({ subject_token, audience: 'twofold-api' })
    await expectError(gone, 400, 'invalid_target')
  })

  verifies(
    ['8693-2.2.1-a', '8693-2.2.1-b', '8693-2.2.1-c'],
    'the answer has these members and no others',
    async () => {
      const response = await exchange({ scope: 'grades:read' })
      expectNoStore(response)
      const issued = await jsonOf(response)
      expect(issued).toEqual({
        access_token: expect.stringMatching(/^cc_at_/),
        issued_token_type: ACCESS,
        token_type: 'Bearer',
        expires_in: expect.any(Number),
        scope: 'grades:read',
      })
    },
  )

  verifies(['8693-2.2.1-a'], 'an independent client understands the answer', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true }
    const as = { issuer: at.issuer, token_endpoint: at.endpoints.token }
    const response = await oauth.genericTokenEndpointRequest(
      as,
      { client_id: gateway.client_id },
      oauth.ClientSecretBasic(gateway.client_secret),
      EXCHANGE,
      { subject_token: subjectToken, subject_token_type: ACCESS, audience: 'grades-api' },
      insecure,
    )
    const known = { client_id: gateway.client_id }
    const issued = await oauth.processGenericTokenEndpointResponse(as, known, response)
    expect(issued).toMatchObject({ issued_token_type: ACCESS, token_type: 'bearer' })
    expect(await answerOf(at.grades, issued.access_token)).toMatchObject({ active: true })
  })

  verifies(
    ['8693-2.2.2-a'],
    'a bad grant is invalid_request here and invalid_grant there',
    async () => {
      await expectError(await exchange({ subject_token: 'junk' }), 400, 'invalid_request')
      const form = { grant_type: 'refresh_token', refresh_token: 'junk' }
      await expectError(await postForm(at.endpoints.token, at.web, form), 400, 'invalid_grant')
    },
  )

  verifies(['8693-3-a'], 'no other type is taken or given', async () => {
    const others = [
      'refresh_token',
      'id_token',
      'jwt',
      'saml1',
      'saml2',
      'Access_token',
      'nonsense',
    ]
    for (const type of [...others.map((name) => TYPES + name), 'access_token', 'x'.repeat(9_000)]) {
      for (const name of ['subject_token_type', 'requested_token_type']) {
        await expectError(await exchange({ [name]: type }), 400, 'invalid_request')
      }
    }
    for (const requested_token_type of ['', ACCESS]) {
      const { issued_token_type } = await jsonOf(await exchange({ requested_token_type }))
      expect(issued_token_type).toBe(ACCESS)
    }
  })

  verifies(
    ['8693-1.1-a', '8693-4.1-a', '8693-4.1-d'],
    'a token without an actor token names the client that acts',
    async () => {
      const answer = await answerOf(at.grades, await exchanged())
      expect(answer).toMatchObject({ sub: 'alice', client_id: 'gateway-api' })
      expect(answer.act).toEqual({ sub: 'gateway-api', client_id: 'gateway-api' })
    },
  )

  verifies(['8693-4.1-a', '8693-4.1-d'], 'an actor token names who acts', async () => {
    const wishes = { actor_token: await tokenFor('bob'), actor_token_type: ACCESS }
    const answer = await answerOf(at.grades, await exchanged(wishes))
    expect(answer.sub).toBe('alice')
    expect(answer.act).toEqual({ sub: 'bob', client_id: 'gateway-api' })
  })

  verifies(['8693-4.1-c'], 'the newest actor stands outside, four of them at most', async () => {
    const bob = { actor_token: await tokenFor('bob'), actor_token_type: ACCESS }
    const byGateway = await exchanged()
    const byReports = await exchanged({ subject_token: byGateway, ...bob }, reports)
    const { act } = await answerOf(at.grades, byReports)
    const gatewayActs = { sub: 'gateway-api', client_id: 'gateway-api' }
    expect(act).toEqual({ sub: 'bob', client_id: 'reports-api', act: gatewayActs })

    const third = await exchanged({ subject_token: byReports })
    const fourth = await exchanged({ subject_token: third })
    expect((await answerOf(at.grades, fourth)).act).toEqual({
      ...gatewayActs,
      act: { ...gatewayActs, act },
    })
    await expectError(await exchange({ subject_token: fourth }), 400, 'invalid_request')
  })

  verifies(['8693-4.1-b'], 'actors give a token nothing', async () => {
    const { roleSchemas, assignments } = at.store
    await roleSchemas.put({ admin: { permissions: ['everything'], assumable: [] } })
    await assignments.apply([{ op: 'assign', sub: 'mighty', context: '*', role: 'admin' }])
    const mighty = { actor_token: await tokenFor('mighty'), actor_token_type: ACCESS }
    const prior = await exchanged(mighty)
    const outer = await exchanged({ subject_token: prior, ...mighty })
    for (const token of [prior, outer]) {
      expect(await answerOf(at.grades, token)).toMatchObject({ roles: [], permissions: {} })
    }
  })

  verifies(['8693-6-a'], 'no exchange in production without TLS', () => {
    const problems = () => parseSettings({ NODE_ENV: 'production' }, () => '')
    expect(problems).toThrow(SettingsError)
    expect(problems).toThrow('CLAIMCHECK_TLS_CERT')
  })

  verifies(['8693-2.2.2-a', '8693-2.1-d'], 'an expired token is no better than junk', async () => {
    const subject_token = await tokenFor('alice')
    const wishes = { actor_token: subject_token, actor_token_type: ACCESS }
    const [seen, seenOfActor] = [
      await visible(await exchange({ subject_token: 'nothing' })),
      await visible(await exchange({ ...wishes, actor_token: 'nothing' })),
    ]
    await moveClock(at.redis, 601)
    expect(await visible(await exchange({ subject_token }))).toEqual(seen)
    const fresh = await tokenFor('alice')
    const asked = { ...wishes, subject_token: fresh }
    expect(await visible(await exchange(asked))).toEqual(seenOfActor)
  })
})
