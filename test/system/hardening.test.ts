/** Faults that attacks on the services found, so that they do not come back. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, fetchToken, postForm } from '../fixture/requests.ts'
import { GRADES, INACTIVE, startWorld, type World } from '../fixture/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ feedLimits: { maxConnectionsPerClient: 2 }, web: { scope: 'a b' } })
})

afterAll(() => world.close())

const isActive = async (token: string): Promise<boolean> =>
  (await world.verdict(token)) !== INACTIVE

async function callAs(
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<number> {
  const response = await fetch(`${world.issuer}/admin/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  await response.body?.cancel()
  return response.status
}

async function holderOf(scope: string): Promise<string> {
  const client = await world.register(`holder-of-${scope.replaceAll(':', '-')}`, { scope })
  return fetchToken(world.issuer, client)
}

/** Sends bytes and waits for the end of the connection. */
function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    socket.on('error', () => resolve(answer))
    socket.on('close', () => resolve(answer))
  })
}

describe('an upgrade', () => {
  const upgrade = (authorization: string) =>
    `GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${authorization}\r\n`

  it('pipelined behind a request that is not answered yet ends its own connection and nothing else', async () => {
    const before = 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'
    for (const authorization of ['', `Authorization: ${basic(world.grades)}\r\n`]) {
      await sendRaw(world.introspect[0], before + upgrade(authorization))
    }
    expect(await isActive(await fetchToken(world.issuer, world.web))).toBe(true)
  })

  it('is refused to a client that has taken its share', async () => {
    const open = () => {
      const Socket = WebSocket as unknown as new (url: string, init: object) => WebSocket
      const socket = new Socket(`${world.introspect[0].replace('http', 'ws')}/feed`, {
        headers: { authorization: basic(world.grades) },
      })
      return new Promise<WebSocket | undefined>((resolve) => {
        socket.addEventListener('open', () => resolve(socket))
        socket.addEventListener('error', () => resolve(undefined))
      })
    }
    const sockets = [await open(), await open(), await open()]
    expect(sockets.map((socket) => socket !== undefined)).toEqual([true, true, false])
    for (const socket of sockets) socket?.close()
  })
})

describe('a revocation of what was issued before the beginning of time', () => {
  for (const issued_before of [0, -0, 1e-7, 1e-9]) {
    it(`(${issued_before}) voids nothing and breaks nothing`, async () => {
      const token = await fetchToken(world.issuer, world.web)
      for (const target of [{ all: true }, { client: 'web-app' }, { subject: 'web-app' }]) {
        const answer = await world.callAdmin('POST', '/revocations', {
          ...target,
          issued_before,
        })
        expect(answer.status).toBe(200)
      }
      expect(await isActive(token)).toBe(true)
      await world.callAdmin('POST', '/revocations', { client: 'web-app' })
      expect(await isActive(token)).toBe(false)
    })
  }
})

describe('a narrow scope of the admin API', () => {
  it('cannot issue a wider one', async () => {
    const issuer = await holderOf('claimcheck:issue')
    const body = { sub: 'mallory', client_id: 'admin', scope: 'claimcheck:admin' }
    expect(await callAs(issuer, 'POST', '/tokens', body)).toBe(403)
    expect(await callAs(issuer, 'POST', '/tokens', { sub: 'm', client_id: 'admin' })).toBe(403)
    expect(await callAs(issuer, 'POST', '/tokens', { sub: 'm', client_id: 'web-app' })).toBe(200)
  })

  it('cannot register, change, delete or take over an operator', async () => {
    const registrar = await holderOf('claimcheck:clients')
    const call = (method: string, path: string, body?: unknown) =>
      callAs(registrar, method, path, body)
    expect(await call('PUT', '/clients/evil', { scope: 'claimcheck:admin' })).toBe(403)
    expect(await call('PUT', '/clients/evil', { scope: 'a claimcheck:revoke' })).toBe(403)
    expect(await call('POST', '/clients/admin/secrets', { revoke_others: true })).toBe(403)
    expect(await call('PUT', '/clients/admin', { enabled: false })).toBe(403)
    expect(await call('DELETE', '/clients/admin')).toBe(403)
    expect(await call('PUT', '/clients/fine', { scope: 'a' })).toBe(201)
  })

  it('cannot suspend an operator', async () => {
    const keeper = await holderOf('claimcheck:roles')
    expect(await callAs(keeper, 'PUT', '/subjects/admin', { status: 'suspended' })).toBe(403)
    expect(await callAs(keeper, 'PUT', '/subjects/alice', { name: 'Alice' })).toBe(200)
  })
})

describe('a refresh', () => {
  const login = async (sub: string) => {
    const body = { sub, client_id: 'web-app', refresh: true }
    return (await (await world.callAdmin('POST', '/tokens', body)).json()) as Record<string, string>
  }
  const refresh = (refresh_token = '') =>
    postForm(`${world.issuer}/token`, world.web, { grant_type: 'refresh_token', refresh_token })

  it('gives no more than the client may ask for by now', async () => {
    const { refresh_token } = await login('alice')
    const registration = {
      grant_types: ['client_credentials', 'refresh_token'],
      default_resources: [GRADES],
    }
    await world.callAdmin('PUT', '/clients/web-app', { ...registration, scope: 'a' })
    expect(await (await refresh(refresh_token)).json()).toMatchObject({ scope: 'a' })
    await world.callAdmin('PUT', '/clients/web-app', { ...registration, scope: 'a b' })
  })

  it('ends for a user whose name a client was given', async () => {
    const { refresh_token } = await login('namesake')
    await world.callAdmin('PUT', '/clients/namesake', {})
    expect((await refresh(refresh_token)).status).toBe(400)
    await world.callAdmin('DELETE', '/clients/namesake')
    expect((await login('namesake')).access_token).toMatch(/^cc_at_/)
  })
})

describe('odd requests', () => {
  it('for a path that differs by case or a slash find nothing', async () => {
    for (const path of ['/METRICS', '/healthz/', '/Token', '/admin/v1/clients/']) {
      expect((await fetch(world.issuer + path)).status).toBe(404)
    }
  })

  it('with a path that is no UTF-8, or an impossible Host or cursor, are bad requests', async () => {
    expect(await callAs(world.adminToken(), 'GET', '/subjects/%E9')).toBe(400)
    expect(await callAs(world.adminToken(), 'GET', `/clients?cursor=${'9'.repeat(20)}`)).toBe(400)
    const head = `GET /admin/v1/clients HTTP/1.1\r\nHost: [\r\nConnection: close\r\n`
    const auth = `Authorization: Bearer ${world.adminToken()}\r\n\r\n`
    expect(await sendRaw(world.issuer, head + auth)).toMatch(/^HTTP\/1\.1 [24]00 /)
  })

  it('for no scope get none', async () => {
    const body = { sub: 'bob', client_id: 'web-app', scope: '' }
    const response = await world.callAdmin('POST', '/tokens', body)
    expect(await response.json()).not.toHaveProperty('scope')
  })
})

describe('a client that was public for a while', () => {
  it('has no secret to come back to', async () => {
    const client = await world.register('turncoat', { scope: 'a' })
    const grants = { grant_types: ['refresh_token'] }
    await world.callAdmin('PUT', '/clients/turncoat', {
      ...grants,
      token_endpoint_auth_method: 'none',
    })
    await world.callAdmin('PUT', '/clients/turncoat', { scope: 'a' })
    const form = { grant_type: 'client_credentials' }
    expect((await postForm(`${world.issuer}/token`, client, form)).status).toBe(401)
  })
})
