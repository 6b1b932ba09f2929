/**
 * After everything has been done, rightly and wrongly, with Redis well and ill: no token, no client secret and no token
 * key is found in any log line, metric, command sent to Redis, key, value or file of Redis, or error answer.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { postForm } from '../fixture/requests.ts'
import { startServices, TEST_TOKEN_KEYS, type TestServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { allRoutes, type RouteSubject, sendAll } from './routes.ts'
import {
  type CommandCapture,
  captureCommands,
  collectSecrets,
  dumpRedis,
  findSecrets,
  piecesOf,
  type SecretCollector,
} from './secret-hunt.ts'
import { type Login, login, refresh, registerWorld, type World } from './world.ts'

describe('no secret is left behind', () => {
  let redis: TestRedis
  let services: TestServices
  let world: World
  let collector: SecretCollector
  let capture: CommandCapture
  let commands = ''

  beforeAll(async () => {
    collector = collectSecrets()
    redis = await startRedis('--appendonly', 'yes')
    capture = await captureCommands(redis.port, redis.direct)
    services = await startServices({ redisUrl: redis.url, store: { commandTimeoutMs: 2_000 } })
    world = await registerWorld(services)
    await services.register('spare')
    await goodDay()
    await badDay(await login(services, 'eve'))
    await outages()
    await goodDay()
    commands += await capture.end()
  })

  afterAll(async () => {
    collector.restore()
    await services.close()
    await redis.stop()
  })

  const subject = (issued: Login): RouteSubject => ({ ...world, services, issued })

  /** Everything done as it should be, and a reuse of a refresh token. */
  async function goodDay(): Promise<void> {
    const issued = await login(services, 'alice')
    const answers = await sendAll(allRoutes(subject(issued)))
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    const [first, second] = [await login(services, 'bob'), await login(services, 'carol')]
    const rotated = (await (
      await refresh(services, world.web, first.refresh_token)
    ).json()) as Login
    await refresh(services, world.web, first.refresh_token)
    await refresh(services, world.web, rotated.refresh_token)
    expect((await refresh(services, world.web, first.refresh_token)).status).toBe(400)
    const { issuer } = services
    for (const token of [second.refresh_token, second.access_token]) {
      await postForm(`${issuer}/revoke`, world.web, { token })
      await postForm(`${issuer}/revoke`, world.grades, { token })
    }
    for (const status of ['suspended', 'active']) {
      await services.callAdmin('PUT', '/subjects/carol', { status })
    }
    await services.callAdmin('DELETE', '/clients/spare')
    await services.register('spare')
    await services.callAdmin('POST', '/clients/spare/secrets', { revoke_others: true })
  }

  /** Everything done wrongly, with live secrets in places where people put them. */
  async function badDay({ access_token, refresh_token }: Login): Promise<void> {
    const { issuer, introspect } = services
    const [node] = introspect
    const { client_id, client_secret } = world.grades
    const wrong = { client_id, client_secret: access_token }
    const json = { 'content-type': 'application/json' }
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    const bodies = [
      `{"token": ${access_token}}`,
      `{"token":"${access_token}"`,
      `{"tokens":["${access_token}"],"tokens":"${refresh_token}"`,
      `${access_token}`,
      `{"${access_token}":1}`,
      JSON.stringify({ token: [access_token], tokens: { [client_secret]: refresh_token } }),
    ]
    const urls = [`${node}/introspect`, `${issuer}/token`, `${issuer}/revoke`]
    await Promise.all([
      ...urls.flatMap((url) => [
        fetch(`${url}?token=${access_token}&client_secret=${client_secret}`),
        fetch(`${url}/${access_token}`, { method: 'POST' }),
        postForm(url, wrong, { token: access_token }),
        postForm(url, world.grades, `token=${access_token}&token=${refresh_token}`),
        postForm(url, world.grades, `token=%zz${access_token}`),
        postForm(url, world.grades, { token: access_token.repeat(2_000) }),
        postForm(url, world.grades, { token: access_token, client_id, client_secret }),
        postForm(url, undefined, { token: access_token, client_id, client_secret: 'wrong' }),
        fetch(url, { method: 'POST', headers: bearer(refresh_token), body: access_token }),
        fetch(url, { method: 'POST', headers: { authorization: `Basic ${access_token}` } }),
        fetch(url, { method: 'POST', headers: { authorization: client_secret } }),
        fetch(url, {
          method: 'PUT',
          headers: {
            cookie: access_token,
            'x-request-id': access_token,
            'user-agent': client_secret,
          },
        }),
      ]),
      ...bodies.flatMap((body) => [
        fetch(`${issuer}/admin/v1/revocations`, {
          method: 'POST',
          headers: { ...json, ...bearer(services.adminToken()) },
          body,
        }),
        fetch(`${node}/introspect/batch`, {
          method: 'POST',
          headers: { ...json, authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
          body,
        }),
      ]),
      fetch(`${issuer}/admin/v1/clients`, { headers: bearer(access_token) }),
      fetch(`${issuer}/admin/v1/clients`, { headers: bearer(refresh_token) }),
      fetch(`${issuer}/admin/v1/clients?cursor=${access_token}`, {
        headers: bearer(services.adminToken()),
      }),
      ...['grant', 'session', 'jti'].map((level) =>
        services.callAdmin('POST', '/revocations', { [level]: access_token }),
      ),
      services.callAdmin('PUT', '/subjects/eve', { sub: access_token, [refresh_token]: null }),
      services.callAdmin('POST', '/tokens', {
        sub: 'eve',
        client_id: 'web-app',
        sid: refresh_token,
      }),
      services.callAdmin('POST', '/tokens', {
        sub: 'eve',
        client_id: 'web-app',
        scope: access_token,
        resource: [client_secret],
      }),
    ])
  }

  /** Redis hangs, is read-only, is full, is killed, while everything is asked. */
  async function outages(): Promise<void> {
    const { direct } = redis
    const ill = subject(await login(services, 'mallory'))
    redis.pause()
    await sendAll(allRoutes(ill))
    redis.resume()
    await ready()
    await direct.replicaof('127.0.0.1', await freePort())
    await sendAll(allRoutes(ill))
    await direct.replicaof('NO', 'ONE')
    await ready()
    await direct.config('SET', 'maxmemory', '1000000', 'maxmemory-policy', 'noeviction')
    await sendAll(allRoutes(ill))
    await direct.config('SET', 'maxmemory', '0')
    commands += await capture.end()
    await redis.kill()
    await sendAll(allRoutes(ill))
    await redis.start()
    capture = await captureCommands(redis.port, direct)
    await ready()
  }

  const ready = () =>
    waitFor(async () => {
      const nodes = [services.issuer, ...services.introspect]
      const answers = await Promise.all(nodes.map((node) => fetch(`${node}/readyz`)))
      return answers.every(({ ok }) => ok)
    })

  let pieces: ReadonlySet<string> | undefined
  function secrets(): ReadonlySet<string> {
    expect(collector.secrets.size).toBeGreaterThan(20)
    const keys = TEST_TOKEN_KEYS.map(({ secret }) => secret)
    pieces ??= piecesOf([...keys, ...collector.secrets, services.admin.client_secret])
    return pieces
  }

  it('in the logs of all nodes at the most talkative level, even without the net that scrubs them', () => {
    const log = services.logs.join('')
    expect(services.logs.length).toBeGreaterThan(100)
    expect(findSecrets(log, secrets())).toEqual([])
    // What the net leaves where it caught something.
    expect(
      services.logs.filter((line) => /cc_[ar]t_…|(?:basic|bearer)\s…|\[redacted]/i.test(line)),
    ).toEqual([])
  })

  it('in the metrics', async () => {
    for (const node of [services.issuer, ...services.introspect]) {
      const metrics = await (await fetch(`${node}/metrics`)).text()
      expect(metrics).toContain('claimcheck_http_request_duration_seconds')
      expect(findSecrets(metrics, secrets())).toEqual([])
    }
  })

  it('in the commands sent to Redis and run by its scripts', () => {
    expect(commands).toMatch(/evalsha/i)
    expect(commands).toMatch(/\[0 lua\]/)
    expect(findSecrets(commands, secrets())).toEqual([])
  })

  it('in the keys, values and files of Redis', async () => {
    const dump = await dumpRedis(redis.direct)
    expect(dump).toContain('web-app')
    expect(findSecrets(dump, secrets())).toEqual([])
  })

  it('in an error answer', () => {
    expect(collector.echoes).toEqual([])
  })
})
