/**
 * Counts failed client authentication per client and source in Redis, so that all endpoints of all nodes slow down a
 * guesser together. Only failures are counted and slowed down. A correct secret always passes: secrets have 256 random
 * bits, and locking out by name would let anyone disable a client.
 */

import { hash } from 'node:crypto'
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Keys } from '../keys.ts'
import type { RedisConnection } from '../redis/connection.ts'

/** The client that failed, and the source of the attempt. */
interface AuthFailure {
  readonly clientId: string
  readonly source: string
}

/** Counts failures. */
export interface AuthFailures {
  /** @returns how long the source should wait, in seconds, once it has failed too often */
  record(failure: AuthFailure): Promise<{ readonly retryAfterSeconds: number } | undefined>
}

/** Failures of a client and source in the window before they are slowed down. */
export const FAILURES_ALLOWED = 10

const WINDOW_SECONDS = 60

/** Makes the counter of an installation. Fails open: an outage must not turn a 401 into anything else. */
export function createAuthFailures(redis: RedisConnection, keys: Keys): AuthFailures {
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: keys.failures,
    points: FAILURES_ALLOWED,
    duration: WINDOW_SECONDS,
  })
  return {
    async record({ clientId, source }) {
      try {
        await limiter.consume(hash('sha256', `${clientId}\n${source}`, 'base64url'))
        return undefined
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) return undefined
        return { retryAfterSeconds: Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000)) }
      }
    },
  }
}
