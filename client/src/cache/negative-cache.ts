/**
 * Tokens that are void for this client. Such a token never becomes valid again, so it may be remembered until there is
 * no room; in a store of its own, so that a flood of junk evicts no good entry.
 */

/** The remembered tokens. */
export interface NegativeCache {
  has(key: string, now: number): boolean
  /** @param until elapsed milliseconds; Infinity where a feed tells of what could change the verdict */
  add(key: string, until: number): void
  clear(): void
  readonly size: number
}

/** Makes an empty store of at most `maxEntries`, oldest out first; 0 remembers nothing. */
export function createNegativeCache(maxEntries: number): NegativeCache {
  const untils = new Map<string, number>()
  /** Goes on where it was: in a map, the places of those that are gone would be passed each time. */
  let hand = untils.keys()
  /** Removals since the hand moved. A map keeps all it has held since then for an iterator that stands still. */
  let removals = 0

  /** All that is behind the hand is gone, so this passes over nothing that is there. */
  function restartHand(): void {
    hand = untils.keys()
    removals = 0
  }

  return {
    has(key, now) {
      const until = untils.get(key)
      return until !== undefined && now < until
    },
    add(key, until) {
      if (maxEntries === 0) return
      if (untils.delete(key)) removals += 1
      untils.set(key, until)
      if (removals > untils.size) restartHand()
      if (untils.size <= maxEntries) return
      let oldest = hand.next()
      removals = 0
      if (oldest.done === true) {
        restartHand()
        oldest = hand.next()
      }
      if (oldest.done !== true) untils.delete(oldest.value)
    },
    clear() {
      untils.clear()
      restartHand()
    },
    get size() {
      return untils.size
    },
  }
}
