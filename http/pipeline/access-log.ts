/**
 * One line per request. It names the route's pattern, never the URL: paths contain subjects, and queries may contain secrets
 * put there by mistake. No headers, no bodies.
 */
import type { Logger } from 'pino'
import type { RequestContext } from './request-context.ts'

/** Logs a finished request: warn for a 5xx, info otherwise; debug for the successes of quiet routes. */
export function logAccess(
  log: Logger,
  ctx: RequestContext,
  route: string,
  durationMs: number,
  isQuiet: boolean,
): void {
  const { state, res } = ctx
  const status = res.statusCode
  const level = levelOf(status, isQuiet)
  // Checked before the line is built, which is most of its cost on the introspection path.
  if (!log.isLevelEnabled(level)) return
  const line = {
    request_id: state.requestId,
    method: ctx.method,
    route,
    status,
    duration_ms: Math.round(durationMs * 1000) / 1000,
    source: state.source,
    client_id: state.clientId,
    error: state.error,
    // The client disconnected before the answer; the status is the one it would have got.
    aborted: ctx.req.socket.destroyed ? true : undefined,
  }
  log[level](line, 'request')
}

function levelOf(status: number, isQuiet: boolean): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn'
  return isQuiet && status < 400 ? 'debug' : 'info'
}
