/**
 * Tokens that are void for this client. A void token never becomes valid again, so it is remembered as long as there is room.
 * It is stored apart from the entries, so that a flood of invalid tokens evicts no answer.
 */

/** The remembered tokens. */
export interface NegativeCache {
  has(key: string, now: number): boolean
  /** @param until elapsed milliseconds; Infinity if a feed reports every change that could make the token valid */
  add(key: string, until: number): void
  clear(): void
  readonly size: number
}

/** Makes an empty store of at most `maxEntries` tokens, which forgets the oldest first; 0 remembers nothing. */
export function createNegativeCache(maxEntries: number): NegativeCache {
  const untils = new Map<string, number>()
  /** Where the last removal ended. A new iterator would pass over the holes that removed keys leave in a map. */
  let hand = untils.keys()
  /** Removals since the hand moved. A map keeps the holes behind an iterator as long as that iterator does not move. */
  let removals = 0

  /** All keys behind the hand are gone, so a new hand skips none. */
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
