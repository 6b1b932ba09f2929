/** Which clients may open the feed, which may stay connected, and how a connection ends. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { basic, type TestClient } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { openFeed, refusedFeed, startFeedSocket } from './feed-socket.ts'
import { type FeedWorld, startFeedWorld } from './feed-world.ts'

describe('opening the feed', () => {
  let world: FeedWorld
  let node: string

  beforeAll(async () => {
    world = await startFeedWorld({ introspectStores: [{ commandTimeoutMs: 2_000 }, {}] })
    node = world.introspect[0]
  })

  afterEach(() => world.closeSockets())

  afterAll(() => world.close())

  const refused = (headers: Record<string, string>) => refusedFeed(node, headers)
  const change = (client: TestClient, registration: object) =>
    world.callAdmin('PUT', `/clients/${client.client_id}`, registration)

  it('needs credentials, and says so as /introspect does', async () => {
    const { status, headers, body } = await refused({})
    const same = await fetch(`${node}/introspect`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'token=x',
    })
    expect([status, body]).toEqual([same.status, await same.text()])
    expect(headers['www-authenticate']).toBe(same.headers.get('www-authenticate'))
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json',
      connection: 'close',
    })
    expect(headers['x-request-id']).toBeDefined()
  })

  it('refuses a wrong secret, an unknown client and a bearer token', async () => {
    const wrong = { ...world.grades, client_secret: 'x'.repeat(43) }
    expect((await refused({ authorization: basic(wrong) })).status).toBe(401)
    const unknown = { ...wrong, client_id: 'nobody' }
    expect((await refused({ authorization: basic(unknown) })).status).toBe(401)
    const bearer = { authorization: `Bearer ${world.adminToken()}` }
    expect((await refused(bearer)).status).toBe(401)
  })

  it('slows down a client that guesses secrets', async () => {
    const guesser = { client_id: 'guessed', client_secret: 'x'.repeat(43) }
    const refusal = await waitFor(async () => {
      const answer = await refused({ authorization: basic(guesser) })
      return answer.status === 429 ? answer : undefined
    })
    expect(Number(refusal?.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('refuses a client that may not introspect', async () => {
    const web = await world.register('web-app')
    const { status, body } = await refused({ authorization: basic(web) })
    expect([status, JSON.parse(body).error]).toEqual([403, 'unauthorized_client'])
  })

  it('is 503 while Redis is away', async () => {
    world.redis.pause()
    const { status, headers } = await refused({ authorization: basic(world.grades) })
    world.redis.resume()
    expect([status, headers['retry-after']]).toEqual([503, '1'])
  })

  it('refuses a malformed handshake', async () => {
    const answer = await raw(
      `GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: ${basic(world.grades)}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toMatch(/"error":"invalid_request"/)
  })

  it('leaves other upgrades and other paths to HTTP', async () => {
    const upgrade = 'Host: x\r\nConnection: Upgrade, close\r\nUpgrade:'
    expect(await raw(`GET /healthz HTTP/1.1\r\n${upgrade} h2c\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await raw(`GET /else HTTP/1.1\r\n${upgrade} websocket\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 404 /,
    )
    expect(await raw(`GET /feed HTTP/1.1\r\n${upgrade} h2c\r\n\r\n`)).toMatch(/^HTTP\/1\.1 426 /)
  })

  it('answers an ordinary request with 426', async () => {
    const response = await fetch(`${node}/feed`)
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket'])
  })

  it('survives a caller that hangs up while it is being looked up', async () => {
    world.redis.pause()
    const socket = connect(Number(new URL(node).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\nAuthorization: ${basic(world.grades)}\r\n\r\n`,
      () => socket.resetAndDestroy(),
    )
    await once(socket, 'close')
    world.redis.resume()
    await waitFor(async () => (await fetch(`${node}/readyz`)).ok)
  })

  it('closes with 4401 when its client is disabled, deleted or may introspect no longer', async () => {
    const ends: Record<string, (client: TestClient) => Promise<Response>> = {
      disabled: (client) => change(client, { introspect: true, enabled: false }),
      deleted: ({ client_id }) => world.callAdmin('DELETE', `/clients/${client_id}`),
      forbidden: (client) => change(client, { introspect: false }),
    }
    for (const [name, end] of Object.entries(ends)) {
      const client = await world.register(name, { introspect: true })
      const live = await startFeedSocket(node, client)
      const greeting = await openFeed(node, client)
      expect((await end(client)).ok).toBe(true)
      expect([name, await live.closeCode()]).toEqual([name, 4401])
      greeting.send({ type: 'hello', version: 1 })
      expect([name, await greeting.closeCode()]).toEqual([name, 4401])
    }
  })

  it('closes with 4401 when its secret is gone, and only then', async () => {
    const client = await world.register('rotating', { introspect: true })
    const feed = await startFeedSocket(node, client)
    const path = '/clients/rotating/secrets'
    const second = await world.callAdmin('POST', path)
    const { client_secret } = (await second.json()) as TestClient
    const other = await startFeedSocket(node, { ...client, client_secret })
    await change(client, { introspect: true, resources: ['https://new.test'] })
    await feed.lease()
    expect(feed.closed).toBeUndefined()
    await world.callAdmin('POST', path)
    expect(await feed.closeCode()).toBe(4401)
    await other.lease()
    expect(other.closed).toBeUndefined()
    other.close()
  })

  it('logs no credentials', async () => {
    const secret = world.grades.client_secret
    const header = basic(world.grades)
    await waitFor(() => world.logs.some((line) => line.includes('"status":101')))
    const leaks = world.logs.filter(
      (line) => line.includes(secret) || line.includes(header.slice(6)),
    )
    expect(leaks).toEqual([])
  })

  it('says goodbye before a planned stop, to each client another time', async () => {
    const feeds = await Promise.all(Array.from({ length: 8 }, () => world.start(1)))
    const silent = await world.open(1)
    await world.goodbye(1)
    for (const feed of [...feeds, silent]) expect(await feed.closeCode()).toBe(1001)
    const waits = feeds.map(({ frames }) => {
      const last = frames.at(-1)
      return last?.type === 'goodbye' ? last.reconnect_after_ms : -1
    })
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0)
    expect(new Set(waits).size).toBeGreaterThan(1)
    const headers = { authorization: basic(world.grades) }
    expect((await refusedFeed(world.introspect[1], headers)).status).toBe(503)
  })

  async function raw(request: string): Promise<string> {
    const socket = connect(Number(new URL(node).port), '127.0.0.1')
    socket.write(request)
    let answer = ''
    socket.on('data', (data) => {
      answer += String(data)
    })
    await waitFor(() => answer.includes('\r\n\r\n'))
    socket.destroy()
    return answer
  }
})
