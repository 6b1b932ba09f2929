/**
 * What belongs to a request: the members of Koa's `ctx.state`, and the context types that have them. `frame.ts` sets the first
 * two members; endpoints set the others, for the access log and the audit.
 */
import type { IncomingMessage } from 'node:http'
import type { RouterContext } from '@koa/router'
import type { DefaultContext, ParameterizedContext } from 'koa'
import type { Replyable } from '../reply/reply.ts'

export interface RequestState {
  requestId: string
  /** The caller's address, as `sourceAddress` reads it. */
  source: string
  /** The authenticated client; not set before authentication succeeds. */
  clientId?: string
  /** The registered client that the caller claims to be, authenticated or not; only for records of refusals. */
  claimedClientId?: string
  /** The code of the error that was answered. */
  error?: string
}

/** The part of a Koa context that the frame and the busiest handlers need; the shortcut has nothing else. */
export interface RequestContext extends Replyable {
  readonly req: IncomingMessage
  readonly state: RequestState
  readonly method: string
  readonly path: string
}

/** The context of middleware. */
export type AppContext = ParameterizedContext<RequestState, DefaultContext, unknown>
/** The context of a route's handler. */
export type RouteContext = RouterContext<RequestState, DefaultContext, unknown>

/** Options of every router: case and a trailing slash matter, as they do for a proxy in front. */
export const EXACT_PATHS = { sensitive: true, strict: true } as const

/** The label of requests without a route. */
const UNMATCHED = 'unmatched'

/** The pattern of the matched route: the only form of a path that is logged or counted. */
export function routeOf(ctx: RequestContext): string {
  const pattern = (ctx as { _matchedRoute?: unknown })._matchedRoute
  return typeof pattern === 'string' ? pattern : UNMATCHED
}
