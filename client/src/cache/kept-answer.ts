/**
 * An answer as it lies in the cache, a hundred thousand times over. So it keeps little besides: what it belongs to is read
 * from the answer again when an event asks, and its times are whole milliseconds, which take no place of their own in
 * memory (until the client is 24 days old). They are rounded down: what is served ends up to a millisecond early, never
 * late.
 */

import type { ActiveToken } from '../wire/index.ts'
import type { Entry } from './entry-cache.ts'
import { type Groups, groupsOf } from './groups.ts'

/** An answer to be kept, and what is known of it. Times in elapsed milliseconds, as in an entry. */
export interface Keeping {
  /** The token, and behind a space the contexts it was asked about in, if there were any. */
  readonly key: string
  readonly answer: ActiveToken
  readonly partition: number
  readonly seq: number
  readonly expiresAt: number
  /** How long it may be served after it was asked for, in milliseconds; `undefined` where leases decide. */
  readonly livesMs: number | undefined
  readonly askedAt: number
  readonly bytes: number
}

const MS_PER_SECOND = 1_000

/** An entry as the client makes it. A class, because what is read from others must not take a place in each. */
export class KeptAnswer implements Entry {
  // What a hit reads comes first, and so lies together.
  isUsed = false
  readonly expiresAt: number
  readonly #livesMs: number | undefined
  /** In seconds, for the same reason as the whole milliseconds. */
  readonly #exp: number
  readonly answer: ActiveToken
  readonly key: string
  readonly askedAt: number
  readonly partition: number
  readonly seq: number
  readonly bytes: number

  constructor({ key, answer, ...known }: Keeping) {
    this.expiresAt = Math.floor(known.expiresAt)
    this.#livesMs = known.livesMs
    this.#exp = answer.exp ?? Number.POSITIVE_INFINITY
    this.answer = answer
    this.key = key
    this.askedAt = Math.floor(known.askedAt)
    this.partition = known.partition
    this.seq = known.seq
    this.bytes = known.bytes
  }

  get expiresAtWall(): number {
    return this.#exp * MS_PER_SECOND
  }

  get liveUntil(): number {
    return this.#livesMs === undefined ? Number.POSITIVE_INFINITY : this.askedAt + this.#livesMs
  }

  get groups(): Groups {
    const { key, answer } = this
    const space = key.indexOf(' ')
    const contexts = space === -1 ? '' : key.slice(space + 1)
    // What no event can find is found by its key alone.
    return groupsOf(answer, contexts) ?? { jti: key, grantId: key, sid: '', sub: '', clientId: '' }
  }
}
