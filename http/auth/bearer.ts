/**
 * Reads bearer tokens (RFC 6750) and writes the challenges that refuse them. It does not check whether a token is valid, and
 * it ignores a token in the query.
 */
import type { IncomingMessage } from 'node:http'
import { invalidRequest, OAuthError, sanitizeDescription } from '../errors/oauth-error.ts'
import { authorizationHeader } from './authorization-header.ts'

export const REALM = 'claimcheck'

const SCHEME = /^bearer(?: |$)/i
const B64_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/**
 * The bearer token of a request.
 * @throws {OAuthError} 401 without an error code when there is none (RFC 6750 §3.1), 400 when it is malformed.
 */
export function bearerToken(req: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string {
  const header = authorizationHeader(req)
  if (header === undefined || !SCHEME.test(header)) throw missingToken()
  return parseBearer(header)
}

/** Whether an Authorization value uses the Bearer scheme. */
export function isBearer(header: string): boolean {
  return SCHEME.test(header)
}

/** The token of an Authorization value of the Bearer scheme. @throws {OAuthError} 400 when it is malformed. */
export function parseBearer(header: string): string {
  const token = header.slice('bearer'.length).trim()
  if (B64_TOKEN.test(token)) return token
  const description = 'the bearer token is malformed'
  throw invalidRequest(description, {
    headers: { 'WWW-Authenticate': bearerChallenge({ error: 'invalid_request', description }) },
  })
}

export interface BearerChallenge {
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  readonly description?: string
  /** The scopes that are needed, space-separated. */
  readonly scope?: string
}

/** A `WWW-Authenticate` value of the Bearer scheme; every part is sanitized for a quoted string. */
export function bearerChallenge(challenge: BearerChallenge = {}): string {
  const parts = [`realm="${REALM}"`]
  if (challenge.error !== undefined) parts.push(`error="${challenge.error}"`)
  if (challenge.description !== undefined) {
    parts.push(`error_description="${sanitizeDescription(challenge.description)}"`)
  }
  if (challenge.scope !== undefined) parts.push(`scope="${sanitizeDescription(challenge.scope)}"`)
  return `Bearer ${parts.join(', ')}`
}

/** 401: expired, revoked, unknown or for another audience. All get the same words; `detail` is for the log. */
export function invalidToken(detail?: string): OAuthError {
  const description = 'the access token is not valid here'
  return new OAuthError('invalid_token', description, {
    ...(detail === undefined ? {} : { detail }),
    headers: { 'WWW-Authenticate': bearerChallenge({ error: 'invalid_token', description }) },
  })
}

/** 403: the token is valid but lacks `scope`. */
export function insufficientScope(scope: string): OAuthError {
  const description = `the access token lacks the scope ${scope}`
  return new OAuthError('insufficient_scope', description, {
    headers: {
      'WWW-Authenticate': bearerChallenge({ error: 'insufficient_scope', description, scope }),
    },
  })
}

function missingToken(): OAuthError {
  return new OAuthError('invalid_token', 'an access token is required', {
    headers: { 'WWW-Authenticate': bearerChallenge() },
  })
}
