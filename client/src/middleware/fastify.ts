/** A hook for Fastify. Imports no framework: the types below describe the parts of Fastify that it uses. */

import type { ActiveToken } from '../wire/index.ts'
import {
  type Authorizer,
  createGuard,
  credentialsOf,
  type NodeHeaders,
  type Protection,
} from './guard.ts'

export type { Authorizer, ContextSource, ParentsSource, Protection } from './guard.ts'

/** The part of a Fastify instance that `decorateClaims` uses. */
export interface FastifyApp {
  decorateRequest(name: 'claims', value: null): unknown
}

/** The part of a Fastify request that the hook uses. */
export interface FastifyRequestLike {
  readonly headers: NodeHeaders['headers']
  readonly raw: Pick<NodeHeaders, 'rawHeaders'>
  /** The facts about the token, set before the next hook runs. */
  claims?: ActiveToken | null | undefined
}

/** What a function for `context` or `parents` sees unless its parameter is annotated, as in `(request: FastifyRequest) => …`. */
export interface FastifyRouteRequest extends FastifyRequestLike {
  readonly params: Readonly<Record<string, string | undefined>>
}

/** The part of a Fastify reply that the hook uses. */
export interface FastifyReplyLike {
  readonly sent: boolean
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body?: unknown): unknown
}

/** A hook as Fastify calls it. */
export type FastifyHook = (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>

/**
 * Declares `request.claims`, so that all requests of Fastify have the same shape, which V8 handles faster. Call it once, before
 * the routes.
 *
 * @param app - the Fastify instance
 *
 * @example
 * ```ts
 * import { decorateClaims } from '@claimcheck/client/fastify'
 * import { fastify } from 'fastify'
 *
 * const app = fastify()
 * decorateClaims(app)
 * ```
 */
export function decorateClaims(app: FastifyApp): void {
  app.decorateRequest('claims', null)
}

/**
 * Lets a request pass if its bearer token meets the demands, and puts the facts at `request.claims`. Otherwise it answers 400,
 * 401, 403 or 503 (RFC 6750), and the next hook does not run. Use it as `onRequest`, so that no body is read in vain.
 *
 * @param claims - the client that decides
 * @param protection - what is demanded; by default a valid token only
 * @throws {TypeError} with code `ERR_INVALID_ARG_TYPE`, or {RangeError} with code `ERR_INVALID_ARG_VALUE`, for an invalid
 * protection, such as a role without a context
 * @see [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
 *
 * @example
 * ```ts
 * import { decorateClaims, protect } from '@claimcheck/client/fastify'
 * import { fastify } from 'fastify'
 *
 * const app = fastify()
 * decorateClaims(app)
 * const teacher = protect(claims, {
 *   scope: 'grades:write',
 *   role: 'teacher',
 *   context: (request) => 'course:' + request.params.id,
 * })
 * app.put('/courses/:id/grades', { onRequest: teacher }, async () => ({ saved: true }))
 * ```
 */
export function protect<Request extends FastifyRequestLike = FastifyRouteRequest>(
  claims: Authorizer,
  protection: Protection<Request> = {},
): FastifyHook {
  const guard = createGuard(claims, protection)
  return async (request, reply) => {
    const { headers: sent, raw } = request
    const credentials = credentialsOf({ headers: sent, rawHeaders: raw.rawHeaders })
    // The declared type is the smallest that every route fits; at run time it is the framework's whole object.
    const verdict = await guard(credentials, request as Request)
    if (verdict.ok === true) {
      request.claims = verdict.claims
      return undefined
    }
    // Another hook has answered meanwhile. Fastify does not run the handler then.
    if (reply.sent) return undefined
    const { status, headers, body } = verdict.answer
    reply.code(status)
    reply.headers({ ...headers })
    return reply.send(body)
  }
}
