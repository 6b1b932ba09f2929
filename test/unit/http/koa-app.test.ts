import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Router } from '@koa/router'
import { afterEach, describe, expect, it } from 'vitest'
import { FORM_RULES, readForm } from '../../../http/body/form.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import { ProblemError } from '../../../http/errors/problem.ts'
import { createHealthRouter, type Readiness } from '../../../http/pipeline/health.ts'
import { createKoaApp } from '../../../http/pipeline/koa-app.ts'
import type { RequestState } from '../../../http/pipeline/request-context.ts'
import { allowCaching, replyJson } from '../../../http/reply/reply.ts'
import {
  listen,
  type RunningServer,
  SERVER_LIMITS,
  type ServerLimits,
  type TlsMaterial,
} from '../../../http/server/listener.ts'
import { createLogger } from '../../../http/telemetry/logger.ts'
import { createMetrics } from '../../../http/telemetry/metrics.ts'
import type { LogLevel } from '../../../settings/setting-table.ts'
import { TEST_TLS } from './tls-fixture.ts'

const TOKEN = `cc_at_${'z'.repeat(68)}`
const running: RunningServer[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(running.splice(0).map((server) => server.close({ timeoutMs: 1_000 })))
})

interface Harness {
  readonly server: RunningServer
  readonly lines: Record<string, unknown>[]
  readonly metrics: ReturnType<typeof createMetrics>
  /** Resolves once a request has come into `/held`. */
  readonly held: Promise<void>
  release(): void
}

async function start(
  options: {
    prefix?: string
    limits?: ServerLimits
    trustProxy?: boolean
    ready?: () => Promise<Readiness>
    level?: LogLevel
    tls?: TlsMaterial
  } = {},
): Promise<Harness> {
  const lines: Record<string, unknown>[] = []
  const log = createLogger(options.level ?? 'debug', 'test', {
    write: (line) => lines.push(JSON.parse(line)),
  })
  const metrics = createMetrics({ service: 'test', version: '1.2.3', withProcessMetrics: false })
  const router = new Router<RequestState>(
    options.prefix === undefined ? {} : { prefix: options.prefix },
  )
  const entered = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()

  router.post('/echo', async (ctx) => {
    const form = await readForm(ctx.req, { ...FORM_RULES, maxBytes: 1_000, timeoutMs: 100 })
    ctx.state.clientId = 'a-client'
    replyJson(ctx, 200, JSON.stringify(Object.fromEntries(form.values)))
  })
  router.get('/public', (ctx) => {
    allowCaching(ctx.res, 60)
    ctx.body = { ok: true }
  })
  router.get('/held', async (ctx) => {
    entered.resolve()
    await gate.promise
    replyJson(ctx, 200, '{}')
  })
  router.get('/boom', () => {
    throw new Error(`boom with ${TOKEN}`)
  })
  router.get('/down', () => {
    throw Object.assign(new Error('down'), { code: 'ERR_STORE_UNAVAILABLE' })
  })
  router.get('/oauth', () => {
    throw new OAuthError('invalid_scope', 'a "bad"\r\nscope é', { detail: 'for the log' })
  })
  router.get('/admin/v1/subjects/:sub', (ctx) => {
    throw new ProblemError('not-found', `no ${ctx.params.sub}`)
  })
  const ready = options.ready ?? (async () => ({ ready: true, checks: { redis: 'ok' } }))
  const app = createKoaApp({
    log,
    metrics,
    trustProxy: options.trustProxy ?? false,
    routers: [router, createHealthRouter({ ready, metrics, timeoutMs: 50 })],
    problemPrefix: `${options.prefix ?? ''}/admin/v1`,
    quietRoutes: new Set(['/healthz', '/oauth']),
  })
  const server = await listen({
    callback: app.callback(),
    host: '127.0.0.1',
    port: 0,
    portSetting: 'CLAIMCHECK_TEST_PORT',
    log,
    tls: options.tls,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  })
  running.push(server)
  return { server, lines, metrics, held: entered.promise, release: () => gate.resolve() }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function send(
  { port }: RunningServer,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      { port, host: '127.0.0.1', method, path, headers, agent: false },
      (res) => {
        let text = ''
        res.setEncoding('utf8')
        res.on('data', (chunk: string) => {
          text += chunk
        })
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }))
        res.on('error', reject)
      },
    )
    req.on('error', reject)
    req.end(body)
  })
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const json = ({ text }: Answer) => JSON.parse(text)

