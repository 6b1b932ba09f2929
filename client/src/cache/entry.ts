/** What the cache knows of a stored answer. `KeptAnswer` implements it in as little memory as possible. */
import type { ActiveToken } from '../wire/index.ts'
import type { Groups } from './groups.ts'

/** A cached answer. */
export interface Entry {
  readonly key: string
  readonly answer: ActiveToken
  readonly groups: Groups
  readonly partition: number
  /** Position at which it was read. */
  readonly seq: number
  /**
   * Elapsed milliseconds at which the answer ends by itself: with its token (by the server's clock) or with a role in it (by
   * its partition's clock). Infinity when the server named neither.
   */
  readonly expiresAt: number
  /** `exp` of the token in epoch milliseconds, for this machine's clock. */
  readonly expiresAtWall: number
  /** Elapsed milliseconds at which its time to live ends; Infinity where leases decide. */
  readonly liveUntil: number
  /** Elapsed milliseconds at which its request was sent. */
  readonly askedAt: number
  readonly bytes: number
  isUsed: boolean
}
