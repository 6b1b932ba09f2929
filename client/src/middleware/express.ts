/**
 * Middleware for Express 4 and 5, and for other frameworks that call `(req, res, next)`. Imports no framework: the types below
 * describe the parts of Express that it uses.
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

/** The part of an Express request that the middleware uses. */
export interface ExpressRequest extends NodeHeaders {
  /** The facts about the token, set before the next handler runs. */
  claims?: ActiveToken | undefined
}

/** What a function for `context` or `parents` sees unless its parameter is annotated, as in `(req: Request) => …`. */
export interface ExpressRouteRequest extends ExpressRequest {
  readonly params: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** The part of an Express response that the middleware uses. */
export interface ExpressResponse {
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  end(text?: string): unknown
}

/** Middleware as Express calls it. */
export type ExpressMiddleware = (
  req: ExpressRequest,
  res: ExpressResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Lets a request pass if its bearer token meets the demands, and puts the facts at `req.claims`. Otherwise it answers 400, 401,
 * 403 or 503 (RFC 6750), and the next handler does not run.
 *
 * @param claims - the client that decides
 * @param protection - what is demanded; by default a valid token only
 * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`, for an invalid
 * protection, such as a role without a context
 * @see [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
 *
 * @example
 * ```ts
 * import { protect } from '@claimcheck/client/express'
 * import express from 'express'
 *
 * const app = express()
 * const teacher = protect(claims, {
 *   scope: 'grades:write',
 *   role: 'teacher',
 *   context: (req) => 'course:' + req.params.id,
 * })
 * app.put('/courses/:id/grades', teacher, (_req, res) => {
 *   res.json({ saved: true })
 * })
 * ```
 */
export function protect<Request extends ExpressRequest = ExpressRouteRequest>(
  claims: Authorizer,
  protection: Protection<Request> = {},
): ExpressMiddleware {
  const guard = createGuard(claims, protection)
  return (req, res, next) => {
    // The declared type is the smallest that every route fits; at run time it is the framework's whole object.
    guard(credentialsOf(req), req as Request)
      .then((verdict) => {
        if (verdict.ok === true) {
          req.claims = verdict.claims
          next()
          return
        }
        // Another handler has answered meanwhile, for example a time-out. The refused request must still not proceed.
        if (res.headersSent) return
        const { status, headers, body } = verdict.answer
        res.statusCode = status
        for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
        if (body === undefined) {
          res.end()
          return
        }
        res.setHeader('content-type', 'application/json')
        res.end(JSON.stringify(body))
      })
      // Express 4 ignores promises, so errors are passed on here, including those that `next` throws.
      .catch(next)
  }
}
