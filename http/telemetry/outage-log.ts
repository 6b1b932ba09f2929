/**
 * Logs the start of a Redis outage once, and its end once. The connection reports every failed attempt; a line for each would
 * bury everything else just when somebody reads the log.
 */
import type { Logger } from './logger.ts'

/** What the store's connection reports to. */
export interface OutageLog {
  failed(error: Error): void
  recovered(): void
}

/** Makes the log of one connection. */
export function createOutageLog(log: Logger): OutageLog {
  let isDown = false
  return {
    failed(error) {
      if (isDown) return
      isDown = true
      const cause = error.cause instanceof Error ? error.cause : error
      log.warn(
        { reason: cause.message },
        'Redis (CLAIMCHECK_REDIS_URL) cannot be reached; trying again',
      )
    },
    recovered() {
      if (!isDown) return
      isDown = false
      log.info('Redis is back')
    },
  }
}
