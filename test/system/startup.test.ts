/** How the processes start: several at once, on the data of another installation, and before Redis is up. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { fetchToken, introspectText, postForm } from '../fixture/requests.ts'
import { type ServiceProcess, startProcess } from './service-process.ts'

const secret = () => randomBytes(32).toString('base64url')

const API = 'https://api.test'

describe('a service process', () => {
  let redis: TestRedis
  let dataDir: string
  let settings: Record<string, string>
  let running: ServiceProcess[]
  const admin = { client_id: 'admin', client_secret: secret() }

  beforeAll(async () => {
    redis = await startRedis()
    dataDir = mkdtempSync(join(tmpdir(), 'claimcheck-start-'))
  })

  beforeEach(async () => {
    await redis.direct.flushall()
    running = []
    settings = {
      CLAIMCHECK_REDIS_URL: redis.url,
      CLAIMCHECK_DATA_DIR: dataDir,
      CLAIMCHECK_ISSUER_PORT: '0',
      CLAIMCHECK_INTROSPECT_PORT: '0',
      CLAIMCHECK_ADMIN_SECRET: admin.client_secret,
    }
  })

  afterEach(async () => {
    await Promise.all(running.map((process) => process.stop()))
  })

  afterAll(async () => {
    rmSync(dataDir, { recursive: true, force: true })
    await redis.stop()
  })

  function start(service: 'issuer' | 'introspect', more: Record<string, string> = {}) {
    const process = startProcess(service, { ...settings, ...more })
    running.push(process)
    return process
  }

  const startBoth = (more: Record<string, string> = {}) => [
    start('issuer', more),
    start('introspect', more),
  ]

  async function expectRefusal(process: ServiceProcess, ...messages: readonly (string | RegExp)[]) {
    expect(await process.ended()).toBe(1)
    for (const message of messages) expect(process.output()).toMatch(message)
    // Words for an operator, not a stack.
    expect(process.output()).not.toMatch(/^\s+at /m)
  }

  it('starts beside others on an empty Redis and an empty data directory', async () => {
    rmSync(dataDir, { recursive: true, force: true })
    const services = ['issuer', 'issuer', 'introspect', 'introspect'] as const
    const started = services.map((service) => start(service))
    const urls = await Promise.all(started.map((process) => process.listening()))
    const [first, second, ...nodes] = urls as [string, string, string, string]
    const tokens = [await fetchToken(first, admin), await fetchToken(second, admin)]
    const registered = await fetch(`${first}/admin/v1/clients/api`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${tokens[1]}`, 'content-type': 'application/json' },
      body: JSON.stringify({ introspect: true, resources: [API] }),
    })
    expect(registered.status).toBe(201)
    const added = await fetch(`${second}/admin/v1/clients/api/secrets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens[0]}` },
    })
    const api = (await added.json()) as { client_id: string; client_secret: string }
    const forApi = [
      await fetchToken(first, admin, { resource: API }),
      await fetchToken(second, admin, { resource: API }),
    ]
    for (const node of nodes) {
      for (const token of forApi) {
        expect(JSON.parse(await introspectText(node, api, token))).toMatchObject({ sub: 'admin' })
      }
    }
  })

  it('refuses another number of partitions', async () => {
    await start('issuer').listening()
    for (const other of startBoth({ CLAIMCHECK_PARTITIONS: '128' })) {
      await expectRefusal(other, /64 partitions, not 128/, 'CLAIMCHECK_PARTITIONS=64')
    }
  })

  it('refuses another key prefix', async () => {
    await start('issuer').listening()
    for (const other of startBoth({ CLAIMCHECK_KEY_PREFIX: 'other' })) {
      await expectRefusal(other, '"cc", not "other"', 'CLAIMCHECK_KEY_PREFIX=cc')
    }
  })

  it('refuses keys of a format it does not know', async () => {
    await redis.direct.hset('claimcheck:installation', 'format', '99')
    for (const other of startBoth()) {
      await expectRefusal(other, /format 99, this version writes format 1/)
    }
    expect(await redis.direct.hgetall('claimcheck:installation')).toMatchObject({ format: '99' })
  })

  it('refuses another token key under an id in use, and does not show it', async () => {
    await start('issuer', { CLAIMCHECK_TOKEN_KEYS: `k1.${secret()}` }).listening()
    const wrong = secret()
    for (const other of startBoth({ CLAIMCHECK_TOKEN_KEYS: `k1.${wrong}` })) {
      await expectRefusal(other, 'token key "k1"', 'CLAIMCHECK_TOKEN_KEYS')
      expect(other.output()).not.toContain(wrong)
    }
  })

  it('never calls good tokens junk because its key is another one under the same id', async () => {
    const key = `k1.${secret()}`
    // This one comes first, so there is nothing yet that it could be compared with.
    const wrong = start('introspect', { CLAIMCHECK_TOKEN_KEYS: `k1.${secret()}` })
    const node = await wrong.listening()
    const issuer = start('issuer', { CLAIMCHECK_TOKEN_KEYS: key })
    const refusedOrUrl = await issuer.listening().catch(() => 'refused')
    if (refusedOrUrl === 'refused') {
      await expectRefusal(issuer, 'token key "k1"')
      return
    }
    const token = await fetchToken(refusedOrUrl, admin)
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const api = `${refusedOrUrl}/admin/v1/clients/api`
    const body = JSON.stringify({ introspect: true, resources: [API] })
    await fetch(api, { method: 'PUT', headers, body })
    const added = await fetch(`${api}/secrets`, { method: 'POST', headers })
    const caller = (await added.json()) as { client_id: string; client_secret: string }
    const forApi = await fetchToken(refusedOrUrl, admin, { resource: API })
    const response = await postForm(`${node}/introspect`, caller, { token: forApi })
    expect(response.status).toBe(503)
  })

  it('waits for a Redis that is not there yet', async () => {
    await redis.kill()
    const waiting = startBoth()
    for (const process of waiting) await process.says('trying again')
    await redis.start()
    for (const process of waiting) {
      const url = await process.listening()
      expect((await fetch(`${url}/readyz`)).status).toBe(200)
    }
  })

  it('ends on SIGTERM while it waits', async () => {
    await redis.kill()
    const waiting = start('issuer')
    await waiting.says('trying again')
    waiting.signal('SIGTERM')
    expect([0, 'SIGTERM']).toContain(await waiting.ended())
    await redis.start()
  })
})
