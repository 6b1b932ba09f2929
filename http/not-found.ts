/**
 * The end of the chain, reached only when no route took the request. @koa/router's `allowedMethods` works out which of
 * 404, 405, 501 and OPTIONS it is, and the Allow header; this turns the refusals into errors of the route's style.
 */
import type { Middleware } from 'koa'
import { OAuthError } from './oauth-error.ts'
import type { AppContext, RequestState } from './request-state.ts'

/** Wraps the rest of the chain, which should be `allowedMethods()` and nothing else. */
export const notFound: Middleware<RequestState> = async (ctx, next) => {
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
