/**
 * Errors between a service and its Redis. Expected outcomes (unknown, revoked, foreign …) are return values of the store's
 * functions, never errors.
 */

/**
 * The state cannot be known now: Redis is down, hanging, read-only, full or between primaries. The caller answers 503 and
 * must conclude nothing about any token. A write that failed this way may have happened or not.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'ERR_STORE_UNAVAILABLE'
}

/** Others were writing the same record all the time. Nothing was written; the caller answers 503 and may try again. */
export class StoreBusyError extends Error {
  override readonly name = 'StoreBusyError'
  readonly code = 'ERR_STORE_BUSY'
}

/** The Redis belongs to an installation with other settings; starting would damage it. */
export class StoreMismatchError extends Error {
  override readonly name = 'StoreMismatchError'
  readonly code = 'ERR_STORE_MISMATCH'
}

/** A script returned what this version does not know: a bug, or two incompatible versions on one Redis. */
export class StoreReplyError extends Error {
  override readonly name = 'StoreReplyError'
  readonly code = 'ERR_STORE_REPLY'
}
