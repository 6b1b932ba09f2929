/**
 * One line a request. It names the route's pattern and never the URL: paths hold subjects and queries hold whatever
 * somebody wrongly put there. No headers, no bodies.
 */
import type { Logger } from 'pino'
import type { RequestContext } from './request-context.ts'

/**
 * Writes the line of a finished request: a warning for a 5xx, information otherwise. `isQuiet` lowers what went well to
 * debug, for routes whose lines would cost more than they tell.
 */
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
  // Before the line is built: on the introspection path that is most of what it costs.
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
    // A caller that left before the answer: the status is what it would have seen.
    aborted: ctx.req.socket.destroyed ? true : undefined,
  }
  log[level](line, 'request')
}

function levelOf(status: number, isQuiet: boolean): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn'
  return isQuiet && status < 400 ? 'debug' : 'info'
}
