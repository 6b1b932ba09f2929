/** Finds entries by what they belong to, so that an event drops what it touches without a search through the cache. */
import type { ExchangedFrom } from '../wire/index.ts'
import type { Entry } from './entry.ts'
import { changedContexts, isOfClient, type SingleEvent, type SubjectEvent } from './groups.ts'

/** Entries by one kind of name. Most names have a single entry, which needs no set. */
type Names = Map<string, Entry | Set<Entry>>

const NO_ENTRIES: readonly Entry[] = []
const NO_NAMES: readonly string[] = []
const NO_ORIGINS: readonly ExchangedFrom[] = []

/** The index of one cache. */
export class EntryIndex {
  readonly #byPartition = new Map<number, Set<Entry>>()
  readonly #byToken: Names = new Map()
  readonly #byGrant: Names = new Map()
  readonly #bySession: Names = new Map()
  /** Plain answers only, so that a role change does not pass over the answers in contexts it does not name. */
  readonly #bySubject: Names = new Map()
  readonly #bySubjectInContexts: Names = new Map()
  readonly #byContext: Names = new Map()

  add(entry: Entry): void {
    const siblings = this.#byPartition.get(entry.partition)
    if (siblings === undefined) this.#byPartition.set(entry.partition, new Set([entry]))
    else siblings.add(entry)
    this.#forNamesOf(entry, addTo)
  }

  remove(entry: Entry): void {
    this.#byPartition.get(entry.partition)?.delete(entry)
    this.#forNamesOf(entry, removeFrom)
  }

  clear(): void {
    this.#byPartition.clear()
    this.#byToken.clear()
    this.#byGrant.clear()
    this.#bySession.clear()
    this.#bySubject.clear()
    this.#bySubjectInContexts.clear()
    this.#byContext.clear()
  }

  ofPartition(partition: number): Iterable<Entry> {
    return this.#byPartition.get(partition) ?? NO_ENTRIES
  }

  /** The entries that an event touches. Some may come more than once, some may be of other partitions. */
  touchedBy(partition: number, event: SingleEvent): Iterable<Entry> {
    switch (event.type) {
      case 'token':
        return find(this.#byToken, event.jti)
      case 'grant':
        return find(this.#byGrant, event.grant_id)
      case 'session':
        return find(this.#bySession, event.sid)
      case 'subject':
        return this.#touchedBySubject(event)
      case 'subject_client':
        return ofClient(this.#ofSubject(event.sub), event.client_id)
      case 'client':
        return ofClient(this.ofPartition(partition), event.client_id)
      default:
        return this.ofPartition(partition)
    }
  }
  #touchedBySubject(event: SubjectEvent): readonly Entry[] {
    const { sub } = event
    const changed = changedContexts(event)
    if (changed === undefined) return this.#ofSubject(sub)
    const inContexts = changed.flatMap((context) => [
      ...find(this.#byContext, contextName(sub, context)),
    ])
    return [...find(this.#bySubject, sub), ...inContexts]
  }

  #ofSubject(sub: string): readonly Entry[] {
    return [...find(this.#bySubject, sub), ...find(this.#bySubjectInContexts, sub)]
  }

  #forNamesOf(entry: Entry, change: typeof addTo): void {
    const { jti, grantId, sid, sub, contexts, origins } = entry.groups
    change(this.#byToken, jti, entry)
    change(this.#byGrant, grantId, entry)
    if (sid !== '') change(this.#bySession, sid, entry)
    change(contexts === undefined ? this.#bySubject : this.#bySubjectInContexts, sub, entry)
    for (const context of contexts ?? NO_NAMES) {
      change(this.#byContext, contextName(sub, context), entry)
    }
    for (const origin of origins ?? NO_ORIGINS) {
      change(this.#byToken, origin.jti, entry)
      change(this.#byGrant, origin.grant_id, entry)
    }
  }
}

/** A context contains no space, so no two pairs have the same name. */
function contextName(sub: string, context: string): string {
  return `${context} ${sub}`
}

function addTo(names: Names, name: string, entry: Entry): void {
  const found = names.get(name)
  if (found === undefined || found === entry) names.set(name, entry)
  else if (found instanceof Set) found.add(entry)
  else names.set(name, new Set([found, entry]))
}

function removeFrom(names: Names, name: string, entry: Entry): void {
  const found = names.get(name)
  if (found instanceof Set) {
    found.delete(entry)
    if (found.size === 0) names.delete(name)
  } else if (found === entry) {
    names.delete(name)
  }
}

function find(names: Names, name: string): Iterable<Entry> {
  const found = names.get(name)
  if (found === undefined) return NO_ENTRIES
  return found instanceof Set ? found : [found]
}

function* ofClient(entries: Iterable<Entry>, clientId: string): Iterable<Entry> {
  for (const entry of entries) if (isOfClient(entry.groups, clientId)) yield entry
}
