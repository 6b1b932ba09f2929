/**
 * A cached answer in little memory, because a cache holds a hundred thousand of them. Its groups are read from the answer
 * when an event needs them. Its times are whole milliseconds, which V8 stores inside the object instead of on the heap (up to
 * 2^31, 24 days after the client was made). They are rounded down, so that an answer ends up to a millisecond early, never
 * late.
 */

import type { ActiveToken } from '../wire/index.ts'
import type { Entry } from './entry.ts'
import { type Groups, groupsOf } from './groups.ts'

/** What an entry is made from. Times in elapsed milliseconds, as in an entry. */
export interface Keeping extends Omit<Entry, 'groups' | 'expiresAtWall' | 'liveUntil' | 'isUsed'> {
  /** How long the answer may be served after its request, in milliseconds; `undefined` where leases decide. */
  readonly livesMs: number | undefined
}

const MS_PER_SECOND = 1_000

/** An entry. A class, because getters on a prototype take no memory in each entry. */
export class KeptAnswer implements Entry {
  // A hit reads the first members only, so they share a cache line.
  isUsed = false
  readonly expiresAt: number
  readonly #livesMs: number | undefined
  /** In seconds: whole milliseconds since 1970 would not fit inside the object. */
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
    // Without groups, no event finds the entry. It still needs unique names in the indexes.
    return groupsOf(answer, contexts) ?? { jti: key, grantId: key, sid: '', sub: '', clientId: '' }
  }
}
