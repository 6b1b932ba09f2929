/** Secure transport, which several of the RFCs ask for: no start without it, no old version of it, no doubtful peer. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:https'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { listen, type RunningServer } from '../../http/server/listener.ts'
import { createLogger } from '../../http/telemetry/logger.ts'
import { createMetrics } from '../../http/telemetry/metrics.ts'
import { createIssuerApp } from '../../issuer/app.ts'
import type { Store } from '../../store/store.ts'
import { TEST_TLS } from '../unit/http/tls-fixture.ts'
import { verifies } from './verifies.ts'

const ROOT = new URL('../../', import.meta.url)
const TOKEN_KEY = `k1.${'A'.repeat(43)}`
const WELL_KNOWN = '/.well-known/oauth-authorization-server'

async function startProcess(service: string, env: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, [`${service}/main.ts`], {
    cwd: ROOT,
    // An address where no Redis is: a start that is not refused would wait for it and be stopped by the time limit.
    env: { CLAIMCHECK_REDIS_URL: 'redis://127.0.0.1:1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  return { code, stderr }
}

describe('start without a secure transport', () => {
  for (const service of ['introspect', 'issuer']) {
    verifies(['7662-2-a'], `${service} refuses to start in production`, async () => {
      const env = { NODE_ENV: 'production', CLAIMCHECK_TOKEN_KEYS: TOKEN_KEY }
      const { code, stderr } = await startProcess(service, env)
      expect(code).toBe(1)
      expect(stderr).toContain('CLAIMCHECK_TLS_CERT')
      expect(stderr).not.toContain(TOKEN_KEY)
    })

    verifies(['7662-2-a'], `${service} refuses a host that others can reach`, async () => {
      const { code, stderr } = await startProcess(service, { CLAIMCHECK_HOST: '0.0.0.0' })
      expect(code).toBe(1)
      expect(stderr).toContain('CLAIMCHECK_HOST')
    })
  }
})

describe('the TLS listener', () => {
  let server: RunningServer

  beforeAll(async () => {
    const log = createLogger('silent', 'issuer')
    // The document is made from settings alone; nothing here asks a store.
    const store = { audit: {} } as Store
    const app = createIssuerApp({
      store,
      log,
      metrics: createMetrics({ service: 'issuer', version: 'test', withProcessMetrics: false }),
      issuer: 'https://127.0.0.1',
      introspectUrl: 'https://127.0.0.1',
      trustProxy: false,
      withMetrics: false,
      nowSeconds: () => 0,
    })
    const at = { host: '127.0.0.1', port: 0, portSetting: 'none' }
    server = await listen({ callback: app.callback(), ...at, log, tls: TEST_TLS })
  })
  afterAll(() => server.close({ timeoutMs: 1_000 }))

  /** The protocol agreed on, or the code of the failure. */
  function handshake(maxVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: server.port, ca: TEST_TLS.cert }
      // Security level 0, so that it is the server that refuses and not this client.
      const old = { minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' }
      const socket = connect({ ...options, ...old, maxVersion }, () => {
        resolve(socket.getProtocol() ?? 'none')
        socket.destroy()
      })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    })
  }

  verifies(['7662-4-f'], 'TLS 1.2 and 1.3 are spoken and nothing older', async () => {
    expect(await handshake('TLSv1.3')).toBe('TLSv1.3')
    expect(await handshake('TLSv1.2')).toBe('TLSv1.2')
    for (const version of ['TLSv1.1', 'TLSv1'] as const) {
      expect(await handshake(version)).toMatch(/PROTOCOL_VERSION|NO_PROTOCOLS|UNSUPPORTED_PROTOCOL/)
    }
  })

  function getDocument(ca: string | undefined, servername: string): Promise<number | string> {
    return new Promise((resolve) => {
      const trust = ca === undefined ? {} : { ca }
      const target = { host: '127.0.0.1', port: server.port, path: WELL_KNOWN, agent: false }
      request({ ...target, servername, ...trust }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        .end()
    })
  }

  verifies(['8414-6-a'], 'the document needs a certificate that is trusted and fits', async () => {
    expect(await getDocument(TEST_TLS.cert, 'localhost')).toBe(200)
    expect(await getDocument(undefined, 'localhost')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
    expect(await getDocument(TEST_TLS.cert, 'auth.example.test')).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    )
  })
})
