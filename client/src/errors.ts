/**
 * What the client throws. A refused token is an answer, never an error. Mistakes of the caller are `TypeError` and
 * `RangeError` with a `code`.
 */

/** Codes of operational errors; check `error.code`. */
export type ClaimcheckErrorCode =
  /** The service did not answer within `timeoutMs`. */
  | 'ERR_CLAIMCHECK_TIMEOUT'
  /** The service could not be reached, or answered 429 or 5xx. */
  | 'ERR_CLAIMCHECK_UNREACHABLE'
  /** The service refused this client's own credentials. */
  | 'ERR_CLAIMCHECK_UNAUTHORIZED'
  /** The answer of the service is not a valid answer. */
  | 'ERR_CLAIMCHECK_BAD_RESPONSE'
  /** Every answer was older than a known change. */
  | 'ERR_CLAIMCHECK_STALE'
  /** `maxQueued` look-ups were already waiting. */
  | 'ERR_CLAIMCHECK_OVERLOADED'
  /** The client is closed. */
  | 'ERR_CLAIMCHECK_CLOSED'

/** No trustworthy answer about a token can be had now. Never means that the token is inactive. */
export class ClaimcheckError extends Error {
  override readonly name = 'ClaimcheckError'
  /** What went wrong. Stable, unlike `message`. */
  readonly code: ClaimcheckErrorCode

  constructor(code: ClaimcheckErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether another attempt may succeed. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof ClaimcheckError)) return false
  return error.code === 'ERR_CLAIMCHECK_TIMEOUT' || error.code === 'ERR_CLAIMCHECK_UNREACHABLE'
}

/** Whether the service could not be asked: it is out of reach, or too many look-ups were waiting. */
export function isOutage(error: unknown): boolean {
  if (isRetryable(error)) return true
  return error instanceof ClaimcheckError && error.code === 'ERR_CLAIMCHECK_OVERLOADED'
}

/** The caller passed a wrong value. */
export function invalidArgument(name: string, rule: string): RangeError & { code: string } {
  return Object.assign(new RangeError(`"${name}" ${rule}`), { code: 'ERR_INVALID_ARG_VALUE' })
}

/** The caller passed a value of a wrong type. */
export function invalidType(name: string, rule: string): TypeError & { code: string } {
  return Object.assign(new TypeError(`"${name}" ${rule}`), { code: 'ERR_INVALID_ARG_TYPE' })
}

/** What a caught value says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
