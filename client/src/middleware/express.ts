/**
 * Middleware for Express 4 and 5, and for anything else that calls `(req, res, next)`. Puts the facts at `req.claims`.
 * Imports no framework: the types below are the parts of Express that it touches.
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

/** The part of an Express request that is touched. */
export interface ExpressRequest extends NodeHeaders {
  /** What the token is worth; set before the next handler runs. */
  claims?: ActiveToken | undefined
}

/** What a context function sees unless its parameter is annotated, as in `(req: Request) => …`. */
export interface ExpressRouteRequest extends ExpressRequest {
  readonly params: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** The part of an Express response that is touched. */
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
 * Lets a request pass when its bearer token is good for what is demanded, and puts the facts at `req.claims`. Otherwise
 * answers 400, 401, 403 or 503 (RFC 6750) and calls nobody else.
 *
 * @param claims - the client to ask
 * @param protection - what is demanded; by default just a valid token
 * @throws {TypeError} or {RangeError} when the protection makes no sense, such as a role without a context
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
    // Middleware fits routes of any type only if it asks for nothing they may lack; a whole request comes.
    guard(credentialsOf(req), req as Request)
      .then((verdict) => {
        if (verdict.ok === true) {
          req.claims = verdict.claims
          next()
          return
        }
        // Somebody has answered meanwhile, a time-out for instance: the request must go no further all the same.
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
      // Express 4 does not look at promises: errors must be handed on, those of what comes next too.
      .catch(next)
  }
}
