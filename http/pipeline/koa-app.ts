/**
 * The Koa application of both services: the frame around every request, then the routers, then the answer for a path without a
 * route. Routers are tried in order, so the busiest comes first.
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

/** A Koa application with everything mounted; its `callback()` goes to `listen`. */
export function createKoaApp(options: KoaAppOptions): Koa<RequestState> {
  const { log, routers } = options
  const app = new Koa<RequestState>({ env: 'production' })
  app.use(createFrame(options))
  for (const router of routers) app.use(router.routes())
  app.use(notFound)
  // All routers add their matches to one list on the context, so any of them knows which methods are allowed.
  const [first] = routers
  if (first !== undefined) app.use(first.allowedMethods())
  // Koa itself reports only errors after the frame: a socket that failed while the answer was written.
  app.on('error', (err: unknown) => log.debug({ err }, 'response not delivered'))
  return app
}

/**
 * Runs when no route matched. `allowedMethods` of @koa/router decides between 404, 405, 501 and OPTIONS and sets the Allow
 * header; this throws its refusals as errors, so that they are answered in the style of the path.
 */
const notFound: Middleware<RequestState> = async (ctx, next) => {
  await next()
  if (ctx.status < 400) return
  throw refusal(ctx)
}

function refusal(ctx: AppContext): OAuthError {
  const allow = ctx.res.getHeader('Allow')
  // A 501 without allowed methods is a path that does not exist, requested with an unknown method.
  if (typeof allow !== 'string' || allow === '')
    return new OAuthError('not_found', 'there is nothing here')
  return new OAuthError('invalid_request', 'the method is not allowed here', {
    status: 405,
    headers: { Allow: allow },
  })
}
