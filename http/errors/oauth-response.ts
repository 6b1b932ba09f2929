/**
 * The one place where an error becomes an OAuth error body (RFC 6749 §5.2). Whatever is not a protocol error leaves as
 * a fixed text with the request id; its own words stay in the log.
 */

import { type Replyable, replyJson, setNoStore } from '../reply/reply.ts'
import { exposedClientStatus, faultKind, RETRY_AFTER_SECONDS } from './fault.ts'
import { OAuthError } from './oauth-error.ts'
import { ProblemError } from './problem.ts'

/** What leaves for `error`: itself if it is an OAuthError, its nearest equal otherwise. */
export function toOAuthError(error: unknown, requestId: string): OAuthError {
  if (error instanceof OAuthError) return error
  if (error instanceof ProblemError && error.expose) {
    return new OAuthError('invalid_request', error.detail, {
      status: error.status,
      headers: error.headers,
    })
  }
  const status = exposedClientStatus(error)
  if (status !== undefined) {
    return new OAuthError('invalid_request', 'the request was refused', { status })
  }
  return faultKind(error) === 'internal' ? internal(requestId) : unavailable()
}

/** Writes the error body; the caller has made sure that nothing was sent yet. */
export function sendOAuthError(ctx: Replyable, error: OAuthError): void {
  setNoStore(ctx.res)
  for (const [name, value] of Object.entries(error.headers)) ctx.res.setHeader(name, value)
  const body = { error: error.error, error_description: error.description }
  replyJson(ctx, error.status, JSON.stringify(body))
}

/** Writes the error body of AuthZEN (§10.1.2): the message alone, as a JSON string. */
export function sendErrorMessage(ctx: Replyable, error: OAuthError): void {
  setNoStore(ctx.res)
  for (const [name, value] of Object.entries(error.headers)) ctx.res.setHeader(name, value)
  replyJson(ctx, error.status, JSON.stringify(error.description))
}

function unavailable(): OAuthError {
  return new OAuthError('temporarily_unavailable', 'the service is temporarily unavailable', {
    headers: { 'Retry-After': RETRY_AFTER_SECONDS },
  })
}

function internal(requestId: string): OAuthError {
  return new OAuthError('server_error', `an internal error occurred; request id ${requestId}`)
}
