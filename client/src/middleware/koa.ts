/**
 * Middleware for Koa. Puts the facts at `ctx.state.claims`. Imports no framework: the types below are the parts of Koa
 * that it touches.
 */

import type { ActiveToken } from '../wire/index.ts'
import {
  type Authorizer,
  createGuard,
  credentialsOf,
  type NodeHeaders,
  type Protection,
} from './guard.ts'

export type { Authorizer, ContextSource, ParentsSource, Protection } from './guard.ts'

/** The part of a Koa context that is touched. */
export interface KoaContext {
  readonly req: NodeHeaders
  /** `claims` is what the token is worth; set before the next middleware runs. */
  readonly state: { claims?: ActiveToken | undefined }
  status: number
  body: unknown
  set(headers: Record<string, string>): unknown
}

/** What a context function sees unless its parameter is annotated, as in `(ctx: Context) => …`. */
export interface KoaRouteContext extends KoaContext {
  readonly params: Readonly<Record<string, string | undefined>>
}

/** Middleware as Koa calls it. */
export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void>

/**
 * Lets a request pass when its bearer token is good for what is demanded, and puts the facts at `ctx.state.claims`.
 * Otherwise answers 400, 401, 403 or 503 (RFC 6750) and calls nobody else.
 *
 * @param claims - the client to ask
 * @param protection - what is demanded; by default just a valid token
 * @throws {TypeError} or {RangeError} when the protection makes no sense, such as a role without a context
 * @see [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
 *
 * @example
 * ```ts
 * import { protect } from '@claimcheck/client/koa'
 * import { Router } from '@koa/router'
 *
 * const router = new Router()
 * const teacher = protect(claims, {
 *   scope: 'grades:write',
 *   role: 'teacher',
 *   context: (ctx) => 'course:' + ctx.params.id,
 * })
 * router.put('/courses/:id/grades', teacher, (ctx) => {
 *   ctx.body = { saved: true }
 * })
 * ```
 */
export function protect<Context extends KoaContext = KoaRouteContext>(
  claims: Authorizer,
  protection: Protection<Context> = {},
): KoaMiddleware {
  const guard = createGuard(claims, protection)
  return async (ctx, next) => {
    // Middleware fits routes of any type only if it asks for nothing they may lack; a whole context comes.
    const verdict = await guard(credentialsOf(ctx.req), ctx as Context)
    if (verdict.ok === true) {
      ctx.state.claims = verdict.claims
      await next()
      return
    }
    const { status, headers, body } = verdict.answer
    ctx.set({ ...headers })
    // An absent body resets the status to 204, so the status comes last.
    ctx.body = body ?? null
    ctx.status = status
  }
}
