/**
 * What the client throws. A refused token is never an error: it is an answer. Mistakes of the caller are `TypeError` and
 * `RangeError` with a `code`.
 */

/** Codes of operational errors; check `error.code`. */
export type ClaimcheckErrorCode =
  /** No answer in time. */
  | 'ERR_CLAIMCHECK_TIMEOUT'
  /** No connection, or the service said it cannot know (503). */
  | 'ERR_CLAIMCHECK_UNREACHABLE'
  /** Our own credentials were refused. */
  | 'ERR_CLAIMCHECK_UNAUTHORIZED'
  /** The service said something that is no answer. */
  | 'ERR_CLAIMCHECK_BAD_RESPONSE'
  /** Every answer was older than a change that is already known. */
  | 'ERR_CLAIMCHECK_STALE'
  /** Too many look-ups are waiting. */
  | 'ERR_CLAIMCHECK_OVERLOADED'
  /** The client was closed. */
  | 'ERR_CLAIMCHECK_CLOSED'

/** The truth about a token cannot be had right now. Never means that the token is inactive. */
export class ClaimcheckError extends Error {
  override readonly name = 'ClaimcheckError'
  readonly code: ClaimcheckErrorCode

  constructor(code: ClaimcheckErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether trying again may help. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof ClaimcheckError)) return false
  return error.code === 'ERR_CLAIMCHECK_TIMEOUT' || error.code === 'ERR_CLAIMCHECK_UNREACHABLE'
}

/** Whether nobody could be asked: the service is out of reach, or there was no room to wait for it. */
export function isOutage(error: unknown): boolean {
  if (isRetryable(error)) return true
  return error instanceof ClaimcheckError && error.code === 'ERR_CLAIMCHECK_OVERLOADED'
}

/** The caller's mistake in a value. */
export function invalidArgument(name: string, rule: string): RangeError & { code: string } {
  return Object.assign(new RangeError(`"${name}" ${rule}`), { code: 'ERR_INVALID_ARG_VALUE' })
}

/** The caller's mistake in a type. */
export function invalidType(name: string, rule: string): TypeError & { code: string } {
  return Object.assign(new TypeError(`"${name}" ${rule}`), { code: 'ERR_INVALID_ARG_TYPE' })
}
