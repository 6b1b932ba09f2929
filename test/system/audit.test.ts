/** Who did what: every change by an operator and every refused attempt can be read back, without any secret. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../client/src/wire/index.ts'
import { fetchToken, postForm, type TestClient } from '../fixture/requests.ts'
import { startServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { GRADES, startWorld, type World } from '../fixture/world.ts'
import { naming, startRedisProxy } from './redis-proxy.ts'

interface Page {
  readonly records: readonly (AuditRecord & { readonly id: string; readonly at: number })[]
  readonly next_cursor?: string
}

let world: World
let raw: Redis

beforeAll(async () => {
  world = await startWorld({ web: { scope: 'grades:read claimcheck:audit' } })
  raw = new Redis(world.redis.url)
  world.onClose(() => raw.disconnect())
})

afterAll(() => world.close())

const ask = (node: 0 | 1, client: TestClient, token: string): Promise<Response> =>
  postForm(`${world.introspect[node]}/introspect`, client, { token })

async function read(query: string): Promise<Page> {
  const response = await world.callAdmin('GET', `/audit?${query}`)
  expect(response.status).toBe(200)
  return (await response.json()) as Page
}

const issue = (sub: string) => world.login(sub, { refresh: false })

describe('the audit', () => {
  it('tells who did what to a subject, from where, by which request, and why', async () => {
    const { grant_id, sid } = await issue('alice')
    await world.callAdmin('PUT', '/subjects/alice', { name: 'Alice', status: 'active' })
    await world.callAdmin('POST', '/revocations', { subject: 'alice', reason: 'phone stolen' })
    const { records } = await read('subject=alice&order=asc')
    const common = {
      result: 'done',
      actor: 'admin',
      actor_client: 'admin',
      actor_jti: expect.any(String),
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
          aud: GRADES,
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
    const { client_id } = await world.register('short-lived', {
      scope: 'a',
      grant_types: ['client_credentials'],
    })
    const added = await world.callAdmin('POST', `/clients/${client_id}/secrets`)
    const client = (await added.json()) as TestClient
    const token = await fetchToken(world.issuer, client)
    await postForm(`${world.issuer}/revoke`, client, { token })
    await world.callAdmin('DELETE', `/clients/${client_id}`)
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
    const app = await world.register('refreshing', {
      grant_types: ['refresh_token'],
      scope: 'grades:read',
    })
    const body = { sub: 'dora', client_id: 'refreshing', refresh: true }
    const login = (await (await world.callAdmin('POST', '/tokens', body)).json()) as {
      refresh_token: string
      grant_id: string
    }
    let { refresh_token } = login
    for (let n = 0; n < 2; n++) {
      const form = { grant_type: 'refresh_token', refresh_token }
      const next = await postForm(`${world.issuer}/token`, app, form)
      refresh_token = ((await next.json()) as { refresh_token: string }).refresh_token
    }
    const form = { grant_type: 'refresh_token', refresh_token: login.refresh_token }
    expect((await postForm(`${world.issuer}/token`, app, form)).status).toBe(400)
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
      () =>
        fetchToken(world.issuer, { ...world.web, client_secret: 'wrong' }).catch(() => undefined),
      () => ask(0, { ...world.grades, client_secret: 'wrong' }, 'x'),
      () => ask(0, world.web, 'x'),
      () => fetch(`${world.issuer}/admin/v1/clients`, { headers: { authorization: 'Bearer x' } }),
      async () => {
        const token = await fetchToken(world.issuer, world.web, {
          scope: 'claimcheck:audit',
          resource: world.issuer,
        })
        const headers = { authorization: `Bearer ${token}` }
        await fetch(`${world.issuer}/admin/v1/clients`, { headers })
      },
      async () => {
        const token = await fetchToken(world.issuer, world.admin)
        await ask(0, world.grades, token)
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
      Array.from({ length: 64 }, () => ask(1, { ...world.grades, client_secret: 'guess' }, 'x')),
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
    'subject=a%0Ab',
  ]
  for (const query of malformed) {
    it(`answers 400 to ?${query}`, async () => {
      const response = await world.callAdmin('GET', `/audit?${query}`)
      expect(response.status).toBe(400)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
    })
  }

  it('needs its own scope', async () => {
    const admin = await world.register('narrow', {
      scope: 'claimcheck:revoke',
      grant_types: ['client_credentials'],
    })
    const token = await fetchToken(world.issuer, admin)
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${world.issuer}/admin/v1/audit`, { headers })).status).toBe(403)
  })

  it('goes to the log too, and holds no token and no secret', async () => {
    const { access_token } = await issue('carol')
    await world.callAdmin('POST', '/explain', { token: access_token })
    const kept = JSON.stringify(await read('limit=500'))
    expect(kept).toContain('token.explain')
    for (const secret of [access_token, world.web.client_secret, world.grades.client_secret]) {
      expect(kept).not.toContain(secret)
    }
    expect(world.logs.some((line) => line.includes('"action":"revocation.create"'))).toBe(true)
  })
})

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

const lengthOf = (stream: string): Promise<number> => raw.xlen(`cc:audit:${stream}`)

function sendLines(path: string, lines: readonly object[]): Promise<Response> {
  return fetch(`${world.issuer}/admin/v1${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      authorization: `Bearer ${world.adminToken()}`,
    },
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
  })
}

/** Has every record of a stream refused, as a full or broken Redis would. */
async function withoutStream(stream: string, act: () => Promise<void>): Promise<void> {
  const key = `cc:audit:${stream}`
  await raw.rename(key, 'saved')
  await raw.set(key, 'not a stream')
  try {
    await act()
  } finally {
    await raw.del(key)
    await raw.rename('saved', key)
  }
}

