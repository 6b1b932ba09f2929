/**
 * Middleware for Hono, on any runtime. Puts the facts at `c.get('claims')`. Imports no framework: the types below are the
 * parts of Hono that it touches.
 */

import type { ActiveToken } from '../wire/index.ts'
import { type Authorizer, createGuard, type Protection, parseCredentials } from './guard.ts'

export type { Authorizer, ContextSource, ParentsSource, Protection } from './guard.ts'

/** The part of a Hono context that is touched. */
export interface HonoContext {
  readonly req: {
    readonly raw: { readonly headers: { get(name: string): string | null } }
  }
  /** `claims` is what the token is worth; set before the next middleware runs. */
  set(name: 'claims', value: ActiveToken): void
}

/** What a context function sees unless its parameter is annotated, as in `(c: Context) => …`. */
export interface HonoRouteContext extends HonoContext {
  readonly req: HonoContext['req'] & { param(name: string): string | undefined }
}

/** Middleware as Hono calls it. */
export type HonoMiddleware = (
  c: HonoContext,
  next: () => Promise<void>,
) => Promise<Response | undefined>

/** For the type of the application: `new Hono<ClaimsEnv>()` makes `c.get('claims')` typed. */
export interface ClaimsEnv {
  Variables: { claims: ActiveToken }
}

/**
 * Lets a request pass when its bearer token is good for what is demanded, and puts the facts at `c.get('claims')`.
 * Otherwise answers 400, 401, 403 or 503 (RFC 6750) and calls nobody else.
 *
 * @param claims - the client to ask
 * @param protection - what is demanded; by default just a valid token
 * @throws {TypeError} or {RangeError} when the protection makes no sense, such as a role without a context
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
    // Middleware fits applications of any type only if it asks for nothing they may lack; a whole context comes.
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
