/**
 * Classifies errors that are not the caller's mistake: the store is unavailable or busy (503, try again), or there is a
 * defect (500). Store errors are recognized by their code, because http/ may not import store/.
 */

export type FaultKind = 'unavailable' | 'busy' | 'internal'

/** Seconds after which a caller may retry; the drivers reconnect faster than that. */
export const RETRY_AFTER_SECONDS = '1'

export function faultKind(error: unknown): FaultKind {
  if (typeof error !== 'object' || error === null) return 'internal'
  const { retryable, code, name } = error as { retryable?: unknown; code?: unknown; name?: unknown }
  if (code === 'ERR_STORE_BUSY') return 'busy'
  const isUnavailable =
    retryable === true || code === 'ERR_STORE_UNAVAILABLE' || name === 'StoreUnavailableError'
  return isUnavailable ? 'unavailable' : 'internal'
}

/** The status of an error that some Koa middleware made for a caller's mistake, such as `ctx.throw(400)`. */
export function exposedClientStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { expose, status } = error as { expose?: unknown; status?: unknown }
  if (expose !== true || typeof status !== 'number') return undefined
  return Number.isInteger(status) && status >= 400 && status < 500 ? status : undefined
}
