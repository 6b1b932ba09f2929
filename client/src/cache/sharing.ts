/**
 * Stores equal values of different answers once: an issuer, an audience, the permissions of a role.
 *
 * The number of remembered values is bounded by two generations. When the younger is full, it becomes the older, and values of
 * the older that were not used meanwhile are forgotten. Forgetting a value costs memory, nothing else.
 */
import { deepFreeze } from './deep-freeze.ts'

/** The remembered values. */
export interface Sharing {
  /** Returns an equal value that was seen before, or this one. It must be JSON; shared values are frozen. */
  share(value: unknown): unknown
}

/** Longer texts are hardly ever equal. */
const MAX_TEXT_LENGTH = 64

/** @param generation size of one generation; at most two are remembered */
export function createSharing(generation: number): Sharing {
  let young = new Map<string, unknown>()
  let old = young

  function remember(text: string, value: unknown): unknown {
    if (young.size >= generation) {
      old = young
      young = new Map()
    }
    young.set(text, value)
    return value
  }

  return {
    share(value) {
      // JSON distinguishes texts from lists, but writes both Infinity and null as `null`.
      if (typeof value === 'number' || value === null) return value
      const text = JSON.stringify(value)
      if (text.length > MAX_TEXT_LENGTH) return value
      return young.get(text) ?? remember(text, old.get(text) ?? deepFreeze(value))
    },
  }
}
