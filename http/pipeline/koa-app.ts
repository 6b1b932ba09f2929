/**
 * The Koa application both services are built on: the frame around every request, then the routers, then the end for what
 * no route took. Routers are tried in order, so the busy one comes first.
 */

import type { Router } from '@koa/router'
import Koa, { type Middleware } from 'koa'
import { OAuthError } from '../errors/oauth-error.ts'
import { createFrame, type FrameOptions } from './frame.ts'
import type { AppContext, RequestState } from './request-context.ts'

export interface KoaAppOptions extends FrameOptions {
  /** In the order in which they are tried. */
  readonly routers: readonly Router<RequestState>[]
}

/** A Koa application with everything mounted; `callback()` of it goes to `listen`. */
export function createKoaApp(options: KoaAppOptions): Koa<RequestState> {
  const { log, routers } = options
  const app = new Koa<RequestState>({ env: 'production' })
  app.use(createFrame(options))
  for (const router of routers) app.use(router.routes())
  app.use(notFound)
  // Each router adds what it matched to one list on the context, so any of them can tell what is allowed.
  const [first] = routers
  if (first !== undefined) app.use(first.allowedMethods())
  // What Koa reports itself comes after the frame: a socket that failed while the answer was written.
  app.on('error', (err: unknown) => log.debug({ err }, 'response not delivered'))
  return app
}

/**
 * The end of the chain, reached only when no route took the request. @koa/router's `allowedMethods` works out which of
 * 404, 405, 501 and OPTIONS it is, and the Allow header; this turns the refusals into errors of the route's style.
 */
const notFound: Middleware<RequestState> = async (ctx, next) => {
  await next()
  if (ctx.status < 400) return
  throw refusal(ctx)
}

function refusal(ctx: AppContext): OAuthError {
  const allow = ctx.res.getHeader('Allow')
  // 501 with nothing allowed is just a path that does not exist, asked for in an odd way.
  if (typeof allow !== 'string' || allow === '')
    return new OAuthError('not_found', 'there is nothing here')
  return new OAuthError('invalid_request', 'the method is not allowed here', {
    status: 405,
    headers: { Allow: allow },
  })
}