/** Writes raw bytes and resolves with all that comes back until the server ends the connection. */
function raw({ port }: RunningServer, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    sockets.push(socket)
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}

describe('the Koa application', () => {
  it('answers with JSON that nobody stores, and the request id', async () => {
    const { server } = await start()
    const answer = await send(server, 'POST', '/echo', { ...FORM, 'x-request-id': 'my-id' }, 'a=1')
    expect([answer.status, json(answer)]).toEqual([200, { a: '1' }])
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '9',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-request-id': 'my-id',
    })
  })

  it('lets a public document opt into caching', async () => {
    const { server } = await start()
    const { headers } = await send(server, 'GET', '/public')
    expect(headers['cache-control']).toBe('public, max-age=60')
    expect(headers.pragma).toBeUndefined()
  })

  it('turns a defect into 500 without a word of it, and logs it scrubbed', async () => {
    const { server, lines } = await start()
    const answer = await send(server, 'GET', '/boom', { 'x-request-id': 'my-id' })
    expect(answer.status).toBe(500)
    expect(json(answer)).toEqual({
      error: 'server_error',
      error_description: 'an internal error occurred; request id my-id',
    })
    const logged = JSON.stringify(lines)
    expect(logged).toContain('boom with cc_at_…')
    expect(logged).not.toContain(TOKEN)
  })

  it('turns the store being away into 503 with Retry-After', async () => {
    const { server } = await start()
    const answer = await send(server, 'GET', '/down')
    expect([answer.status, answer.headers['retry-after'], json(answer).error]).toEqual([
      503,
      '1',
      'temporarily_unavailable',
    ])
  })

  it('keeps OAuth descriptions within the character set', async () => {
    const { server, lines } = await start()
    const answer = await send(server, 'GET', '/oauth')
    expect(json(answer)).toEqual({ error: 'invalid_scope', error_description: "a 'bad'??scope ?" })
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.text).not.toContain('for the log')
    expect(JSON.stringify(lines)).toContain('for the log')
  })

  it('answers below the admin prefix with problem details', async () => {
    const { server } = await start()
    const answer = await send(server, 'GET', `/admin/v1/subjects/${TOKEN}`, {
      'x-request-id': 'my-id',
    })
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(json(answer)).toEqual({
      type: 'urn:claimcheck:problem:not-found',
      title: 'There is nothing here',
      status: 404,
      detail: 'no cc_at_…',
      instance: 'urn:claimcheck:request:my-id',
    })
  })

  it('answers 404 and 405 in the style of the place', async () => {
    const { server } = await start()
    const missing = await send(server, 'GET', '/nowhere')
    expect([missing.status, json(missing).error]).toEqual([404, 'not_found'])
    const wrong = await send(server, 'GET', '/echo?token=x')
    expect([wrong.status, json(wrong).error, wrong.headers.allow]).toEqual([
      405,
      'invalid_request',
      'POST',
    ])
    const admin = await send(server, 'PUT', '/admin/v1/subjects/a')
    expect([admin.status, json(admin).type]).toEqual([
      405,
      'urn:claimcheck:problem:method-not-allowed',
    ])
    expect(admin.headers.allow).toContain('GET')
    expect((await send(server, 'GET', '/admin/v1/nowhere')).headers['content-type']).toBe(
      'application/problem+json',
    )
    expect((await send(server, 'GET', '/admin/v10')).headers['content-type']).toBe(
      'application/json',
    )
  })

  it('treats HEAD, OPTIONS and odd methods sanely', async () => {
    const { server } = await start()
    const head = await send(server, 'HEAD', '/public')
    expect([head.status, head.text]).toEqual([200, ''])
    const options = await send(server, 'OPTIONS', '/echo')
    expect([options.status, options.headers.allow, options.text]).toEqual([200, 'POST', ''])
    expect((await send(server, 'HEAD', '/echo')).status).toBe(405)
    expect((await send(server, 'PROPFIND', '/echo')).status).toBe(405)
    expect((await send(server, 'PROPFIND', '/nowhere')).status).toBe(404)
  })

  it('puts routes below a prefix and health at the root', async () => {
    const { server } = await start({ prefix: '/auth' })
    expect((await send(server, 'GET', '/auth/public')).status).toBe(200)
    expect((await send(server, 'GET', '/public')).status).toBe(404)
    expect((await send(server, 'GET', '/healthz')).text).toBe('{"status":"ok"}')
    const problem = await send(server, 'GET', '/auth/admin/v1/subjects/x')
    expect(problem.headers['content-type']).toBe('application/problem+json')
  })

  it('reports readiness, and not ready when the check fails or hangs', async () => {
    const good = await start()
    expect(await send(good.server, 'GET', '/readyz')).toMatchObject({
      status: 200,
      text: '{"status":"ready","checks":{"redis":"ok"}}',
    })
    const checks: (() => Promise<Readiness>)[] = [
      () => Promise.reject(new Error('x')),
      () => new Promise<Readiness>(() => {}),
      async () => ({ ready: false, checks: {} }),
    ]
    for (const ready of checks) {
      const bad = await start({ ready })
      expect((await send(bad.server, 'GET', '/readyz')).status).toBe(503)
    }
  })

  it('logs one line a request: the pattern, never the path, the query or a header', async () => {
    const { server, lines } = await start()
    await send(
      server,
      'POST',
      `/echo?client_secret=hunter2`,
      { ...FORM, cookie: 'hunter2' },
      'token=hunter2',
    )
    await send(server, 'GET', '/admin/v1/subjects/alice')
    await send(server, 'GET', '/somewhere/hunter2')
    const access = lines.filter(({ msg }) => msg === 'request')
    expect(
      access.map(({ method, route, status, client_id, error }) => [
        method,
        route,
        status,
        client_id,
        error,
      ]),
    ).toEqual([
      ['POST', '/echo', 200, 'a-client', undefined],
      ['GET', '/admin/v1/subjects/:sub', 404, undefined, 'not-found'],
      ['GET', 'unmatched', 404, undefined, 'not_found'],
    ])
    expect(access[0]).toMatchObject({ source: '127.0.0.1', service: 'test' })
    expect(access[0]?.duration_ms).toBeTypeOf('number')
    const logged = JSON.stringify(access)
    expect(logged).not.toContain('hunter2')
    expect(logged).not.toContain('alice')
  })

  it('logs the successes of a quiet route at debug only, and its failures as ever', async () => {
    const { server, lines } = await start({ level: 'info' })
    await send(server, 'GET', '/healthz')
    await send(server, 'GET', '/oauth')
    expect(lines.map(({ route, status }) => [route, status])).toEqual([['/oauth', 400]])
  })

  it('believes the last hop of X-Forwarded-For, and only behind a trusted proxy', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' }
    for (const [trustProxy, source] of [
      [true, '198.51.100.7'],
      [false, '127.0.0.1'],
    ] as const) {
      const { server, lines } = await start({ trustProxy })
      await send(server, 'GET', '/public', headers)
      await send(server, 'GET', '/public', { 'x-forwarded-for': 'junk' })
      expect(lines.map((line) => line.source)).toEqual([source, '127.0.0.1'])
    }
  })

  it('counts requests by route pattern, with bounded labels', async () => {
    const { server, metrics } = await start()
    await send(server, 'GET', '/a')
    await send(server, 'PROPFIND', '/b')
    await send(server, 'GET', '/admin/v1/subjects/alice')
    const { text, headers } = await send(server, 'GET', '/metrics')
    expect(headers['content-type']).toMatch(/^text\/plain/)
    expect(text).toContain('_count{method="GET",route="unmatched",status="404"} 1')
    expect(text).toContain('_count{method="other",route="unmatched",status="404"} 1')
    expect(text).toContain('route="/admin/v1/subjects/:sub"')
    expect(text).toContain('claimcheck_http_requests_in_flight 1')
    expect(text).toContain('claimcheck_build_info{service="test",version="1.2.3"')
    expect(text).not.toContain('alice')
    expect(await metrics.registry.metrics()).toContain('claimcheck_http_requests_in_flight 0')
  })
})

