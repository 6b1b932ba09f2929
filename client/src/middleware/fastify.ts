/**
 * A hook for Fastify. Puts the facts at `request.claims`. Imports no framework: the types below are the parts of Fastify
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

/** The part of a Fastify instance that is touched. */
export interface FastifyApp {
  decorateRequest(name: 'claims', value: null): unknown
}

/** The part of a Fastify request that is touched. */
export interface FastifyRequestLike {
  readonly headers: NodeHeaders['headers']
  readonly raw: Pick<NodeHeaders, 'rawHeaders'>
  /** What the token is worth; set before the next hook runs. */
  claims?: ActiveToken | null | undefined
}

/** What a context function sees unless its parameter is annotated, as in `(request: FastifyRequest) => …`. */
export interface FastifyRouteRequest extends FastifyRequestLike {
  readonly params: Readonly<Record<string, string | undefined>>
}

/** The part of a Fastify reply that is touched. */
export interface FastifyReplyLike {
  readonly sent: boolean
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body?: unknown): unknown
}

/** A hook as Fastify calls it. */
export type FastifyHook = (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>

/**
 * Declares `request.claims`, so that Fastify shapes its requests once instead of with each token. To be called once, before
 * the routes.
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
 * Lets a request pass when its bearer token is good for what is demanded, and puts the facts at `request.claims`.
 * Otherwise answers 400, 401, 403 or 503 (RFC 6750) and calls nobody else. Best as `onRequest`: before a body is read.
 *
 * @param claims - the client to ask
 * @param protection - what is demanded; by default just a valid token
 * @throws {TypeError} or {RangeError} when the protection makes no sense, such as a role without a context
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
    // A hook fits routes of any type only if it asks for nothing they may lack; it is a whole request that comes.
    const verdict = await guard(credentials, request as Request)
    if (verdict.ok === true) {
      request.claims = verdict.claims
      return undefined
    }
    // Somebody has answered meanwhile; Fastify itself goes no further then.
    if (reply.sent) return undefined
    const { status, headers, body } = verdict.answer
    reply.code(status)
    reply.headers({ ...headers })
    return reply.send(body)
  }
}
