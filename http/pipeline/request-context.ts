/**
 * What belongs to a request: the members of Koa's `ctx.state`, and the context types that have them. `frame.ts` sets the first
 * two members; endpoints set the others, for the access log and the audit.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
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

const WELL_FORMED_ID = /^[A-Za-z0-9._-]{1,64}$/

/**
 * The id that connects an answer with its log lines: the `X-Request-Id` that was sent if it is harmless (too short for a token,
 * and of characters that never need escaping), a new one otherwise.
 */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && WELL_FORMED_ID.test(header) ? header : randomUUID()
}

const IPV4_MAPPED = '::ffff:'

/**
 * The address a request comes from, for the log and for counting failed authentications; '' once the socket is gone. Behind a
 * trusted proxy it is the last hop of X-Forwarded-For: the proxy wrote only that one, and the caller may have invented the
 * others.
 */
export function sourceAddress(req: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? lastHop(req.headers['x-forwarded-for']) : undefined
  const address = forwarded ?? req.socket.remoteAddress ?? ''
  return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address
}

function lastHop(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const list = typeof header === 'string' ? header : header.join(',')
  const hop = list.slice(list.lastIndexOf(',') + 1).trim()
  return isIP(hop) === 0 ? undefined : hop
}