describe('body reading over a real connection', () => {
  it('answers 413 to a body over the limit, announced or not, and lets the answer be read', async () => {
    const { server } = await start()
    const body = `a=${'x'.repeat(2_000_000)}`
    const announced = await send(
      server,
      'POST',
      '/echo',
      { ...FORM, 'content-length': `${body.length}` },
      body,
    )
    expect([announced.status, json(announced).error]).toEqual([413, 'invalid_request'])
    const chunked = await send(
      server,
      'POST',
      '/echo',
      { ...FORM, 'transfer-encoding': 'chunked' },
      body,
    )
    expect(chunked.status).toBe(413)
  })

  it('keeps the connection usable after a 413', async () => {
    const { server } = await start()
    const big = 'x'.repeat(5_000)
    const head = (length: number, more = '') =>
      `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM['content-type']}\r\nContent-Length: ${length}\r\n${more}\r\n`
    const text = await raw(server, `${head(5_000)}${big}${head(3, 'Connection: close\r\n')}a=1`)
    expect(text).toMatch(/^HTTP\/1\.1 413 .*HTTP\/1\.1 200 .*\{"a":"1"\}$/s)
  })

  it('answers 408 to a body that does not arrive', async () => {
    const { server } = await start()
    const text = await raw(
      server,
      `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM['content-type']}\r\nContent-Length: 10\r\n\r\na=`,
    )
    expect(text).toMatch(/^HTTP\/1\.1 408 /)
    expect(text.toLowerCase()).toContain('connection: close')
    expect(text).toContain('"error":"invalid_request"')
  })

  it('refuses other content types and encodings', async () => {
    const { server } = await start()
    for (const type of [
      'application/json',
      'text/plain',
      `${FORM['content-type']}; charset=latin1`,
      'x',
    ]) {
      const answer = await send(server, 'POST', '/echo', { 'content-type': type }, 'a=1')
      expect([answer.status, json(answer).error], type).toEqual([400, 'invalid_request'])
    }
    expect((await send(server, 'POST', '/echo')).status).toBe(400)
    const utf8 = { 'content-type': `${FORM['content-type']};charset=UTF-8` }
    expect((await send(server, 'POST', '/echo', utf8, 'a=1')).status).toBe(200)
    const gzip = await send(server, 'POST', '/echo', { ...FORM, 'content-encoding': 'gzip' }, 'a=1')
    expect([gzip.status, json(gzip).error]).toEqual([415, 'invalid_request'])
    expect(
      (await send(server, 'POST', '/echo', { ...FORM, 'content-encoding': 'identity' }, 'a=1'))
        .status,
    ).toBe(200)
  })

  it('survives a caller that leaves in the middle of a body', async () => {
    const { server, lines } = await start()
    const socket = connect(server.port, '127.0.0.1', () => {
      const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM['content-type']}\r\nContent-Length: 10\r\n\r\na=`
      socket.write(head, () => socket.destroy())
    })
    sockets.push(socket)
    await expect.poll(() => lines.some(({ msg }) => msg === 'request')).toBe(true)
    expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({ status: 400, aborted: true })
    expect((await send(server, 'GET', '/public')).status).toBe(200)
  })
})

describe('the listener', () => {
  it('answers bytes that are no request with JSON, and no word of what was sent', async () => {
    const { server } = await start()
    const text = await raw(server, 'hunter2 is not http\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(text).toContain('"error":"invalid_request"')
    expect(text).not.toContain('hunter2')
  })

  it('answers 431 to headers over the limit', async () => {
    const { server } = await start()
    const text = await raw(
      server,
      `GET /public HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`,
    )
    expect(text).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('answers 408 to a request whose headers do not arrive', async () => {
    const limits = { ...SERVER_LIMITS, headersTimeoutMs: 100, requestTimeoutMs: 200 }
    const { server } = await start({ limits })
    expect(await raw(server, 'GET /public HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('names the address and the setting when the port is taken', async () => {
    const { server } = await start()
    const log = createLogger('silent', 'test', { write: () => {} })
    const options = {
      callback: () => {},
      host: '127.0.0.1',
      port: server.port,
      portSetting: 'CLAIMCHECK_ISSUER_PORT',
      log,
    }
    await expect(listen(options)).rejects.toMatchObject({
      code: 'ERR_CLAIMCHECK_LISTEN',
      message: `127.0.0.1:${server.port} is taken by another process. Stop that one, or set CLAIMCHECK_ISSUER_PORT to a free port (0 picks one).`,
    })
  })

  it('speaks TLS 1.2 and later, and drains it', async () => {
    const { server } = await start({ tls: TEST_TLS })
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`)
    const get = (options: RequestOptions) =>
      new Promise<number | undefined>((resolve, reject) => {
        const target = { host: '127.0.0.1', port: server.port, path: '/public', ca: TEST_TLS.cert }
        const req = httpsRequest({ ...target, ...options }, (res) => {
          res.resume().on('end', () => resolve(res.statusCode))
        })
        req.on('error', reject).end()
      })
    const agent = new Agent({ keepAlive: true })
    expect(await get({ agent })).toBe(200)
    await expect(get({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow()
    expect(await server.close({ timeoutMs: 5_000 })).toBe('drained')
    agent.destroy()
  })

  it('wants a certificate of the client CA when there is one', async () => {
    const { server } = await start({ tls: { ...TEST_TLS, clientCa: TEST_TLS.cert } })
    const reach = (certificate: object) =>
      new Promise<string>((resolve) => {
        const target = { host: '127.0.0.1', port: server.port, ca: TEST_TLS.cert, ...certificate }
        const socket = connectTls(target, () =>
          socket.write('GET /public HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
        )
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve(text.slice(0, 12)))
      })
    expect(await reach({})).toBe('')
    expect(await reach({ cert: TEST_TLS.cert, key: TEST_TLS.key })).toBe('HTTP/1.1 200')
  })

  it('drains: the request in flight gets its answer, on a connection that then closes', async () => {
    const { server, held, release } = await start()
    const idle = connect(server.port, '127.0.0.1')
    sockets.push(idle)
    const answer = raw(server, 'GET /held HTTP/1.1\r\nHost: x\r\n\r\n')
    await held
    const closing = server.close({ timeoutMs: 5_000 })
    await expect(send(server, 'GET', '/public')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    release()
    expect(await closing).toBe('drained')
    const text = await answer
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text.toLowerCase()).toContain('connection: close')
  })

  it('cuts off what is left when the time is up', async () => {
    const { server, held } = await start()
    const answer = raw(server, 'GET /held HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => '')
    await held
    expect(await server.close({ timeoutMs: 50 })).toBe('cut-off')
    expect(await answer).toBe('')
  })
})
