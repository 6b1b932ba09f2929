/** Who did what: every change of an operator and every refused attempt can be read back, and nothing secret in it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../store/audit.ts'
import { startRedis, type TestRedis } from '../redis-server.ts'
import {
  fetchToken,
  postForm,
  startServices,
  type TestClient,
  type TestServices,
} from '../services.ts'
import { waitFor } from '../wait-for.ts'

interface Page {
  readonly records: readonly (AuditRecord & { readonly id: string; readonly at: number })[]
  readonly next_cursor?: string
}

let redis: TestRedis
let services: TestServices
let grades: TestClient
let web: TestClient

beforeAll(async () => {
  redis = await startRedis()
  services = await startServices({ redisUrl: redis.url })
  grades = await services.register('grades-api', {
    introspect: true,
    resources: ['https://grades.test'],
  })
  web = await services.register('web-app', {
    scope: 'grades:read claimcheck:audit',
    default_resources: ['https://grades.test'],
  })
})

afterAll(async () => {
  await services.close()
  await redis.stop()
})

const ask = (node: 0 | 1, client: TestClient, token: string): Promise<Response> =>
  postForm(`${services.introspect[node]}/introspect`, client, { token })

async function read(query: string): Promise<Page> {
  const response = await services.callAdmin('GET', `/audit?${query}`)
  expect(response.status).toBe(200)
  return (await response.json()) as Page
}

async function issue(
  sub: string,
): Promise<{ access_token: string; grant_id: string; sid: string }> {
  const response = await services.callAdmin('POST', '/tokens', { sub, client_id: 'web-app' })
  return (await response.json()) as { access_token: string; grant_id: string; sid: string }
}

describe('the audit', () => {
  it('tells who did what to a subject, from where, by which request, and why', async () => {
    const { grant_id, sid } = await issue('alice')
    await services.callAdmin('PUT', '/subjects/alice', { name: 'Alice', status: 'active' })
    await services.callAdmin('POST', '/revocations', { subject: 'alice', reason: 'phone stolen' })
    const { records } = await read('subject=alice&order=asc')
    const common = {
      result: 'done',
      actor: 'admin',
      actor_client: 'admin',
      subject: 'alice',
      source: expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$/),
      request_id: expect.any(String),
      at: expect.any(Number),
      id: expect.any(String),
    }
    expect(records).toEqual([
      {
        ...common,
        action: 'token.issue',
        client: 'web-app',
        target: {
          grant: grant_id,
          session: sid,
          scope: 'grades:read claimcheck:audit',
          aud: 'https://grades.test',
        },
      },
      { ...common, action: 'subject.put', target: { status: 'active', claims: 'name' } },
      {
        ...common,
        action: 'revocation.create',
        reason: 'phone stolen',
        target: {
          level: 'subject',
          cutoff: expect.any(Number),
          revocation: expect.any(String),
          affected: 1,
        },
      },
    ])
  })

  it('tells of clients, their secrets, and of what a client revoked itself', async () => {
    const { client_id } = await services.register('short-lived', {
      scope: 'a',
      grant_types: ['client_credentials'],
    })
    const added = await services.callAdmin('POST', `/clients/${client_id}/secrets`)
    const client = (await added.json()) as TestClient
    const token = await fetchToken(services.issuer, client)
    await postForm(`${services.issuer}/revoke`, client, { token })
    await services.callAdmin('DELETE', `/clients/${client_id}`)
    const { records } = await read(`client=${client_id}&order=asc`)
    expect(records.map(({ action, actor_client }) => [action, actor_client])).toEqual([
      ['client.put', 'admin'],
      ['client.secret', 'admin'],
      ['client.secret', 'admin'],
      ['revocation.create', client_id],
      ['client.delete', 'admin'],
    ])
  })

  it('tells that a used refresh token came back, which voids its grant', async () => {
    const app = await services.register('refreshing', {
      grant_types: ['refresh_token'],
      scope: 'grades:read',
    })
    const body = { sub: 'dora', client_id: 'refreshing', refresh: true }
    const login = (await (await services.callAdmin('POST', '/tokens', body)).json()) as {
      refresh_token: string
      grant_id: string
    }
    let { refresh_token } = login
    for (let n = 0; n < 2; n++) {
      const form = { grant_type: 'refresh_token', refresh_token }
      const next = await postForm(`${services.issuer}/token`, app, form)
      refresh_token = ((await next.json()) as { refresh_token: string }).refresh_token
    }
    const form = { grant_type: 'refresh_token', refresh_token: login.refresh_token }
    expect((await postForm(`${services.issuer}/token`, app, form)).status).toBe(400)
    const { records } = await read('subject=dora&limit=1')
    expect(records[0]).toMatchObject({
      action: 'revocation.create',
      actor_client: 'refreshing',
      reason: 'refresh token reuse',
      target: { level: 'grant', grant: login.grant_id },
    })
  })

  it('records refused attempts of each kind, on both services', async () => {
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => fetchToken(services.issuer, { ...web, client_secret: 'wrong' }).catch(() => undefined),
      () => ask(0, { ...grades, client_secret: 'wrong' }, 'x'),
      () => ask(0, web, 'x'),
      () =>
        fetch(`${services.issuer}/admin/v1/clients`, { headers: { authorization: 'Bearer x' } }),
      async () => {
        const token = await fetchToken(services.issuer, web, {
          scope: 'claimcheck:audit',
          resource: services.issuer,
        })
        const headers = { authorization: `Bearer ${token}` }
        await fetch(`${services.issuer}/admin/v1/clients`, { headers })
      },
      async () => {
        const token = await fetchToken(services.issuer, services.admin)
        await ask(0, grades, token)
      },
    ]
    for (const attempt of attempts) await attempt()
    let refusals: Page['records'] = []
    await waitFor(async () => {
      refusals = (await read('result=refused&order=asc')).records
      return refusals.length >= attempts.length
    })
    expect(
      refusals.map(({ action, error, actor_client, target }) => [
        action,
        error,
        actor_client,
        target?.route,
      ]),
    ).toEqual([
      ['access.refused', 'invalid_client', 'web-app', '/token'],
      ['access.refused', 'invalid_client', 'grades-api', '/introspect'],
      ['access.refused', 'unauthorized_client', 'web-app', '/introspect'],
      ['access.refused', 'invalid_token', undefined, '/admin/v1/clients'],
      ['access.refused', 'insufficient_scope', 'web-app', '/admin/v1/clients'],
      ['introspection.refused', 'audience', 'grades-api', undefined],
    ])
  })

  it('does not grow with an attack, and tells its size', async () => {
    const before = (await read('result=refused&limit=500')).records.length
    await Promise.all(
      Array.from({ length: 64 }, () => ask(1, { ...grades, client_secret: 'guess' }, 'x')),
    )
    let added: Page['records'] = []
    await waitFor(async () => {
      const { records } = await read('result=refused&limit=500')
      added = records.slice(0, records.length - before)
      return added.reduce((sum, { count = 1 }) => sum + count, 0) === 64
    })
    expect(added.length).toBe(7)
  })

  it('pages in both orders over all kinds without losing or repeating a record', async () => {
    for (let n = 0; n < 12; n++) await issue(`paged-${n}`)
    const everything = (await read('limit=500&order=asc')).records.map(({ id }) => id)
    for (const order of ['asc', 'desc']) {
      const ids: string[] = []
      let cursor = ''
      do {
        const page = await read(`limit=7&order=${order}${cursor}`)
        ids.push(...page.records.map(({ id }) => id))
        cursor = page.next_cursor === undefined ? '' : `&cursor=${page.next_cursor}`
      } while (cursor !== '')
      const seen = ids.filter((id) => everything.includes(id))
      expect(seen).toEqual(order === 'asc' ? everything : everything.toReversed())
    }
  })

  it('can be limited to a time', async () => {
    const { records } = await read('action=token.issue&order=asc&limit=500')
    const third = records[2] as Page['records'][number]
    const later = await read(`action=token.issue&order=asc&limit=500&since=${third.at}`)
    expect(later.records[0]?.at).toBeGreaterThanOrEqual(third.at)
    const earlier = await read(`action=token.issue&limit=500&until=${third.at}`)
    expect(earlier.records[0]?.at).toBeLessThanOrEqual(third.at)
    expect((await read('until=1')).records).toEqual([])
  })

  const malformed = [
    'limit=0',
    'limit=501',
    'order=up',
    'result=maybe',
    'since=yesterday',
    'since=1795350914123',
    'cursor=x',
    'cursor=1-1x',
    'subject=a&subject=b',
    'unknown=1',
    'subject=',
  ]
  for (const query of malformed) {
    it(`answers 400 to ?${query}`, async () => {
      const response = await services.callAdmin('GET', `/audit?${query}`)
      expect(response.status).toBe(400)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
    })
  }

  it('needs its own scope', async () => {
    const admin = await services.register('narrow', {
      scope: 'claimcheck:revoke',
      grant_types: ['client_credentials'],
    })
    const token = await fetchToken(services.issuer, admin)
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${services.issuer}/admin/v1/audit`, { headers })).status).toBe(403)
  })

  it('goes to the log too, and holds no token and no secret', async () => {
    const { access_token } = await issue('carol')
    await services.callAdmin('POST', '/explain', { token: access_token })
    const kept = JSON.stringify(await read('limit=500'))
    expect(kept).toContain('token.explain')
    for (const secret of [access_token, web.client_secret, grades.client_secret]) {
      expect(kept).not.toContain(secret)
    }
    expect(services.logs.some((line) => line.includes('"action":"revocation.create"'))).toBe(true)
  })
})
