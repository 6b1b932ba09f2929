/**
 * Tells of an outage of Redis once, and once that it is over. The connection reports every attempt; a line for each would
 * bury what matters at the very moment somebody reads the log.
 */
import type { Logger } from './logger.ts'

/** Told by the store's connection. */
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
