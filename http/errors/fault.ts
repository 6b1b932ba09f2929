/**
 * Tells the faults that are nobody's request apart: the store being away (503, try again) from a defect (500).
 * It knows the store's errors by their marks, not by their class, because http/ may not import store/.
 */

export type FaultKind = 'unavailable' | 'internal'

/** Seconds after which a caller may try again while the store is away; the drivers reconnect faster than that. */
export const RETRY_AFTER_SECONDS = '1'

export function faultKind(error: unknown): FaultKind {
  if (typeof error !== 'object' || error === null) return 'internal'
  const marks = error as { retryable?: unknown; code?: unknown; name?: unknown }
  const isUnavailable =
    marks.retryable === true ||
    marks.code === 'ERR_STORE_UNAVAILABLE' ||
    marks.name === 'StoreUnavailableError'
  return isUnavailable ? 'unavailable' : 'internal'
}

/** The status of an error that some Koa middleware made for a caller's mistake, such as `ctx.throw(400)`. */
export function exposedClientStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { expose, status } = error as { expose?: unknown; status?: unknown }
  if (expose !== true || typeof status !== 'number') return undefined
  return Number.isInteger(status) && status >= 400 && status < 500 ? status : undefined
}
