import { Router } from '@koa/router'
import { afterEach, describe, expect, it } from 'vitest'
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import { createKoaApp } from '../../../http/pipeline/koa-app.ts'
import type { RequestState } from '../../../http/pipeline/request-context.ts'
import { listen, type RunningServer } from '../../../http/server/listener.ts'
import { createLogger } from '../../../http/telemetry/logger.ts'
import { createMetrics } from '../../../http/telemetry/metrics.ts'

const running: RunningServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close({ timeoutMs: 1_000 })))
})

async function start(): Promise<string> {
  const log = createLogger('silent', 'test')
  const metrics = createMetrics({ service: 'test', version: '1', withProcessMetrics: false })
  const router = new Router<RequestState>()
  for (const path of ['/below/defect', '/beside/defect', '/below-not/defect']) {
    router.get(path, () => {
      throw new Error('words of its own')
    })
  }
  router.get('/below/refused', () => {
    throw new OAuthError('invalid_client', 'who "are" you\n', { headers: { 'X-Why': 'no' } })
  })
  const app = createKoaApp({
    log,
    metrics,
    trustProxy: false,
    routers: [router],
    messagePrefix: '/below',
  })
  const at = { host: '127.0.0.1', port: 0, portSetting: 'none' }
  const server = await listen({ callback: app.callback(), ...at, log })
  running.push(server)
  return server.url
}

describe('errors below the message prefix', () => {
  it('leave as a message alone, with their status and headers', async () => {
    const url = await start()
    const refused = await fetch(`${url}/below/refused`)
    expect([refused.status, refused.headers.get('x-why')]).toEqual([401, 'no'])
    expect(await refused.text()).toBe(`"who 'are' you?"`)
    const defect = await fetch(`${url}/below/defect`)
    expect(defect.status).toBe(500)
    expect(await defect.json()).toBe(
      `an internal error occurred; request id ${defect.headers.get('x-request-id')}`,
    )
    const missing = await fetch(`${url}/below/nothing`)
    expect([missing.status, await missing.json()]).toEqual([404, 'there is nothing here'])
  })

  it('leave as OAuth errors elsewhere', async () => {
    const url = await start()
    for (const path of ['/beside/defect', '/below-not/defect']) {
      expect(await (await fetch(url + path)).json()).toMatchObject({ error: 'server_error' })
    }
  })
})
