// koa and @koa/router with one POST route that reads the body and answers a text of the length of an introspection's.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Router } from '@koa/router'
import Koa from 'koa'
import { ANSWER } from './answer.ts'
import { serve } from './serve.ts'

const router = new Router()
router.post('/introspect', async (ctx) => {
  ctx.req.on('data', () => undefined)
  await once(ctx.req, 'end')
  ctx.type = 'application/json'
  ctx.body = ANSWER
})
const app = new Koa()
app.use(router.routes())
serve(createServer(app.callback()))
