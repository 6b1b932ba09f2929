/** How long things live in the simulated month: shorter than usual, so that after a day as much ends as begins. */

/** Seconds of an hour. */
export const HOUR = 3_600
/** Hours of a day. */
export const DAY_HOURS = 24
/** Seconds. */
export const ACCESS_TOKEN_LIFETIME = HOUR
/** Hours after which a grant ends, however often it is refreshed. */
export const GRANT_HOURS = 24
/** Hours without a refresh after which it ends earlier. */
export const IDLE_HOURS = 8
/** Milliseconds. */
export const AUDIT_RETENTION_MS = DAY_HOURS * HOUR * 1_000
/** Longer than anything is kept that ends at all: a cutoff of a subject stands for 366 days. */
export const LONG_ENOUGH = 400 * DAY_HOURS * HOUR
