import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeDevClients, readEarlierClients } from '../../../scripts/dev-clients.ts'
import { keepPrivateFile, writePrivateFile } from '../../../scripts/private-file.ts'

// An issuer as far as it is needed: it counts secrets and notes what was asked of it.
let server: Server
let issuer: string
let asked: string[]
let secrets: Record<string, string[]>

function credentials(request: IncomingMessage): readonly string[] {
  const [, pair = ''] = (request.headers.authorization ?? '').split('Basic ')
  return Buffer.from(pair, 'base64').toString().split(':')
}

beforeEach(async () => {
  asked = []
  secrets = { admin: ['root'] }
  server = createServer(async (request, response) => {
    const route = `${request.method} ${request.url}`
    asked.push(`${route} ${await text(request)}`)
    const [id = '', secret = ''] = credentials(request)
    const isKnown = secrets[id]?.includes(secret) === true
    const isAdmin = request.headers.authorization === 'Bearer t'
    const target = /clients\/([^/]+)\/secrets$/.exec(request.url ?? '')?.[1]
    if (target !== undefined && isAdmin) {
      const made = `made-${asked.length}`
      secrets[target] = [...(secrets[target] ?? []), made]
      response.writeHead(201).end(JSON.stringify({ client_secret: made }))
    } else if (route === 'POST /token' && isKnown) {
      response.end(JSON.stringify({ access_token: 't' }))
    } else if ((route === 'POST /revoke' && isKnown) || (request.method === 'PUT' && isAdmin)) {
      response.end('{}')
    } else response.writeHead(401).end('{"error":"invalid_client"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const make = (earlier = {}) =>
  makeDevClients({ services: { issuer, introspect: issuer }, adminSecret: 'root', earlier })

it('makes clients in the shape that dev.json promises', async () => {
  const clients = await make()
  expect(clients).toEqual({
    admin: { client_id: 'admin', client_secret: 'root' },
    'grades-api': {
      client_id: 'grades-api',
      client_secret: secrets['grades-api']?.[0],
      resources: ['https://grades.test'],
    },
    'web-app': { client_id: 'web-app', client_secret: secrets['web-app']?.[0] },
  })
})

it('registers them as the documentation says', async () => {
  await make()
  const bodies = asked.flatMap((line) =>
    line.startsWith('PUT') ? [JSON.parse(line.split(' ').slice(2).join(' '))] : [],
  )
  expect(bodies).toMatchObject([
    { introspect: true, resources: ['https://grades.test'] },
    {
      grant_types: [
        'client_credentials',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      scope: 'grades:read grades:write profile',
      default_resources: ['https://grades.test'],
    },
  ])
})

it('keeps the secrets of an earlier start while they work', async () => {
  const first = await make()
  expect(await make(first)).toEqual(first)
  expect(secrets['web-app']).toHaveLength(1)
})

it('makes new secrets where the earlier ones are of another registry', async () => {
  const first = await make()
  secrets = { admin: ['root'] }
  const second = await make(first)
  expect(second['web-app'].client_secret).toBe(secrets['web-app']?.[0])
})

it('says what the issuer answered when it refuses, and not what it was asked', async () => {
  secrets = { admin: ['another'] }
  await expect(make()).rejects.toThrow(
    `POST ${issuer}/token answered 401: {"error":"invalid_client"}`,
  )
})

it('treats a damaged dev.json as none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-dev-'))
  try {
    for (const damaged of ['{"clients"', 'null', '{"clients":3}', '']) {
      writeFileSync(join(folder, 'dev.json'), damaged)
      expect(readEarlierClients(join(folder, 'dev.json'))).toEqual({})
    }
    expect(readEarlierClients(join(folder, 'none.json'))).toEqual({})
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('writes secrets for this user alone, and makes each once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-dev-'))
  try {
    const path = join(folder, 'secret')
    writeFileSync(path, 'open to all', { mode: 0o644 })
    writePrivateFile(path, 'first\n')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(keepPrivateFile(path, () => 'second')).toBe('first')
    expect(keepPrivateFile(join(folder, 'new'), () => 'third')).toBe('third')
    expect(keepPrivateFile(join(folder, 'new'), () => 'fourth')).toBe('third')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