describe('no client can write many records', () => {
  it('by revoking one token again and again', async () => {
    const client = await world.register('eager', { scope: 'a' })
    const token = await fetchToken(world.issuer, client)
    const before = await lengthOf('own')
    const again = () => postForm(`${world.issuer}/revoke`, client, { token })
    const answers = await Promise.all(Array.from({ length: 200 }, again))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await lengthOf('own')) - before).toBe(1)
  })

  it('among those of operators, by revoking, being issued tokens or reading', async () => {
    const client = await world.register('busy', { scope: 'a' })
    const before = await lengthOf('changes')
    for (let n = 0; n < 5; n++) {
      const token = await fetchToken(world.issuer, client)
      await postForm(`${world.issuer}/revoke`, client, { token })
      await world.callAdmin('POST', '/explain', { token })
      await read('limit=1')
      await world.callAdmin('POST', '/revocations', { subject: 'busy', dry_run: true })
      await issue('busy-user')
    }
    expect(await lengthOf('changes')).toBe(before)
  })
})

describe('a record of role changes', () => {
  beforeAll(async () => {
    await world.callAdmin('PUT', '/role-schema', { roles: { owner: { permissions: ['all'] } } })
  })

  const assign = (subject: string) => ({ op: 'assign', subject, context: 'c:1', role: 'owner' })

  it('lists the changes of an import, up to 500, and counts the rest', async () => {
    const lines = Array.from({ length: 502 }, (_, n) => assign(`imported-${n}`))
    await (await sendLines('/role-assignments', [assign('alone')])).text()
    expect((await read('subject=alone')).records).toMatchObject([
      { actor: 'admin', target: { op: 'assign', context: 'c:1', role: 'owner' } },
    ])
    const before = await lengthOf('assignments')
    await (await sendLines('/role-assignments', lines)).text()
    expect((await lengthOf('assignments')) - before).toBe(501)
    const [last] = (await read('action=role_assignments.apply&limit=1')).records
    expect(last?.target).toMatchObject({ through: 502, assigned: 502 })
  })

  it('is one for all changes that changed nothing', async () => {
    const nothing = Array.from({ length: 300 }, (_, n) => ({
      ...assign(`nobody-${n}`),
      op: 'remove',
    }))
    const before = await lengthOf('assignments')
    await world.callAdmin('POST', '/role-assignments', nothing)
    expect((await lengthOf('assignments')) - before).toBe(1)
    const [last] = (await read('action=role_assignments.apply&limit=1')).records
    expect(last?.target).toMatchObject({ through: 300, unchanged: 300, removed: 0 })
  })

  it('is in the log when the store is lost in the middle of the changes', async () => {
    const proxy = await startRedisProxy(world.redis.port)
    const far = await startServices({ redisUrl: proxy.url, store: { commandTimeoutMs: 500 } })
    try {
      const changes = Array.from({ length: 200 }, (_, n) => assign(`part-${n}`))
      const cut = proxy.cutAfter(
        5,
        (command) => /^eval/i.test(command[0] ?? '') && naming('c:1')(command),
      )
      const answer = far.callAdmin('POST', '/role-assignments', changes)
      await cut
      expect((await answer).status).toBe(503)
      const logged = far.logs.filter((line) => line.includes('"outcome":"unknown"'))
      expect(logged).toHaveLength(201)
      expect(logged.some((line) => line.includes('"subject":"part-0"'))).toBe(true)
    } finally {
      proxy.mend()
      await far.close()
      await proxy.close()
    }
  })
})

