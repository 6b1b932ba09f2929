/** What the parts of a store share. */

import type { Keys, PartitionKeys } from './keys.ts'
import type { TokenKeyRing } from './mint/key-ring.ts'
import type { TokenMint } from './mint/token.ts'
import type { Partitions } from './partitions.ts'
import type { RedisConnection } from './redis/connection.ts'
import type { RunScript } from './redis/script-runner.ts'

/** Shared by the parts of one store. */
export interface StoreContext {
  readonly redis: RedisConnection
  readonly run: RunScript
  readonly keys: Keys
  readonly partitions: Partitions
  readonly tokenKeys: TokenKeyRing
  readonly mint: TokenMint
  /** How long events stay in the log, in milliseconds. */
  readonly logRetentionMs: number
  /** How long a retry of a refresh gets the same successor, in milliseconds. */
  readonly refreshGraceMs: number
  /** How long records stay in the audit, in milliseconds. */
  readonly auditRetentionMs: number
}

/** What every script takes that appends an event. */
export function eventInput(
  { keys, logRetentionMs }: StoreContext,
  { head, log, base }: PartitionKeys,
) {
  return { head, log, base, logRetentionMs, channel: keys.channel }
}

/** Longest life of anything issued, in seconds: the cap of every configured lifetime. */
export const MAX_GRANT_LIFETIME_SECONDS = 365 * 86_400

/** Longest life of an access token, in seconds. */
export const MAX_ACCESS_TOKEN_LIFETIME_SECONDS = 86_400

/** A wide cutoff outlives everything it may void, with a day to spare. */
export const WIDE_CUTOFF_LIFETIME_MS = (MAX_GRANT_LIFETIME_SECONDS + 86_400) * 1_000
