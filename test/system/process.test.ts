/** A service as a process: wrong settings, taken ports, TLS, and graceful shutdown. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { basic, fetchToken } from '../fixture/requests.ts'
import { TEST_TLS } from '../unit/http/tls-fixture.ts'
import { type ServiceProcess, startProcess } from './service-process.ts'

const admin = { client_id: 'admin', client_secret: randomBytes(32).toString('base64url') }

describe('a service process', () => {
  let redis: TestRedis
  let dir: string
  let settings: Record<string, string>
  const running: ServiceProcess[] = []

  beforeAll(async () => {
    redis = await startRedis()
    dir = mkdtempSync(join(tmpdir(), 'claimcheck-process-'))
    settings = {
      CLAIMCHECK_REDIS_URL: redis.url,
      CLAIMCHECK_DATA_DIR: dir,
      CLAIMCHECK_ISSUER_PORT: '0',
      CLAIMCHECK_INTROSPECT_PORT: '0',
      CLAIMCHECK_ADMIN_SECRET: admin.client_secret,
    }
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((process) => process.stop()))
  })

  afterAll(async () => {
    rmSync(dir, { recursive: true, force: true })
    await redis.stop()
  })

  function start(service: 'issuer' | 'introspect', more: Record<string, string> = {}) {
    const process = startProcess(service, { ...settings, ...more })
    running.push(process)
    return process
  }

  it('lists all wrong settings at once, without their values', async () => {
    const wrong = start('issuer', {
      CLAIMCHECK_REDIS_URL: 'mysql://user:pa55word@db',
      CLAIMCHECK_PARTITIONS: '63',
      CLAIMCHECK_ADMIN_SECRET: 'tooshort',
      CLAIMCHECK_TOKEN_KEYS: 'k1.c2hvcnQ',
      CLAIMCHECK_PARTITION: '64',
    })
    expect(await wrong.ended()).toBe(1)
    const output = wrong.output()
    for (const name of ['REDIS_URL', 'PARTITIONS', 'ADMIN_SECRET', 'TOKEN_KEYS', 'PARTITION ']) {
      expect(output).toContain(`CLAIMCHECK_${name}`)
    }
    expect(output).toContain('5 settings are wrong')
    expect(output).not.toMatch(/pa55word|tooshort|c2hvcnQ/)
  })

  it('names the address and the setting when its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const taken = [
      ['issuer', 'CLAIMCHECK_ISSUER_PORT'],
      ['introspect', 'CLAIMCHECK_INTROSPECT_PORT'],
      ['introspect', 'CLAIMCHECK_METRICS_PORT'],
    ] as const
    const started = taken.map(
      ([service, setting]) => [start(service, { [setting]: String(port) }), setting] as const,
    )
    for (const [process, setting] of started) {
      expect(await process.ended()).toBe(1)
      expect(process.output()).toContain(`127.0.0.1:${port} is taken`)
      expect(process.output()).toContain(setting)
    }
    holder.close()
  })

  it('answers what is in flight on SIGTERM, takes nothing new, and exits with 0', async () => {
    const issuer = start('issuer')
    const url = await issuer.listening()
    const body = 'grant_type=client_credentials'
    const inFlight = request(`${url}/token`, {
      method: 'POST',
      headers: {
        authorization: basic(admin),
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': body.length,
        // The service says when it has begun to listen to the body.
        expect: '100-continue',
      },
    })
    inFlight.flushHeaders()
    await once(inFlight, 'continue')
    inFlight.write(body.slice(0, 10))
    issuer.signal('SIGTERM')
    await issuer.says('"msg":"draining"')
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
    inFlight.end(body.slice(10))
    const [response] = (await once(inFlight, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(200)
    expect(await textOf(response)).toContain('access_token')
    expect(await issuer.ended()).toBe(0)
    expect(issuer.output()).toContain('"outcome":"drained"')
  })

  it('exits with 0 on SIGINT and SIGTERM when idle, although a connection is kept alive', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const node = start('introspect')
      expect((await fetch(`${await node.listening()}/healthz`)).status).toBe(200)
      node.signal(signal)
      expect(await node.ended()).toBe(0)
    }
  })

  const production = { NODE_ENV: 'production', CLAIMCHECK_HOST: '0.0.0.0' }

  it('refuses plain HTTP on a public address, unless told that TLS ends in front', async () => {
    const key = randomBytes(32).toString('base64url')
    const plainly = { ...production, CLAIMCHECK_TOKEN_KEYS: `k9.${key}` }
    const plainOnes = [start('issuer', plainly), start('introspect', plainly)]
    for (const plain of plainOnes) {
      expect(await plain.ended()).toBe(1)
      expect(plain.output()).toMatch(/CLAIMCHECK_HOST must be a loopback address without TLS/)
    }
    const terminated = { ...plainly, CLAIMCHECK_TLS_TERMINATED: 'true' }
    await start('introspect', terminated).listening()
  })

  it('refuses production without token keys', async () => {
    const keyless = start('issuer', { ...production, CLAIMCHECK_TLS_TERMINATED: 'true' })
    expect(await keyless.ended()).toBe(1)
    expect(keyless.output()).toContain('CLAIMCHECK_TOKEN_KEYS must be given in production')
  })

  it('listens with TLS from its settings', async () => {
    const cert = join(dir, 'cert.pem')
    const key = join(dir, 'key.pem')
    writeFileSync(cert, TEST_TLS.cert)
    writeFileSync(key, TEST_TLS.key)
    const tls = { CLAIMCHECK_TLS_CERT: cert, CLAIMCHECK_TLS_KEY: key }
    for (const started of [start('issuer', tls), start('introspect', tls)]) {
      const url = await started.listening()
      expect(url).toMatch(/^https:/)
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
      get(`${url}/readyz`, { ca: TEST_TLS.cert, agent: false }, resolve).on('error', reject)
      const response = await promise
      expect([response.statusCode, await textOf(response)]).toEqual([
        200,
        expect.stringContaining('"ready"'),
      ])
      await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow()
    }
  })

  it('reads settings from files', async () => {
    const file = join(dir, 'admin-secret')
    const fileSecret = randomBytes(32).toString('base64url')
    writeFileSync(file, `${fileSecret}\n`)
    const issuer = start('issuer', {
      CLAIMCHECK_ADMIN_SECRET: '',
      CLAIMCHECK_ADMIN_SECRET_FILE: file,
    })
    const url = await issuer.listening()
    expect(await fetchToken(url, { ...admin, client_secret: fileSecret })).toMatch(/^cc_at_/)
  })
})

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}
