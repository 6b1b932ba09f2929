/**
 * What happens around every request: request id, no-store, metrics, access log, error answers.
 *
 * It is one function on purpose: each layer of middleware would cost the introspection path about a microsecond.
 */
import type { Logger } from 'pino'
import { faultKind } from '../errors/fault.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { sendErrorMessage, sendOAuthError, toOAuthError } from '../errors/oauth-response.ts'
import { ProblemError } from '../errors/problem.ts'
import { sendProblem, toProblem } from '../errors/problem-response.ts'
import { setNoStore } from '../reply/reply.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { logAccess } from './access-log.ts'
import {
  type RequestContext,
  type RequestState,
  requestIdFrom,
  routeOf,
  sourceAddress,
} from './request-context.ts'

/** What the frame of a service is made from. */
export interface FrameOptions {
  readonly log: Logger
  readonly metrics: Metrics
  /** Whether a trusted proxy writes X-Forwarded-For. */
  readonly trustProxy: boolean
  /** Errors below this path are answered as RFC 9457 problems. All others are answered as OAuth errors. */
  readonly problemPrefix?: string
  /** Errors below this path are answered as a message alone, as AuthZEN does. */
  readonly messagePrefix?: string
  /** Patterns of routes whose successes are logged at debug: probes and introspection. */
  readonly quietRoutes?: ReadonlySet<string>
  /** Records requests that were refused because of their caller. */
  readonly trail?: RefusalRecorder
}

/** The one method of the audit trail that the frame needs. */
interface RefusalRecorder {
  refused(state: RequestState, route: string, error: OAuthError): void
}

/** Answers a request with what `work` sends, or with the error it throws. */
export type Frame = (context: RequestContext, work: () => Promise<unknown>) => Promise<void>

const NO_ROUTES: ReadonlySet<string> = new Set()

/** Makes the frame of a service. */
export function createFrame(options: FrameOptions): Frame {
  const { log, metrics, trustProxy, problemPrefix, messagePrefix } = options
  const quietRoutes = options.quietRoutes ?? NO_ROUTES

  async function frame(ctx: RequestContext, work: () => Promise<unknown>): Promise<void> {
    const startedAt = performance.now()
    const { req, res, state } = ctx
    state.requestId = requestIdFrom(req.headers['x-request-id'])
    state.source = sourceAddress(req, trustProxy)
    res.setHeader('X-Request-Id', state.requestId)
    setNoStore(res)
    metrics.requestStarted()
    try {
      await work()
    } catch (error) {
      answerError(ctx, error)
    } finally {
      const durationMs = performance.now() - startedAt
      const route = routeOf(ctx)
      metrics.requestEnded(req.method ?? '', route, res.statusCode, durationMs / 1000)
      logAccess(log, ctx, route, durationMs, quietRoutes.has(route))
    }
  }

  function answerError(ctx: RequestContext, error: unknown): void {
    logError(log, ctx, error)
    if (error instanceof OAuthError) options.trail?.refused(ctx.state, routeOf(ctx), error)
    const { res } = ctx
    if (res.headersSent) {
      // A partial answer cannot be replaced, but closing the connection shows that it is incomplete.
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

  return frame
}

function isBelow(path: string, prefix: string | undefined): boolean {
  return prefix !== undefined && (path === prefix || path.startsWith(`${prefix}/`))
}

function logError(log: Logger, ctx: RequestContext, err: unknown): void {
  const fields = { request_id: ctx.state.requestId, route: routeOf(ctx) }
  if (err instanceof OAuthError || err instanceof ProblemError) {
    log.debug({ ...fields, detail: err.detail, reason: err.message }, 'request refused')
    return
  }
  const kind = faultKind(err)
  if (kind === 'internal') log.error({ ...fields, err }, 'request failed')
  // The cause of an outage matters; a stack for each request that met it does not.
  else log.warn({ ...fields, ...reasonsOf(err) }, `store ${kind}`)
}

function reasonsOf(error: unknown): { readonly reason: string; readonly cause?: string } {
  if (!(error instanceof Error)) return { reason: String(error) }
  const { message: reason, cause } = error
  return cause instanceof Error ? { reason, cause: cause.message } : { reason }
}
