/**
 * The error of the OAuth endpoints. Any code below a handler throws it; only `oauth-response.ts` (and, for the admin API,
 * `problem-response.ts`) turns it into a body.
 *
 * `description` is public and reduced to the characters RFC 6749 allows; `detail` is for the log alone. The code that throws
 * must keep tokens, secrets and Authorization headers out of both.
 */

export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_token_type'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'access_denied'
  | 'not_found'
  | 'temporarily_unavailable'
  | 'server_error'

export interface OAuthErrorOptions {
  /** HTTP status. Default follows the code: 401 for `invalid_client`, 400 for most. */
  readonly status?: number
  /** For the log only; never leaves the process. */
  readonly detail?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

const DEFAULT_STATUS: Readonly<Partial<Record<OAuthErrorCode, number>>> = {
  invalid_client: 401,
  invalid_token: 401,
  insufficient_scope: 403,
  access_denied: 403,
  not_found: 404,
  temporarily_unavailable: 503,
  server_error: 500,
}

const MAX_DESCRIPTION_LENGTH = 300
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

/** Replaces the characters that RFC 6749 §5.2 forbids in `error_description`, or that a quoted header value cannot hold. */
export function sanitizeDescription(text: string): string {
  return text
    .slice(0, MAX_DESCRIPTION_LENGTH)
    .replace(/"/g, "'")
    .replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')
}

export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code = 'ERR_CLAIMCHECK_OAUTH'
  readonly error: OAuthErrorCode
  readonly status: number
  readonly description: string
  readonly detail: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly expose: boolean

  constructor(error: OAuthErrorCode, description: string, options: OAuthErrorOptions = {}) {
    super(description, options.cause === undefined ? undefined : { cause: options.cause })
    this.error = error
    this.status = options.status ?? DEFAULT_STATUS[error] ?? 400
    this.description = sanitizeDescription(description)
    this.detail = options.detail
    this.headers = options.headers ?? NO_HEADERS
    this.expose = this.status < 500
  }
}

/** The most common one: `invalid_request` with 400, or with another status. */
export function invalidRequest(description: string, options?: OAuthErrorOptions): OAuthError {
  return new OAuthError('invalid_request', description, options)
}
