/**
 * What travels with a request: the members of Koa's `ctx.state`, and the context types built on them. The frame in
 * `frame.ts` sets the first two; endpoints set the others for the access log.
 */
import type { IncomingMessage } from 'node:http'
import type { RouterContext } from '@koa/router'
import type { DefaultContext, ParameterizedContext } from 'koa'
import type { Replyable } from '../reply/reply.ts'

export interface RequestState {
  requestId: string
  /** The caller's address, as `sourceAddress` reads it. */
  source: string
  /** Set by an endpoint once a client has proved who it is; never before. */
  clientId?: string
  /** What the caller calls itself, proved or not; for records of refusals alone. */
  claimedClientId?: string
  /** The code of the error the request ended in; set by the exits. */
  error?: string
}

/** One request and its answer, as much of it as the frame and the busiest handler need; a Koa context is one. */
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

/** Options of every router: a path that differs in case or by a slash is another path, as a proxy in front sees it. */
export const EXACT_PATHS = { sensitive: true, strict: true } as const

/** The label of requests that reached no route. */
export const UNMATCHED = 'unmatched'

/** The pattern of the route that took the request: the only form of its path that is logged or counted. */
export function routeOf(ctx: RequestContext): string {
  const pattern = (ctx as { _matchedRoute?: unknown })._matchedRoute
  return typeof pattern === 'string' ? pattern : UNMATCHED
}
