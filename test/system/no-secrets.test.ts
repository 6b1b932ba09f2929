/**
 * After good and bad requests, with and without faults of Redis: no token, no client secret and no token key is in any log
 * line, metric, command sent to Redis, key, value or file of Redis, or error answer.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Login } from '../fixture/operator.ts'
import { freePort, startRedis } from '../fixture/redis-server.ts'
import { postForm } from '../fixture/requests.ts'
import { TEST_TOKEN_KEYS } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { startWorld, type World } from '../fixture/world.ts'
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

describe('no secret is left behind', () => {
  let world: World
  let collector: SecretCollector
  let capture: CommandCapture
  let commands = ''

  beforeAll(async () => {
    collector = collectSecrets()
    const redis = await startRedis('--appendonly', 'yes')
    capture = await captureCommands(redis.port, redis.direct)
    world = await startWorld({ redis, store: { commandTimeoutMs: 2_000 } })
    world.onClose(() => collector.restore())
    await world.register('spare')
    await goodDay()
    await badDay(await world.login('eve'))
    await outages()
    await goodDay()
    commands += await capture.end()
  })

  afterAll(() => world.close())

  const subject = (issued: Login): RouteSubject => ({ ...world, issued })

  /** Everything done as it should be, and a reuse of a refresh token. */
  async function goodDay(): Promise<void> {
    const issued = await world.login('alice')
    const answers = await sendAll(allRoutes(subject(issued)))
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    const [first, second] = [await world.login('bob'), await world.login('carol')]
    const rotated = (await (await world.refresh(world.web, first.refresh_token)).json()) as Login
    await world.refresh(world.web, first.refresh_token)
    await world.refresh(world.web, rotated.refresh_token)
    expect((await world.refresh(world.web, first.refresh_token)).status).toBe(400)
    const { issuer } = world
    for (const token of [second.refresh_token, second.access_token]) {
      await postForm(`${issuer}/revoke`, world.web, { token })
      await postForm(`${issuer}/revoke`, world.grades, { token })
    }
    for (const status of ['suspended', 'active']) {
      await world.callAdmin('PUT', '/subjects/carol', { status })
    }
    await world.callAdmin('DELETE', '/clients/spare')
    await world.register('spare')
    await world.callAdmin('POST', '/clients/spare/secrets', { revoke_others: true })
  }

  /** Everything done wrongly, with live secrets in places where people put them. */
  async function badDay({ access_token, refresh_token }: Login): Promise<void> {
    const { issuer, introspect } = world
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
          headers: { ...json, ...bearer(world.adminToken()) },
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
        headers: bearer(world.adminToken()),
      }),
      ...['grant', 'session', 'jti'].map((level) =>
        world.callAdmin('POST', '/revocations', { [level]: access_token }),
      ),
      world.callAdmin('PUT', '/subjects/eve', { sub: access_token, [refresh_token]: null }),
      world.callAdmin('POST', '/tokens', {
        sub: 'eve',
        client_id: 'web-app',
        sid: refresh_token,
      }),
      world.callAdmin('POST', '/tokens', {
        sub: 'eve',
        client_id: 'web-app',
        scope: access_token,
        resource: [client_secret],
      }),
    ])
  }

  /** Redis hangs, is read-only, is full, is killed, while everything is asked. */
  async function outages(): Promise<void> {
    const { direct } = world.redis
    const ill = subject(await world.login('mallory'))
    world.redis.pause()
    await sendAll(allRoutes(ill))
    world.redis.resume()
    await ready()
    await direct.replicaof('127.0.0.1', await freePort())
    await sendAll(allRoutes(ill))
    await direct.replicaof('NO', 'ONE')
    await ready()
    await direct.config('SET', 'maxmemory', '1000000', 'maxmemory-policy', 'noeviction')
    await sendAll(allRoutes(ill))
    await direct.config('SET', 'maxmemory', '0')
    commands += await capture.end()
    await world.redis.kill()
    await sendAll(allRoutes(ill))
    await world.redis.start()
    capture = await captureCommands(world.redis.port, direct)
    await ready()
  }

  const ready = () =>
    waitFor(async () => {
      const nodes = [world.issuer, ...world.introspect]
      const answers = await Promise.all(nodes.map((node) => fetch(`${node}/readyz`)))
      return answers.every(({ ok }) => ok)
    })

  let pieces: ReadonlySet<string> | undefined
  function secrets(): ReadonlySet<string> {
    expect(collector.secrets.size).toBeGreaterThan(20)
    const keys = TEST_TOKEN_KEYS.map(({ secret }) => secret)
    pieces ??= piecesOf([...keys, ...collector.secrets, world.admin.client_secret])
    return pieces
  }

  it('in the logs of all nodes at the most talkative level, even without the net that scrubs them', () => {
    const log = world.logs.join('')
    expect(world.logs.length).toBeGreaterThan(100)
    expect(findSecrets(log, secrets())).toEqual([])
    // What the net leaves where it caught something.
    expect(
      world.logs.filter((line) => /cc_[ar]t_…|(?:basic|bearer)\s…|\[redacted]/i.test(line)),
    ).toEqual([])
  })

  it('in the metrics', async () => {
    for (const node of [world.issuer, ...world.introspect]) {
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
    const dump = await dumpRedis(world.redis.direct)
    expect(dump).toContain('web-app')
    expect(findSecrets(dump, secrets())).toEqual([])
  })

  it('in an error answer', () => {
    expect(collector.echoes).toEqual([])
  })
})
