/**
 * The Koa application both services are built on: one frame around every request (id, no-store, metrics, access log,
 * error exit), then the routers, then the end for what no route took.
 *
 * The frame is one middleware on purpose: each further layer costs the introspection path about a microsecond. Routers
 * are tried in order, so the busy one comes first.
 */

import type { Router } from '@koa/router'
import Koa, { type Next } from 'koa'
import type { Logger } from 'pino'
import { logAccess } from './access-log.ts'
import type { AuditTrail } from './audit-trail.ts'
import { faultKind } from './fault.ts'
import { sendErrorMessage } from './message-exit.ts'
import type { Metrics } from './metrics.ts'
import { setNoStore } from './no-store.ts'
import { notFound } from './not-found.ts'
import { OAuthError } from './oauth-error.ts'
import { sendOAuthError, toOAuthError } from './oauth-error-exit.ts'
import { ProblemError } from './problem.ts'
import { sendProblem, toProblem } from './problem-exit.ts'
import { requestIdFrom } from './request-id.ts'
import { type AppContext, type RequestState, routeOf } from './request-state.ts'
import { sourceAddress } from './source-address.ts'

export interface KoaAppOptions {
  readonly log: Logger
  readonly metrics: Metrics
  /** Whether X-Forwarded-For was written by a proxy of ours. */
  readonly trustProxy: boolean
  /** In the order in which they are tried. */
  readonly routers: readonly Router<RequestState>[]
  /** Paths below this answer errors as RFC 9457 problems; all others as OAuth errors. */
  readonly problemPrefix?: string
  /** Paths below this answer errors as a message alone, as AuthZEN does. */
  readonly messagePrefix?: string
  /** Route patterns whose successes are logged at debug only: probes, and the introspection path. */
  readonly quietRoutes?: ReadonlySet<string>
  /** Told of attempts that were refused for who made them. */
  readonly trail?: Pick<AuditTrail, 'refused'>
}

const NO_ROUTES: ReadonlySet<string> = new Set()

/** A Koa application with everything mounted; `callback()` of it goes to `listen`. */
export function createKoaApp(options: KoaAppOptions): Koa<RequestState> {
  const { log, metrics, trustProxy, routers, problemPrefix, messagePrefix } = options
  const quietRoutes = options.quietRoutes ?? NO_ROUTES
  const app = new Koa<RequestState>({ env: 'production' })

  async function frame(ctx: AppContext, next: Next): Promise<void> {
    const startedAt = performance.now()
    const { req, res, state } = ctx
    state.requestId = requestIdFrom(req.headers['x-request-id'])
    state.source = sourceAddress(req, trustProxy)
    res.setHeader('X-Request-Id', state.requestId)
    setNoStore(res)
    metrics.requestStarted()
    try {
      await next()
    } catch (error) {
      leave(ctx, error)
    } finally {
      const durationMs = performance.now() - startedAt
      const route = routeOf(ctx)
      metrics.requestEnded(req.method ?? '', route, res.statusCode, durationMs / 1000)
      logAccess(log, ctx, route, durationMs, quietRoutes.has(route))
    }
  }

  function leave(ctx: AppContext, error: unknown): void {
    logError(log, ctx, error)
    if (error instanceof OAuthError) options.trail?.refused(ctx.state, routeOf(ctx), error)
    const { res } = ctx
    if (res.headersSent) {
      // Half an answer cannot be taken back; a cut connection at least cannot be mistaken for a whole one.
      if (!res.writableEnded) res.destroy()
      return
    }
    if (isBelow(ctx.path, problemPrefix)) {
      const problem = toProblem(error)
      ctx.state.error = problem.slug
      sendProblem(ctx, problem, ctx.state.requestId)
    } else {
      const oauthError = toOAuthError(error, ctx.state.requestId)
      ctx.state.error = oauthError.error
      if (oauthError.error === 'invalid_client') metrics.authFailed(routeOf(ctx))
      const send = isBelow(ctx.path, messagePrefix) ? sendErrorMessage : sendOAuthError
      send(ctx, oauthError)
    }
  }

  app.use(frame)
  for (const router of routers) app.use(router.routes())
  app.use(notFound)
  // Each router adds what it matched to one list on the context, so any of them can tell what is allowed.
  const [first] = routers
  if (first !== undefined) app.use(first.allowedMethods())
  // What Koa reports itself comes after the frame: a socket that failed while the answer was written.
  app.on('error', (err: unknown) => log.debug({ err }, 'response not delivered'))
  return app
}

function isBelow(path: string, prefix: string | undefined): boolean {
  return prefix !== undefined && (path === prefix || path.startsWith(`${prefix}/`))
}

function logError(log: Logger, ctx: AppContext, err: unknown): void {
  const fields = { request_id: ctx.state.requestId, route: routeOf(ctx) }
  if (err instanceof OAuthError || err instanceof ProblemError) {
    log.debug({ ...fields, detail: err.detail, reason: err.message }, 'request refused')
    return
  }
  // Of an outage the cause is of interest, not where each request met it.
  if (faultKind(err) === 'unavailable')
    log.warn({ ...fields, ...reasonsOf(err) }, 'store unavailable')
  else log.error({ ...fields, err }, 'request failed')
}

function reasonsOf(error: unknown): { readonly reason: string; readonly cause?: string } {
  if (!(error instanceof Error)) return { reason: String(error) }
  const { message: reason, cause } = error
  return cause instanceof Error ? { reason, cause: cause.message } : { reason }
}
