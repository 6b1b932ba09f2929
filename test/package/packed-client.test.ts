/** The packed package against the real services: live first, then from the cache, refused after each kind of revocation. */

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client, createClient as CreateClient } from '../../client/src/index.ts'
import { type Installed, installPackage } from '../../scripts/check-package.ts'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'

let installed: Installed
let redis: TestRedis
let services: TestServices
let claims: Client

beforeAll(async () => {
  installed = await installPackage()
  redis = await startRedis()
  services = await startServices({ redisUrl: redis.url })
  const api = await services.register('grades-api', {
    introspect: true,
    resources: ['https://grades.test'],
  })
  await services.register('web-app', {
    grant_types: ['refresh_token'],
    scope: 'grades:read',
    default_resources: ['https://grades.test'],
  })
  const entry = pathToFileURL(join(installed.home, 'dist', 'index.js')).href
  const { createClient } = (await import(entry)) as { createClient: typeof CreateClient }
  claims = createClient({
    issuer: services.issuer,
    clientId: api.client_id,
    clientSecret: api.client_secret,
  })
  await waitFor(() => claims.health().state === 'fresh')
})

afterAll(async () => {
  claims.close()
  await services.close()
  await redis.stop()
  await installed.remove()
})

interface Login {
  readonly access_token: string
  readonly grant_id: string
  readonly sid: string
}

const levels: Record<string, (login: Login) => object> = {
  token: ({ access_token }) => ({ token: access_token }),
  grant: ({ grant_id }) => ({ grant: grant_id }),
  session: ({ sid }) => ({ session: sid }),
  subject: () => ({ subject: 'alice' }),
  'subject and client': () => ({ subject: 'alice', client: 'web-app' }),
  client: () => ({ client: 'web-app' }),
  all: () => ({ all: true }),
}

for (const [level, targetOf] of Object.entries(levels)) {
  it(`is live, then from the cache, then refused by ${level}`, async () => {
    const body = { sub: 'alice', client_id: 'web-app', refresh: true }
    const login = (await (await services.callAdmin('POST', '/tokens', body)).json()) as Login
    const decide = () => claims.authorize(login.access_token, { scope: 'grades:read' })
    expect(await decide()).toMatchObject({ ok: true, source: 'live' })
    expect(await decide()).toMatchObject({ ok: true, source: 'cache' })
    const revoked = await services.callAdmin('POST', '/revocations', targetOf(login))
    expect(revoked.status).toBe(200)
    await waitFor(() => claims.peek(login.access_token)?.active !== true)
    expect(await decide()).toMatchObject({ ok: false, status: 401 })
  })
}
