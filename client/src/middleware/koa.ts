/** Middleware for Koa. Imports no framework: the types below describe the parts of Koa that it uses. */

import type { ActiveToken } from '../wire/index.ts'
import {
  type Authorizer,
  createGuard,
  credentialsOf,
  type NodeHeaders,
  type Protection,
} from './guard.ts'

export type { Authorizer, ContextSource, ParentsSource, Protection } from './guard.ts'

/** The part of a Koa context that the middleware uses. */
export interface KoaContext {
  readonly req: NodeHeaders
  /** `claims` are the facts about the token, set before the next middleware runs. */
  readonly state: { claims?: ActiveToken | undefined }
  status: number
  body: unknown
  set(headers: Record<string, string>): unknown
}

/** What a function for `context` or `parents` sees unless its parameter is annotated, as in `(ctx: Context) => …`. */
export interface KoaRouteContext extends KoaContext {
  readonly params: Readonly<Record<string, string | undefined>>
}

/** Middleware as Koa calls it. */
export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void>

/**
 * Lets a request pass if its bearer token meets the demands, and puts the facts at `ctx.state.claims`. Otherwise it answers 400,
 * 401, 403 or 503 (RFC 6750), and the next middleware does not run.
 *
 * @param claims - the client that decides
 * @param protection - what is demanded; by default a valid token only
 * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`, for an invalid
 * protection, such as a role without a context
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
    // The declared type is the smallest that every route fits; at run time it is the framework's whole object.
    const verdict = await guard(credentialsOf(ctx.req), ctx as Context)
    if (verdict.ok === true) {
      ctx.state.claims = verdict.claims
      await next()
      return
    }
    const { status, headers, body } = verdict.answer
    ctx.set({ ...headers })
    // Setting an absent body changes the status to 204, so the status is set last.
    ctx.body = body ?? null
    ctx.status = status
  }
}
