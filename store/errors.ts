/**
 * What can go wrong between a service and its Redis. Expected outcomes (unknown, revoked, foreign …) are values of
 * the store's functions, never errors.
 */

/**
 * The truth cannot be had right now: Redis is down, hanging, read-only, full or between primaries. Whoever meets it
 * answers 503; nothing may be concluded about any token. A write that failed this way has promised nothing.
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

/** A script answered something this version does not know: a bug, or two versions on one Redis. */
export class StoreReplyError extends Error {
  override readonly name = 'StoreReplyError'
  readonly code = 'ERR_STORE_REPLY'
}
