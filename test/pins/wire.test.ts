/**
 * What travels, frozen as literals: answers, errors, problems, metadata members. Callers rely on each of these; a change
 * here is a change of the contract. Never loosen one to get green.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchToken, postForm, type TestClient } from '../fixture/requests.ts'
import { startWorld, type World } from '../fixture/world.ts'

let world: World

beforeAll(async () => {
  const grant_types = ['client_credentials', 'refresh_token']
  world = await startWorld({ web: { grant_types, scope: 'grades:read' } })
})

afterAll(() => world.close())

const token = (form: Record<string, string>, client: TestClient | undefined = world.web) =>
  postForm(`${world.issuer}/token`, client, form)

describe('introspection', () => {
  it('of a live token has these members in this order, and a stamp', async () => {
    const access = await fetchToken(world.issuer, world.web)
    const response = await postForm(`${world.introspect[0]}/introspect`, world.grades, {
      token: access,
    })
    expect(response.headers.get('claimcheck-freshness')).toMatch(/^\d+:[0-9a-f]{16}:\d+$/)
    const body = (await response.json()) as Record<string, unknown>
    expect(Object.keys(body)).toEqual([
      'active',
      'iss',
      'sub',
      'client_id',
      'scope',
      'aud',
      'token_type',
      'iat',
      'exp',
      'jti',
      'grant_id',
      'roles',
      'context_roles',
      'context_roles_complete',
      'permissions',
    ])
    expect(body).toMatchObject({
      active: true,
      sub: 'web-app',
      token_type: 'Bearer',
      scope: 'grades:read',
    })
  })

  it('tells of roles with these members, and in the stamp how long the first lasts, in ms', async () => {
    const { store } = world
    const staff = await world.register('staff-app', {
      default_resources: ['https://grades.test'],
    })
    const expiresAt = 4_000_000_000
    await store.roleSchemas.put({ staff: { permissions: ['grade', 'read'], assumable: [] } })
    await store.assignments.apply([
      { op: 'assign', sub: 'staff-app', context: '*', role: 'staff' },
      { op: 'assign', sub: 'staff-app', context: 'course:1', role: 'staff', expiresAt },
    ])
    const access = await fetchToken(world.issuer, staff)
    const ask = (form: Record<string, string>) =>
      postForm(`${world.introspect[0]}/introspect`, world.grades, { token: access, ...form })
    const before = Date.now()
    const response = await ask({ context: 'course:1 course:2' })
    const stamp = /^\d+:[0-9a-f]{16}:\d+:(\d+)$/.exec(
      response.headers.get('claimcheck-freshness') ?? '',
    )
    const readAt = expiresAt * 1_000 - Number(stamp?.[1])
    expect([before <= readAt, readAt <= Date.now() + 1]).toEqual([true, true])
    expect(await response.json()).toMatchObject({
      roles: ['staff'],
      context_roles: { 'course:1': ['staff'], 'course:2': [] },
      context_roles_complete: false,
      permissions: { '*': ['grade', 'read'], 'course:1': ['grade', 'read'], 'course:2': [] },
    })
    expect(await (await ask({})).json()).toMatchObject({
      context_roles: { 'course:1': ['staff'] },
      context_roles_complete: true,
    })
    const refused = await ask({ context: 'course' })
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: expect.any(String) },
    ])
  })

  it('of anything else is always the same text', async () => {
    expect(await world.verdict('junk')).toBe('{"active":false}')
  })

  it('of a batch keeps the order, stamps what is active', async () => {
    const access = await fetchToken(world.issuer, world.web)
    const response = await fetch(`${world.introspect[0]}/introspect/batch`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`grades-api:${world.grades.client_secret}`)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ tokens: ['junk', access, 'junk'] }),
    })
    expect(response.headers.get('claimcheck-freshness')).toMatch(/^-,\d+:[0-9a-f]{16}:\d+,-$/)
    const { results } = (await response.json()) as { results: { active: boolean }[] }
    expect(results.map(({ active }) => active)).toEqual([false, true, false])
  })
})

describe('the token endpoint', () => {
  it('answers with these members', async () => {
    const response = await token({ grant_type: 'client_credentials' })
    expect(await response.json()).toEqual({
      access_token: expect.stringMatching(/^cc_at_[A-Za-z0-9_-]{68}$/),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'grades:read',
    })
  })

  const errors: readonly (readonly [number, string, Record<string, string>, boolean])[] = [
    [400, 'invalid_request', {}, true],
    [400, 'unsupported_grant_type', { grant_type: 'password' }, true],
    [400, 'invalid_scope', { grant_type: 'client_credentials', scope: 'other' }, true],
    [400, 'invalid_target', { grant_type: 'client_credentials', resource: 'https://x.test' }, true],
    [400, 'invalid_grant', { grant_type: 'refresh_token', refresh_token: 'junk' }, true],
    [401, 'invalid_client', { grant_type: 'client_credentials' }, false],
  ]
  for (const [status, error, form, isAuthenticated] of errors) {
    it(`refuses with ${status} ${error}`, async () => {
      const response = await postForm(
        `${world.issuer}/token`,
        isAuthenticated ? world.web : undefined,
        form,
      )
      expect(response.status).toBe(status)
      expect(await response.json()).toEqual({ error, error_description: expect.any(String) })
    })
  }

  it('refuses a client a grant type it is not registered for', async () => {
    const response = await token({ grant_type: 'refresh_token', refresh_token: 'x' }, world.grades)
    expect([response.status, await response.json()]).toEqual([
      400,
      {
        error: 'unauthorized_client',
        error_description: 'this client may not use this grant type',
      },
    ])
  })
})

describe('the admin API', () => {
  it('reports a problem with these members', async () => {
    const response = await world.callAdmin('GET', '/clients/unknown')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toEqual({
      type: 'urn:claimcheck:problem:not-found',
      title: 'There is nothing here',
      status: 404,
      detail: 'No client of this id is registered.',
      instance: expect.stringMatching(/^urn:claimcheck:request:/),
    })
  })

  it('shows a client with these members', async () => {
    const response = await world.callAdmin('GET', '/clients/web-app')
    expect(await response.json()).toEqual({
      client_id: 'web-app',
      enabled: true,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials', 'refresh_token'],
      scope: 'grades:read',
      resources: [],
      introspect: false,
      default_resources: ['https://grades.test'],
      access_token_lifetime: 3600,
      refresh_token_lifetime: 2592000,
      refresh_token_idle_lifetime: 1209600,
      secrets: [{ secret_id: expect.any(String), created_at: expect.any(Number) }],
    })
  })

  it('answers an issue, a revocation, a listing with these members', async () => {
    const body = { sub: 'alice', client_id: 'web-app', refresh: true }
    const issued = await world.callAdmin('POST', '/tokens', body)
    expect(await issued.json()).toEqual({
      access_token: expect.stringMatching(/^cc_at_/),
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: expect.stringMatching(/^cc_rt_[A-Za-z0-9_-]{68}$/),
      scope: 'grades:read',
      grant_id: expect.stringMatching(/^[A-Za-z0-9_-]{17}$/),
      sid: expect.stringMatching(/^[A-Za-z0-9_-]{17}$/),
    })
    const grants = await world.callAdmin('GET', '/subjects/alice/grants')
    expect(await grants.json()).toEqual({
      grants: [
        {
          grant_id: expect.any(String),
          client_id: 'web-app',
          sid: expect.any(String),
          scope: 'grades:read',
          aud: ['https://grades.test'],
          issued_at: expect.any(Number),
          expires_at: expect.any(Number),
          refresh: true,
        },
      ],
    })
    const revoked = await world.callAdmin('POST', '/revocations', { subject: 'alice' })
    expect(await revoked.json()).toEqual({
      id: expect.stringMatching(/^rv_/),
      level: 'subject',
      cutoff: expect.any(Number),
      dry_run: false,
      affected: 1,
    })
  })
})
