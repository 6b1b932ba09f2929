/** OpenID AuthZEN §9: the metadata document, where it is found, and that it tells the truth. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { listen, type RunningServer } from '../../http/server/listener.ts'
import { createLogger } from '../../http/telemetry/logger.ts'
import { createMetrics } from '../../http/telemetry/metrics.ts'
import { accessMetadata } from '../../introspect/access/metadata.ts'
import { type IntrospectService, startIntrospectService } from '../../introspect/app.ts'
import { jsonOf } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { decisionOf, loadFixture, messageOf, PERMITTED, postJson } from './decision-point.ts'
import { verifies } from './verifies.ts'

const WELL_KNOWN = '/.well-known/authzen-configuration'

describe('AuthZEN: metadata', () => {
  let at: ConformanceWorld

  beforeAll(async () => {
    at = await startConformanceWorld()
    await loadFixture(at.store)
  })
  afterAll(() => at.close())

  verifies(['azn-9-a'], 'the document names what is offered and nothing else', async () => {
    const [node] = at.introspect
    const response = await fetch(node + WELL_KNOWN)
    expect(response.headers.get('cache-control')).toMatch(/^public, max-age=[1-9]\d*$/)
    const metadata = await jsonOf(response)
    expect(metadata).toEqual({
      policy_decision_point: node,
      access_evaluation_endpoint: `${node}/access/v1/evaluation`,
      access_evaluations_endpoint: `${node}/access/v1/evaluations`,
    })
    for (const name of ['access_evaluation_endpoint', 'access_evaluations_endpoint']) {
      const url = String(metadata[name])
      expect(await decisionOf(await postJson(url, at.grades, PERMITTED))).toBe(true)
    }
  })

  verifies(['azn-9-a'], 'behind https nothing is published without it', () => {
    for (const url of ['https://pdp.example.test', 'https://pdp.example.test/t1/']) {
      const values = Object.values(accessMetadata(url))
      expect(values[0]).toBe(url)
      for (const value of values) expect(value).toMatch(/^https:\/\/pdp\.example\.test[^?#]*$/)
      for (const value of values.slice(1)) expect(value.slice(8)).not.toContain('//')
    }
  })

  for (const path of ['/t1', '/t1/', '/a/b']) {
    describe(`a decision point with the path ${path}`, () => {
      let service: IntrospectService
      let server: RunningServer
      let origin: string

      beforeAll(async () => {
        const log = createLogger('silent', 'introspect')
        server = await listen({
          callback: (req, res) => service.callback(req, res),
          host: '127.0.0.1',
          port: 0,
          portSetting: 'none',
          log,
        })
        origin = server.url
        service = startIntrospectService({
          store: at.store,
          log,
          metrics: createMetrics({
            service: 'introspect',
            version: 'test',
            withProcessMetrics: false,
          }),
          issuer: at.issuer,
          introspectUrl: origin + path,
          trustProxy: false,
          withMetrics: false,
        })
      })
      afterAll(async () => {
        service.close()
        await server.close({ timeoutMs: 1_000 })
      })

      verifies(['azn-9-a'], 'the well-known text stands between host and path', async () => {
        const base = path.replace(/\/$/, '')
        const metadata = await jsonOf(await fetch(origin + WELL_KNOWN + base))
        expect(metadata.policy_decision_point).toBe(origin + path)
        for (const wrong of [WELL_KNOWN, `${base}${WELL_KNOWN}`, `${WELL_KNOWN}${base}x`]) {
          expect((await fetch(origin + wrong)).status).toBe(404)
        }
        const url = String(metadata.access_evaluation_endpoint)
        expect(url).toBe(`${origin}${base}/access/v1/evaluation`)
        expect(await decisionOf(await postJson(url, at.grades, PERMITTED))).toBe(true)
        await messageOf(await postJson(url, at.grades, '{'), 400)
      })
    })
  }
})
