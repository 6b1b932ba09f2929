/**
 * The entries: answers by token, bounded by number and by bytes, and found again by what they belong to. Whether an
 * entry may be served is not decided here; it is dropped here as soon as an event touches it.
 *
 * Eviction gives every entry that was used since the last look a second chance: it goes to the end of the line, unused
 * again. So a hit costs one flag and no reordering, and each look is paid for by a hit or makes room. One token may have
 * any number of entries, one for each set of contexts: they push out what is used less often than the line goes round.
 */

import type { ActiveToken, ExchangedFrom } from '../wire/index.ts'
import {
  changedContexts,
  type Groups,
  isOfClient,
  type SingleEvent,
  type SubjectEvent,
} from './groups.ts'

/** A cached answer. */
export interface Entry {
  readonly key: string
  readonly answer: ActiveToken
  readonly groups: Groups
  readonly partition: number
  /** Position it was read at. */
  readonly seq: number
  /**
   * Elapsed milliseconds at which the answer ends by itself, with its token (as the server's clock saw it) or with a role in
   * it (as its partition's did); Infinity when neither was told.
   */
  readonly expiresAt: number
  /** The end of its token in epoch milliseconds, for this machine's clock; here, so that a hit need not look it up. */
  readonly expiresAtWall: number
  /** Elapsed milliseconds at which its time to live ends; Infinity where leases decide. */
  readonly liveUntil: number
  /** Elapsed milliseconds at which its request was sent. */
  readonly askedAt: number
  readonly bytes: number
  isUsed: boolean
}

