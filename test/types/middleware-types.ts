/**
 * The middleware in applications typed by the real frameworks. Compiled by `npm run check`, never run: what must be refused
 * is marked, and a mark without an error is an error.
 */
import { Router } from '@koa/router'
import express, { type Request } from 'express'
import { type FastifyRequest, fastify } from 'fastify'
import { Hono, type Context as HonoContext } from 'hono'
import Koa, { type Context as KoaContext } from 'koa'
import type { ActiveToken, Client } from '../../client/src/index.ts'
import { protect as expressProtect } from '../../client/src/middleware/express.ts'
import { decorateClaims, protect as fastifyProtect } from '../../client/src/middleware/fastify.ts'
import { type ClaimsEnv, protect as honoProtect } from '../../client/src/middleware/hono.ts'
import { protect as koaProtect } from '../../client/src/middleware/koa.ts'

declare const claims: Client

declare module 'express-serve-static-core' {
  interface Request {
    claims?: ActiveToken
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    claims: ActiveToken | null
  }
}

export function inExpress(): void {
  const app = express()
  const teacher = expressProtect(claims, {
    role: 'teacher',
    context: (req) => `course:${req.params.id}`,
  })
  app.use(expressProtect(claims))
  app.use('/courses/:id', teacher)
  app.get('/courses/:id', teacher, (req, res) => {
    const { id }: { id: string } = req.params
    res.json({ id, sub: req.claims?.sub })
  })
  app.get(
    '/courses/:id',
    expressProtect(claims, { permission: 'grade:read', context: (req) => `c:${req.params.id}` }),
    expressProtect(claims, { scope: 'a', context: (req: Request) => req.hostname }),
    expressProtect(claims, { role: 'teacher', context: async (req: Request) => req.path }),
    (_req, res) => {
      res.end()
    },
  )
  const schoolOf = async (_req: Request): Promise<readonly string[]> => ['school:1']
  app.get(
    '/courses/:id',
    expressProtect(claims, {
      role: 'admin',
      context: (req) => `course:${req.params.id}`,
      parents: (req) => [`school:${req.params.school}`],
    }),
    expressProtect(claims, { permission: 'a', context: 'course:1', parents: schoolOf }),
    expressProtect(claims, { role: 'admin', context: 'course:1', parents: ['school:1'] }),
  )
  // @ts-expect-error parents without a context
  app.use(expressProtect(claims, { role: 'admin', parents: ['school:1'] }))
  // @ts-expect-error parents without a role or permission
  app.use(expressProtect(claims, { context: 'course:1', parents: ['school:1'] }))
  // @ts-expect-error parents that are no list
  app.use(expressProtect(claims, { role: 'a', context: 'course:1', parents: () => 'school:1' }))
  // @ts-expect-error a role without a context
  app.use(expressProtect(claims, { role: 'teacher' }))
  // @ts-expect-error a permission without a context
  app.use(expressProtect(claims, { permission: 'grade:read' }))
  // @ts-expect-error a misspelt demand
  app.use(expressProtect(claims, { scopes: 'a' }))
  // @ts-expect-error a context that is no text
  app.use(expressProtect(claims, { role: 'teacher', context: () => 5 }))
}

export function inKoa(): void {
  const app = new Koa()
  const router = new Router()
  const teacher = koaProtect(claims, {
    role: 'teacher',
    context: (ctx) => `course:${ctx.params.id}`,
  })
  app.use(koaProtect(claims))
  app.use(koaProtect(claims, { context: (ctx: KoaContext) => ctx.path }))
  router.use(
    koaProtect(claims, {
      role: 'admin',
      context: (ctx) => `course:${ctx.params.id}`,
      parents: (ctx) => [`school:${ctx.params.school}`],
    }),
  )
  router.use(koaProtect(claims, { scope: 'a' }))
  router.get('/courses/:id', teacher, (ctx) => {
    const { claims: facts }: { claims?: ActiveToken | undefined } = ctx.state
    ctx.body = { id: ctx.params.id, sub: facts?.sub }
  })
  // @ts-expect-error a role without a context
  app.use(koaProtect(claims, { role: 'teacher' }))
  // @ts-expect-error a misspelt demand
  app.use(koaProtect(claims, { roles: ['teacher'] }))
}

export function inFastify(): void {
  const app = fastify()
  const teacher = fastifyProtect(claims, {
    role: 'teacher',
    context: (request) => `course:${request.params.id}`,
  })
  decorateClaims(app)
  app.addHook('onRequest', fastifyProtect(claims))
  app.get('/courses/:id', { onRequest: teacher }, async (request) => request.claims?.sub)
  app.get<{ Params: { id: string } }>(
    '/courses/:id',
    {
      onRequest: teacher,
      preHandler: [
        fastifyProtect(claims, { role: 'a', context: (request: FastifyRequest) => request.url }),
      ],
    },
    async (request) => request.params.id,
  )
  // @ts-expect-error a role without a context
  app.addHook('onRequest', fastifyProtect(claims, { role: 'teacher' }))
  // @ts-expect-error a misspelt demand
  app.addHook('onRequest', fastifyProtect(claims, { Scope: 'a' }))
}

export function inHono(): void {
  const app = new Hono<ClaimsEnv>()
  const teacher = honoProtect(claims, {
    role: 'teacher',
    context: (c) => `course:${c.req.param('id')}`,
  })
  app.use(honoProtect(claims))
  app.get('/courses/:id', teacher, (c) => {
    const sub: string = c.get('claims').sub
    const id: string = c.req.param('id')
    return c.json({ id, sub })
  })
  app.use(honoProtect(claims, { role: 'a', context: (c: HonoContext) => c.req.path }))
  new Hono().use('/x', teacher)
  // @ts-expect-error a role without a context
  app.use(honoProtect(claims, { role: 'teacher' }))
  // @ts-expect-error a misspelt demand
  app.use(honoProtect(claims, { permissions: 'a' }))
}
