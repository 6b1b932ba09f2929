import Koa from 'koa'
import { Router } from '@koa/router'
import { createServer } from 'node:http'
import { createKoaApp } from '../../../http/koa-app.ts'
import { createLogger } from '../../../http/logger.ts'
import { createMetrics } from '../../../http/metrics.ts'
import { readForm } from '../../../http/form.ts'
import { presentedCredentials, hashSecret } from '../../../http/client-credentials.ts'
import { verifyClient } from '../../../http/client-auth.ts'
import { replyJson } from '../../../http/reply.ts'
import { createHealthRouter } from '../../../http/health.ts'
import { connect } from 'node:net'
import { fork } from 'node:child_process'
import { openSync } from 'node:fs'
import { destination } from 'pino'
const BODY = `{"active":true,"iss":"https://x","sub":"alice","client_id":"web","scope":"a b","exp":1}`
const mode = process.argv[2]
if (mode === 'load') {
  const port = Number(process.argv[3]); const N = Number(process.argv[4])
  const body = 'token=cc_at_' + 'a'.repeat(68)
  const req = `POST /introspect HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${Buffer.from('api:'+'s'.repeat(43)).toString('base64')}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  let left = N, done = 0
  for (let i = 0; i < 64; i++) {
    const s = connect(port, '127.0.0.1', () => { left--; s.write(req) })
    s.on('data', () => { done++; if (left-- > 0) s.write(req); else { s.destroy(); if (done >= N) process.exit(0) } })
  }
} else {
  let cb
  if (mode === 'bare') {
    const app = new Koa(); const r = new Router()
    r.post('/introspect', (ctx) => new Promise<void>((ok) => { const c: Buffer[] = []; ctx.req.on('data', (d) => c.push(d)); ctx.req.on('end', () => { Buffer.concat(c).toString(); ctx.body = BODY; ctx.type = 'application/json'; ok() }) }))
    app.use(r.routes()); cb = app.callback()
  } else {
    const log = createLogger(mode === 'info' ? 'info' : 'warn', 't', destination({ fd: openSync('/dev/null', 'w'), sync: false, minLength: 4096, periodicFlush: 100 } as never) as never)
    const metrics = createMetrics({ service: 't', version: '1' })
    const r = new Router<any>()
    const reg = { client_id: 'api', enabled: true, token_endpoint_auth_method: 'client_secret_basic' as const, secret_hashes: [hashSecret('s'.repeat(43))] }
    const failures = { async record() { return undefined } }
    r.post('/introspect', async (ctx) => {
      const form = await readForm(ctx.req)
      const p = presentedCredentials(ctx.req, form)
      const c = await verifyClient(p, reg, { allowPublic: false, source: ctx.state.source, failures })
      ctx.state.clientId = c.client_id
      form.values.get('token')
      replyJson(ctx, 200, BODY)
    })
    cb = createKoaApp({ log, metrics, trustProxy: false, routers: [r, createHealthRouter({ ready: async () => ({ ready: true, checks: {} }), metrics })] }).callback()
  }
  const server = createServer(cb).listen(0, '127.0.0.1', async () => {
    const port = (server.address() as any).port
    const run = (n: number) => new Promise((ok) => fork(process.argv[1]!, ['load', String(port), String(n)]).on('exit', ok))
    await run(20000)
    for (let i = 0; i < 4; i++) {
      const c = process.cpuUsage(); await run(30000); const d = process.cpuUsage(c)
      console.log(mode, ((d.user + d.system) / 30000).toFixed(1), 'µs cpu/req')
    }
    process.exit(0)
  })
}
