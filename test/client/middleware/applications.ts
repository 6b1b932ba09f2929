/**
 * One small application, four times: in each framework the same routes behind the same protections, answering with what the
 * middleware left for the handler.
 */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Router } from '@koa/router'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import type { ActiveToken } from '../../../client/src/index.ts'
import { protect as protectExpress } from '../../../client/src/middleware/express.ts'
import {
  decorateClaims,
  protect as protectFastify,
} from '../../../client/src/middleware/fastify.ts'
import type { Authorizer, Protection } from '../../../client/src/middleware/guard.ts'
import { type ClaimsEnv, protect as protectHono } from '../../../client/src/middleware/hono.ts'
import { protect as protectKoa } from '../../../client/src/middleware/koa.ts'

/** A listening application. */
export interface Application {
  readonly url: string
  /** How often a handler behind the middleware has run. */
  handled(): number
  close(): Promise<void>
}

/** Serves every route of a table; `id` is the last part of a path. */
export type StartApplication = (
  claims: Authorizer,
  routes: (paramId: (request: never) => string | undefined) => Routes,
) => Promise<Application>

/** The protection of each route; its path is `/<name>/:id`. */
export type Routes = Readonly<Record<string, Protection<never>>>

/** Every framework the middleware is made for. */
export const APPLICATIONS: Readonly<Record<string, StartApplication>> = {
  async koa(claims, routes) {
    let handled = 0
    const router = new Router()
    const paramId = (ctx: { params: { id?: string } }) => ctx.params.id
    for (const [name, protection] of Object.entries(routes(paramId))) {
      router.get(`/${name}/:id`, protectKoa(claims, protection), (ctx) => {
        handled += 1
        ctx.body = { sub: ctx.state.claims?.sub }
      })
    }
    const app = new Koa().use(router.routes())
    app.silent = true
    return listening(createServer(app.callback()), () => handled)
  },

  async express(claims, routes) {
    let handled = 0
    const app = express()
    // Keeps Express from printing the errors that a test provokes.
    app.set('env', 'test')
    const paramId = (req: { params: { id?: string } }) => req.params.id
    for (const [name, protection] of Object.entries(routes(paramId))) {
      app.get(`/${name}/:id`, protectExpress(claims, protection), (req, res) => {
        handled += 1
        res.json({ sub: (req as { claims?: ActiveToken }).claims?.sub })
      })
    }
    return listening(createServer(app as RequestListener), () => handled)
  },

  async fastify(claims, routes) {
    let handled = 0
    const app = fastify()
    decorateClaims(app)
    const paramId = (request: { params: { id?: string } }) => request.params.id
    for (const [name, protection] of Object.entries(routes(paramId))) {
      const onRequest = protectFastify(claims, protection)
      app.get(`/${name}/:id`, { onRequest }, async (request) => {
        handled += 1
        return { sub: (request as { claims?: ActiveToken | null }).claims?.sub }
      })
    }
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    return { url, handled: () => handled, close: () => app.close() }
  },

  async hono(claims, routes) {
    let handled = 0
    const app = new Hono<ClaimsEnv>()
    app.onError((_error, c) => c.text('failed', 500))
    const paramId = (c: { req: { param(name: string): string | undefined } }) => c.req.param('id')
    for (const [name, protection] of Object.entries(routes(paramId))) {
      app.get(`/${name}/:id`, protectHono(claims, protection), (c) => {
        handled += 1
        return c.json({ sub: c.get('claims').sub })
      })
    }
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server
    return listening(server, () => handled)
  },
}

async function listening(server: Server, handled: () => number): Promise<Application> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    handled,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
