/** Middleware for Hono, on any runtime. Imports no framework: the types below describe the parts of Hono that it uses. */

import type { ActiveToken } from '../wire/index.ts'
import { type Authorizer, createGuard, type Protection, parseCredentials } from './guard.ts'

export type { Authorizer, ContextSource, ParentsSource, Protection } from './guard.ts'

/** The part of a Hono context that the middleware uses. */
export interface HonoContext {
  readonly req: {
    readonly raw: { readonly headers: { get(name: string): string | null } }
  }
  /** `claims` are the facts about the token, set before the next middleware runs. */
  set(name: 'claims', value: ActiveToken): void
}

/** What a function for `context` or `parents` sees unless its parameter is annotated, as in `(c: Context) => …`. */
export interface HonoRouteContext extends HonoContext {
  readonly req: HonoContext['req'] & { param(name: string): string | undefined }
}

/** Middleware as Hono calls it. */
export type HonoMiddleware = (
  c: HonoContext,
  next: () => Promise<void>,
) => Promise<Response | undefined>

/** Type argument of the application: `new Hono<ClaimsEnv>()` gives `c.get('claims')` its type. */
export interface ClaimsEnv {
  Variables: { claims: ActiveToken }
}

/**
 * Lets a request pass if its bearer token meets the demands, and puts the facts at `c.get('claims')`. Otherwise it answers 400,
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
 * import { type ClaimsEnv, protect } from '@claimcheck/client/hono'
 * import { Hono } from 'hono'
 *
 * const app = new Hono<ClaimsEnv>()
 * const teacher = protect(claims, {
 *   scope: 'grades:write',
 *   role: 'teacher',
 *   context: (c) => 'course:' + c.req.param('id'),
 * })
 * app.put('/courses/:id/grades', teacher, (c) => c.json({ by: c.get('claims').sub }))
 * ```
 */
export function protect<Context extends HonoContext = HonoRouteContext>(
  claims: Authorizer,
  protection: Protection<Context> = {},
): HonoMiddleware {
  const guard = createGuard(claims, protection)
  return async (c, next) => {
    const credentials = parseCredentials(c.req.raw.headers.get('authorization'))
    // The declared type is the smallest that every application fits; at run time it is the framework's whole object.
    const verdict = await guard(credentials, c as Context)
    if (verdict.ok === true) {
      c.set('claims', verdict.claims)
      await next()
      return undefined
    }
    const { status, headers, body } = verdict.answer
    if (body === undefined) return new Response(null, { status, headers })
    return new Response(JSON.stringify(body), {
      status,
      headers: { ...headers, 'content-type': 'application/json' },
    })
  }
}
