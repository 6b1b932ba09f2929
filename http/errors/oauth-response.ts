/**
 * Turns an error into an OAuth error body (RFC 6749 §5.2); no other file does. An error that is not of the protocol is
 * answered with a fixed text and the request id; its message goes to the log alone.
 */

import { type Replyable, replyJson, setNoStore } from '../reply/reply.ts'
import { exposedClientStatus, faultKind, RETRY_AFTER_SECONDS } from './fault.ts'
import { OAuthError } from './oauth-error.ts'
import { ProblemError } from './problem.ts'

/** The OAuthError to answer with for any error. */
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

/** Sends the error body. Nothing may have been sent before. */
export function sendOAuthError(ctx: Replyable, error: OAuthError): void {
  setNoStore(ctx.res)
  for (const [name, value] of Object.entries(error.headers)) ctx.res.setHeader(name, value)
  const body = { error: error.error, error_description: error.description }
  replyJson(ctx, error.status, JSON.stringify(body))
}

/** Sends the error body of AuthZEN (§10.1.2): the description alone, as a JSON string. */
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
