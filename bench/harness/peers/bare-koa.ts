// koa and @koa/router with one POST route that reads the body and answers with its argument, a text of the length of an
// introspection's: `bare-koa.ts <text>`.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Router } from '@koa/router'
import Koa from 'koa'
import { serve } from './serve.ts'

const [answer = ''] = process.argv.slice(2)
const router = new Router()
router.post('/introspect', async (ctx) => {
  ctx.req.on('data', () => undefined)
  await once(ctx.req, 'end')
  ctx.type = 'application/json'
  ctx.body = answer
})
const app = new Koa()
app.use(router.routes())
serve(createServer(app.callback()))
