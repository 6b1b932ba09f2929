/**
 * One line a request. It names the route's pattern and never the URL: paths hold subjects and queries hold whatever
 * somebody wrongly put there. No headers, no bodies.
 */
import type { Logger } from 'pino'
import type { AppContext } from './request-state.ts'

/** Writes the line of a finished request. */
export function logAccess(log: Logger, ctx: AppContext, route: string, durationMs: number): void {
  const { state, res } = ctx
  const status = res.statusCode
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
  if (status >= 500) log.warn(line, 'request')
  else log.info(line, 'request')
}
