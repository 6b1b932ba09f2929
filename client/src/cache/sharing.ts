/**
 * Makes one of each: what many answers have in common (an issuer, an audience, the permissions of a role) is kept once, not
 * once an answer.
 *
 * A bounded number is remembered, in two generations: when the younger is full it becomes the older, and what of the older
 * was not asked for since is forgotten. That loses nothing but memory.
 */
import { deepFreeze } from './deep-freeze.ts'

/** What has been seen. */
export interface Sharing {
  /** The same value, or an equal one that was seen before. It must be JSON; what is shared is frozen. */
  share(value: unknown): unknown
}

/** Longer texts are hardly ever the same. */
const MAX_TEXT_LENGTH = 64

/** @param generation values of one generation; at most two of them are remembered */
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
      // Its JSON tells a text from a list, and one order of names from another, but not infinity from nothing.
      if (typeof value === 'number' || value === null) return value
      const text = JSON.stringify(value)
      if (text.length > MAX_TEXT_LENGTH) return value
      return young.get(text) ?? remember(text, old.get(text) ?? deepFreeze(value))
    },
  }
}
