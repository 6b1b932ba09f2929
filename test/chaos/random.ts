/** Randomness from a seed, so that what has failed can be run again. */

/** A stream of random choices. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** A whole number between both, inclusive. */
  int(least: number, most: number): number
  pick<Item>(items: readonly [Item, ...Item[]]): Item
  pick<Item>(items: readonly Item[]): Item | undefined
  chance(probability: number): boolean
  /** Another stream, so that what is drawn from it does not shift what is drawn from this one. */
  fork(): Random
}

/** Starts a stream: mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed | 0
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (least: number, most: number): number =>
    least + Math.floor(next() * (most - least + 1))
  return {
    next,
    int,
    pick: <Item>(items: readonly Item[]): Item => items[int(0, items.length - 1)] as Item,
    chance: (probability) => next() < probability,
    fork: () => createRandom(Math.floor(next() * 2 ** 32)),
  }
}