describe('a change whose record cannot be kept', () => {
  it('is made and answered when it is a revocation, and is in the log', async () => {
    const { access_token } = await issue('last-of-many')
    const many = Array.from({ length: 1_200 }, (_, n) => ({ subject: `many-${n}` }))
    await withoutStream('changes', async () => {
      const from = world.logs.length
      const revoked = await world.callAdmin('POST', '/revocations', { subject: 'lost' })
      expect(revoked.status).toBe(200)
      const list = await sendLines('/revocations', [...many, { subject: 'last-of-many' }])
      expect(await list.text()).toContain('"done":true')
      const logs = world.logs.slice(from)
      expect(logs.filter((line) => line.includes('"subject":"lost"'))).toHaveLength(1)
      expect(logs.some((line) => line.includes('not kept in the audit'))).toBe(true)
    })
    expect(await (await ask(0, world.grades, access_token)).json()).toEqual({ active: false })
  })

  it('is answered as a fault otherwise, and is in the log too', async () => {
    await withoutStream('changes', async () => {
      const from = world.logs.length
      const put = await world.callAdmin('PUT', '/subjects/unlucky', { status: 'active' })
      expect(put.status).toBeGreaterThanOrEqual(500)
      const told = world.logs.slice(from).filter((line) => line.includes('subject.put'))
      expect(told).toHaveLength(1)
    })
  })
})

describe('no secret gets into the audit', () => {
  it.each(['subject', 'client', 'actor', 'action'])('as the %s of a query', async (name) => {
    const { access_token } = await issue('eve')
    const response = await world.callAdmin('GET', `/audit?${name}=${access_token}`)
    expect(response.status).toBe(400)
    expect(JSON.stringify(await read('limit=500')) + world.logs.join()).not.toContain(access_token)
  })

  it('as the id of a client, which is told only of registered ones', async () => {
    const turned = { client_id: world.grades.client_secret, client_secret: world.grades.client_id }
    const before = await lengthOf('refusals')
    await postForm(`${world.issuer}/token`, turned, { grant_type: 'client_credentials' })
    await ask(1, turned, 'x')
    await waitFor(async () => (await lengthOf('refusals')) >= before + 2)
    expect(JSON.stringify(await read('limit=500'))).not.toContain(world.grades.client_secret)
    expect(world.logs.join()).not.toContain(world.grades.client_secret)
  })
})

describe('the audit of tokens', () => {
  it('tells which token an operator used, so that a made-up name can be traced to its issue', async () => {
    await world.register('console', { scope: 'claimcheck:issue claimcheck:roles' })
    const call = (token: string, path: string, body: object) =>
      fetch(`${world.issuer}/admin/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const own = await world.callAdmin('POST', '/tokens', {
      sub: 'mallory',
      client_id: 'console',
    })
    const { access_token } = (await own.json()) as { access_token: string }
    const forging = await call(access_token, '/tokens', { sub: 'honest', client_id: 'console' })
    const forged = (await forging.json()) as { access_token: string; grant_id: string }
    const change = { op: 'assign', subject: 'traced', context: '*', role: 'owner' }
    expect((await call(forged.access_token, '/role-assignments', change)).status).toBe(200)
    const [record] = (await read('subject=traced')).records
    expect(record).toMatchObject({ actor: 'honest', actor_jti: forged.grant_id })
    const [made] = (await read('subject=honest&action=token.issue')).records
    expect(made).toMatchObject({ actor: 'mallory', target: { grant: forged.grant_id } })
  })

  it('records exchanges, and tokens shown by a client that they were never for', async () => {
    const grantTypes = ['client_credentials', EXCHANGE]
    const other = await world.register('other-api', {
      introspect: true,
      grant_types: grantTypes,
    })
    const meant = await world.register('meant-api', {
      ...{ introspect: true, grant_types: grantTypes, resources: [GRADES] },
      scope: 'grades:read',
    })
    const { access_token, grant_id } = await issue('vic')
    const form = {
      grant_type: EXCHANGE,
      subject_token: access_token,
      subject_token_type: ACCESS_TOKEN,
    }
    expect((await postForm(`${world.issuer}/token`, other, form)).status).toBe(400)
    const taken = await postForm(`${world.issuer}/revoke`, other, { token: access_token })
    expect(taken.status).toBe(400)
    const exchanged = await postForm(`${world.issuer}/token`, meant, {
      ...form,
      context: 'course:1 course:2',
    })
    expect(exchanged.status).toBe(200)
    const [record] = (await read('subject=vic&action=token.exchange')).records
    expect(record).toMatchObject({
      client: 'meant-api',
      actor_client: 'meant-api',
      target: { from: grant_id, contexts: 'course:1 course:2', act_sub: 'meant-api' },
    })
    const refusals = async () =>
      (await read('client=other-api&result=refused')).records.map(({ action, error }) => [
        action,
        error,
      ])
    await waitFor(async () => (await refusals()).length >= 2)
    expect((await refusals()).sort()).toEqual([
      ['exchange.refused', 'foreign'],
      ['revocation.refused', 'foreign'],
    ])
  })

  it('records reads from a made-up cursor, repeated ones once', async () => {
    const reader = await world.register('reader', { scope: 'claimcheck:audit' })
    const token = await fetchToken(world.issuer, reader)
    const headers = { authorization: `Bearer ${token}` }
    const before = await lengthOf('reads')
    for (let n = 0; n < 3; n++) {
      await fetch(`${world.issuer}/admin/v1/audit?order=asc&cursor=c0-1`, { headers })
    }
    expect((await lengthOf('reads')) - before).toBe(1)
  })
})
