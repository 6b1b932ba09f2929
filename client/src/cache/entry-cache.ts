/**
 * The entries by key, bounded by number and by bytes. Whether an entry may be served is decided in answers.ts; this file
 * drops entries that an event touches, and makes room.
 *
 * Eviction gives each entry that was used since the last pass a second chance: the entry moves to the end of the queue and
 * counts as unused again (the CLOCK algorithm). So a hit sets one flag and reorders nothing. A token has one entry for each
 * set of contexts it was asked about; those that are seldom used are evicted like any other.
 */

import { assertInvariant } from '../invariant.ts'
import type { Entry } from './entry.ts'
import { EntryIndex } from './entry-index.ts'
import type { SingleEvent } from './groups.ts'

export type { Entry } from './entry.ts'

/** Bounds of a cache. */
export interface EntryCacheOptions {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** The entries of one client. */
export class EntryCache {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry>()
  readonly #index = new EntryIndex()
  /** Where the last search for room ended. A new iterator would pass over the holes that deleted entries leave in a map. */
  #hand = this.#entries.values()
  /** Removals since the hand moved. A map keeps the holes behind an iterator as long as that iterator does not move. */
  #removals = 0
  #bytes = 0

  constructor({ maxEntries, maxBytes }: EntryCacheOptions) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** Stores an entry, unless the cache has one that was read later. */
  set(entry: Entry): void {
    const old = this.#entries.get(entry.key)
    if (old !== undefined) {
      if (old.partition === entry.partition && old.seq > entry.seq) return
      this.#remove(old)
    }
    if (entry.bytes > this.#maxBytes) return
    // The new entry is unused, so it would be evicted first if it were already there.
    while (this.size > 0 && !this.#hasRoomFor(entry)) this.#evict()
    this.#add(entry)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#remove(entry)
  }

  /** Drops the entries that an event touches and that were read before it. */
  invalidate(partition: number, seq: number, event: SingleEvent): void {
    for (const entry of new Set(this.#index.touchedBy(partition, event))) {
      if (entry.partition === partition && entry.seq < seq) this.#remove(entry)
    }
  }

  /** Drops all entries of a partition. */
  reset(partition: number): void {
    for (const entry of [...this.#index.ofPartition(partition)]) this.#remove(entry)
  }

  /** Drops all entries. Relies on no invariant, because it is also the way back from a violated one. */
  clear(): void {
    this.#entries.clear()
    this.#index.clear()
    this.#bytes = 0
    this.#restartHand()
  }

  #add(entry: Entry): void {
    // Overwriting an entry would leave it in the index for ever, and its bytes in the sum.
    assertInvariant(!this.#entries.has(entry.key), 'a key has one entry')
    this.#entries.set(entry.key, entry)
    this.#bytes += entry.bytes
    this.#index.add(entry)
    // This is the bound on memory.
    assertInvariant(
      this.size <= this.#maxEntries && this.#bytes <= this.#maxBytes,
      'the cache is within its bounds',
    )
  }

  #remove(entry: Entry): void {
    // An index that names an entry which is gone may also lack one that is there: events would miss it.
    assertInvariant(this.#entries.get(entry.key) === entry, 'the index names entries of the cache')
    this.#entries.delete(entry.key)
    this.#bytes -= entry.bytes
    this.#index.remove(entry)
    // Bytes that are counted wrongly would let the cache grow without bound.
    assertInvariant(this.#bytes >= 0, 'the bytes of all entries are not negative')
    this.#removals += 1
    if (this.#removals > this.size) this.#restartHand()
  }

  #hasRoomFor({ bytes }: Entry): boolean {
    return this.size < this.#maxEntries && this.#bytes + bytes <= this.#maxBytes
  }

  #evict(): void {
    while (this.size > 0) {
      const { value: entry, done } = this.#hand.next()
      this.#removals = 0
      if (done === true) this.#restartHand()
      else if (entry.isUsed) {
        entry.isUsed = false
        this.#entries.delete(entry.key)
        this.#entries.set(entry.key, entry)
      } else {
        this.#remove(entry)
        return
      }
    }
  }

  /** All entries behind the hand are gone or have moved to the end, so a new hand skips none. */
  #restartHand(): void {
    this.#hand = this.#entries.values()
    this.#removals = 0
  }
}

/** Makes an empty cache. */
export function createEntryCache(options: EntryCacheOptions): EntryCache {
  return new EntryCache(options)
}