/** Bounds of a cache. */
export interface EntryCacheOptions {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** The entries of one client. */
export interface EntryCache {
  get(key: string): Entry | undefined
  /** Keeps an entry, unless one that was read later is there. */
  set(entry: Entry): void
  delete(key: string): void
  /** Drops what an event touches and what was read before it. */
  invalidate(partition: number, seq: number, event: SingleEvent): void
  /** Drops everything of a partition. */
  reset(partition: number): void
  /** Drops everything. */
  clear(): void
  readonly size: number
  readonly bytes: number
}

/** Entries by one kind of name: most names have a single entry, which then needs no set. */
type Index = Map<string, Entry | Set<Entry>>

/** Makes an empty cache. */
export function createEntryCache({ maxEntries, maxBytes }: EntryCacheOptions): EntryCache {
  const entries = new Map<string, Entry>()
  const partitions = new Map<number, Set<Entry>>()
  const byToken: Index = new Map()
  const byGrant: Index = new Map()
  const bySession: Index = new Map()
  /** Plain answers; those asked for in contexts are kept apart, so that a role change finds what it touches at once. */
  const bySubject: Index = new Map()
  const bySubjectInContexts: Index = new Map()
  const byContext: Index = new Map()
  /** Where the last look for room ended; starting over each time would pass the places of all that are gone. */
  let hand = entries.values()
  /** Removals since the hand moved. A map keeps all it has held since then for an iterator that stands still. */
  let removals = 0
  let bytes = 0

  /** Puts an entry under all its names, or takes it away from them. */
  function forNamesOf(entry: Entry, change: typeof addTo): void {
    const { jti, grantId, sid, sub, contexts, origins } = entry.groups
    change(byToken, jti, entry)
    change(byGrant, grantId, entry)
    if (sid !== '') change(bySession, sid, entry)
    change(contexts === undefined ? bySubject : bySubjectInContexts, sub, entry)
    for (const context of contexts ?? NO_NAMES) change(byContext, placeOf(sub, context), entry)
    for (const { jti: from, grant_id } of origins ?? NO_ORIGINS) {
      change(byToken, from, entry)
      change(byGrant, grant_id, entry)
    }
  }

  function add(entry: Entry): void {
    entries.set(entry.key, entry)
    bytes += entry.bytes
    let siblings = partitions.get(entry.partition)
    if (siblings === undefined) {
      siblings = new Set()
      partitions.set(entry.partition, siblings)
    }
    siblings.add(entry)
    forNamesOf(entry, addTo)
  }

  function remove(entry: Entry): void {
    entries.delete(entry.key)
    bytes -= entry.bytes
    partitions.get(entry.partition)?.delete(entry)
    forNamesOf(entry, removeFrom)
    removals += 1
    if (removals > entries.size) restartHand()
  }

  /** All that is behind the hand is gone or at the end, so this passes over nothing that is there. */
  function restartHand(): void {
    hand = entries.values()
    removals = 0
  }

  function evict(): void {
    while (entries.size > 0) {
      const { value: entry, done } = hand.next()
      removals = 0
      if (done === true) restartHand()
      else if (entry.isUsed) {
        entry.isUsed = false
        entries.delete(entry.key)
        entries.set(entry.key, entry)
      } else {
        remove(entry)
        return
      }
    }
  }

  /** Before the newcomer is there, which would be the first that is not used. */
  function makeRoomFor(newcomer: Entry): void {
    while (entries.size > 0 && !hasRoomFor(newcomer)) evict()
  }

  function hasRoomFor(newcomer: Entry): boolean {
    return entries.size < maxEntries && bytes + newcomer.bytes <= maxBytes
  }

  function ofSubject(sub: string): readonly Entry[] {
    return [...find(bySubject, sub), ...find(bySubjectInContexts, sub)]
  }

  function touchedOf(event: SubjectEvent): readonly Entry[] {
    const { sub } = event
    const changed = changedContexts(event)
    if (changed === undefined) return ofSubject(sub)
    const there = changed.flatMap((context) => [...find(byContext, placeOf(sub, context))])
    return [...find(bySubject, sub), ...there]
  }

  /** What an event touches, some perhaps more than once. */
  function touched(partition: number, event: SingleEvent): Iterable<Entry> {
    switch (event.type) {
      case 'token':
        return find(byToken, event.jti)
      case 'grant':
        return find(byGrant, event.grant_id)
      case 'session':
        return find(bySession, event.sid)
      case 'subject':
        return touchedOf(event)
      case 'subject_client':
        return ofClient(ofSubject(event.sub), event.client_id)
      case 'client':
        return ofClient(partitions.get(partition) ?? NOTHING, event.client_id)
      default:
        return partitions.get(partition) ?? NOTHING
    }
  }

  return {
    get: (key) => entries.get(key),

    set(entry) {
      const old = entries.get(entry.key)
      if (old !== undefined) {
        if (old.partition === entry.partition && old.seq > entry.seq) return
        remove(old)
      }
      if (entry.bytes > maxBytes) return
      makeRoomFor(entry)
      add(entry)
    },

    delete(key) {
      const entry = entries.get(key)
      if (entry !== undefined) remove(entry)
    },

    invalidate(partition, seq, event) {
      for (const entry of new Set(touched(partition, event))) {
        if (entry.partition === partition && entry.seq < seq) remove(entry)
      }
    },

    reset(partition) {
      for (const entry of [...(partitions.get(partition) ?? [])]) remove(entry)
    },

    clear() {
      for (const entry of [...entries.values()]) remove(entry)
    },

    get size() {
      return entries.size
    },

    get bytes() {
      return bytes
    },
  }
}

const NOTHING: readonly Entry[] = []
const NO_NAMES: readonly string[] = []
const NO_ORIGINS: readonly ExchangedFrom[] = []

/** A context has no space, so no two places have the same name. */
function placeOf(sub: string, context: string): string {
  return `${context} ${sub}`
}

function addTo(index: Index, name: string, entry: Entry): void {
  const found = index.get(name)
  if (found === undefined || found === entry) index.set(name, entry)
  else if (found instanceof Set) found.add(entry)
  else index.set(name, new Set([found, entry]))
}

function removeFrom(index: Index, name: string, entry: Entry): void {
  const found = index.get(name)
  if (found instanceof Set) {
    found.delete(entry)
    if (found.size === 0) index.delete(name)
  } else if (found === entry) {
    index.delete(name)
  }
}

function find(index: Index, name: string): Iterable<Entry> {
  const found = index.get(name)
  if (found === undefined) return NOTHING
  return found instanceof Set ? found : [found]
}

function* ofClient(entries: Iterable<Entry>, clientId: string): Iterable<Entry> {
  for (const entry of entries) if (isOfClient(entry.groups, clientId)) yield entry
}
