/** The shortcut answers as Koa would: the same handler in the same frame, whatever it does. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { Router } from '@koa/router'
import { afterEach, describe, expect, it } from 'vitest'
import { readForm } from '../../../http/body/form.ts'
import { createKoaApp } from '../../../http/pipeline/koa-app.ts'
import {
  EXACT_PATHS,
  type RequestContext,
  type RequestState,
} from '../../../http/pipeline/request-context.ts'
import { createShortcut } from '../../../http/pipeline/shortcut.ts'
import { replyJson } from '../../../http/reply/reply.ts'
import { listen, type RunningServer } from '../../../http/server/listener.ts'
import { createLogger } from '../../../http/telemetry/logger.ts'
import { createMetrics } from '../../../http/telemetry/metrics.ts'
import { waitFor } from '../../fixture/wait-for.ts'

const PATH = '/busy'
const running: RunningServer[] = []

afterEach(() => Promise.all(running.splice(0).map((server) => server.close({ timeoutMs: 1_000 }))))

async function handle(context: RequestContext): Promise<void> {
  const { values } = await readForm(context.req)
  if (values.has('fail')) throw new Error(`no word of this: ${values.get('fail')}`)
  replyJson(context, 200, JSON.stringify(Object.fromEntries(values)))
}

async function start(work: typeof handle = handle) {
  const lines: Record<string, unknown>[] = []
  const log = createLogger('debug', 'test', { write: (line) => lines.push(JSON.parse(line)) })
  const metrics = createMetrics({ service: 'test', version: '1', withProcessMetrics: false })
  const router = new Router<RequestState>({ ...EXACT_PATHS })
  router.post(PATH, work)
  const frame = { log, metrics, trustProxy: false, quietRoutes: new Set([PATH]) }
  const koa = createKoaApp({ ...frame, routers: [router] }).callback()
  let shortcuts = 0
  const counted = (context: RequestContext): Promise<void> => {
    shortcuts++
    return work(context)
  }
  const shortcut = createShortcut({
    ...frame,
    method: 'POST',
    path: PATH,
    handle: counted,
    others: koa,
  })
  const server = await listen({
    callback: shortcut,
    host: '127.0.0.1',
    port: 0,
    portSetting: 'none',
    log,
  })
  running.push(server)
  return { server, lines, metrics, shortcuts: () => shortcuts }
}

interface Answer {
  readonly status: number | undefined
  readonly headers: Record<string, unknown>
  readonly text: string
}

function send({ port }: RunningServer, method: string, path: string, body: string, type: string) {
  const headers = { 'content-type': type, 'x-request-id': 'one' }
  return new Promise<Answer>((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', method, path, headers, agent: false }, (res) => {
      let text = ''
      res.on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => {
        const { date: _, ...rest } = res.headers
        resolve({ status: res.statusCode, headers: rest, text })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

const FORM = 'application/x-www-form-urlencoded'

describe('a shortcut', () => {
  it.each([
    ['a good request', 'a=1', FORM, 200],
    ['a handler that fails', 'fail=secret', FORM, 500],
    ['a body of the wrong type', '{}', 'application/json', 400],
    ['a parameter sent twice', 'a=1&a=2', FORM, 400],
  ])('answers %s as Koa does, to the byte', async (_, body, type, status) => {
    const { server, shortcuts } = await start()
    const short = await send(server, 'POST', PATH, body, type)
    expect(shortcuts()).toBe(1)
    // A query makes it another text, though the same route.
    const long = await send(server, 'POST', `${PATH}?`, body, type)
    expect(shortcuts()).toBe(1)
    expect(short).toEqual(long)
    expect(short.status).toBe(status)
    expect(short.text).not.toContain('secret')
  })

  it.each([
    ['GET', PATH],
    ['POST', `${PATH}/`],
    ['POST', `/BUSY`],
    ['POST', `/other`],
    ['DELETE', PATH],
  ])('leaves %s %s to the application', async (method, path) => {
    const { server, shortcuts } = await start()
    const { status } = await send(server, method, path, '', FORM)
    expect([404, 405]).toContain(status)
    expect(shortcuts()).toBe(0)
  })

  it('is counted and logged under its path', async () => {
    const { server, metrics, lines } = await start()
    await send(server, 'POST', PATH, 'a=1', FORM)
    await waitFor(() => lines.some(({ msg }) => msg === 'request'))
    expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({
      route: PATH,
      status: 200,
      method: 'POST',
      request_id: 'one',
    })
    expect(await metrics.registry.metrics()).toContain(`route="${PATH}",status="200"} 1`)
  })

  it('outlives callers who leave before the answer', async () => {
    const held = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const { server, metrics } = await start(async (context) => {
      entered.resolve()
      await held.promise
      replyJson(context, 200, '{}')
    })
    const socket = connect(server.port, '127.0.0.1')
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`)
    await entered.promise
    socket.destroy()
    await waitFor(() => server.server.listening)
    held.resolve()
    await waitFor(async () =>
      (await metrics.registry.metrics()).includes('claimcheck_http_requests_in_flight 0'),
    )
    expect((await send(server, 'POST', '/other', '', FORM)).status).toBe(404)
  })
})
