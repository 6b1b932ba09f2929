/** The packed package against the real services: live first, then from the cache, refused after each kind of revocation. */

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client, createClient as CreateClient } from '../../client/src/index.ts'
import { type Installed, installPackage } from '../../scripts/check-package.ts'
import type { Login } from '../fixture/operator.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { startWorld, type World } from '../fixture/world.ts'

let installed: Installed
let world: World
let claims: Client

beforeAll(async () => {
  installed = await installPackage()
  world = await startWorld()
  world.onClose(installed.remove)
  const entry = pathToFileURL(join(installed.home, 'dist', 'index.js')).href
  const { createClient } = (await import(entry)) as { createClient: typeof CreateClient }
  claims = createClient({
    issuer: world.issuer,
    clientId: world.grades.client_id,
    clientSecret: world.grades.client_secret,
  })
  world.onClose(() => claims.close())
  await waitFor(() => claims.health().state === 'fresh')
})

afterAll(() => world.close())

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
    const login = await world.login('alice')
    const decide = () => claims.authorize(login.access_token, { scope: 'grades:read' })
    expect(await decide()).toMatchObject({ ok: true, source: 'live' })
    expect(await decide()).toMatchObject({ ok: true, source: 'cache' })
    const revoked = await world.callAdmin('POST', '/revocations', targetOf(login))
    expect(revoked.status).toBe(200)
    await waitFor(() => claims.peek(login.access_token)?.active !== true)
    expect(await decide()).toMatchObject({ ok: false, status: 401 })
  })
}
