/**
 * The entries: answers by token, bounded by number and by bytes, and found again by what they belong to. Whether an
 * entry may be served is not decided here; it is dropped here as soon as an event touches it.
 *
 * Eviction gives every entry that was used since the last look a second chance, so that a hit costs one flag and no
 * reordering.
 */
import {
  changedContexts,
  type Groups,
  isOfClient,
  type SingleEvent,
  type SubjectEvent,
} from './groups.ts'
import type { ActiveToken, ExchangedFrom } from './wire/index.ts'

/** A cached answer. */
export interface Entry {
  readonly key: string
  readonly answer: ActiveToken
  readonly groups: Groups
  readonly partition: number
  /** Position it was read at. */
  readonly seq: number
  /**
   * Elapsed milliseconds at which the answer ends by itself, with its token or with a role in it, as the server's clock saw
   * it; Infinity when it did not tell.
   */
  readonly expiresAt: number
  /** The same by this machine's clock, in epoch milliseconds; here, so that a hit need not look into the answer. */
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
  }

  function evict(): void {
    while (entries.size > 0) {
      const { value: entry, done } = hand.next()
      if (done === true) hand = entries.values()
      else if (entry.isUsed) entry.isUsed = false
      else {
        remove(entry)
        return
      }
    }
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
      add(entry)
      while (entries.size > maxEntries || bytes > maxBytes) evict()
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
