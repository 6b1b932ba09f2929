/**
 * Sums up what the server said about found tokens: how many were live, whose, since when. Bounded: of very many subjects
 * only the first are kept by name, the counts are always of all.
 */
import type { Json } from '../service/api.ts'
import { numberOf, textOf } from '../service/fields.ts'
import type { Counts } from './file-work.ts'

/** A sum in the making. */
export interface Tally {
  /** Takes one answer of the server. */
  add(answer: Json): void
  counts(): Counts
  /** Grants whose access token alone was taken back: they can mint another. */
  grantsLeft(): ReadonlySet<string>
  restore(counts: Counts): void
  /** The tokens that are ours, as long as they are few; else none. */
  tokens(): readonly Json[]
  /** Those with most live tokens first. */
  subjects(): readonly Json[]
  hasMoreSubjects(): boolean
}

interface OfSubject {
  sub: string
  live: number
  found: number
  /** When the earliest of the found ones was issued. */
  since: number | undefined
}

const MAX_SUBJECTS = 10_000
const MAX_TOKENS = 100

/** Answers to texts that are no token of this installation. */
const STRANGERS: ReadonlySet<unknown> = new Set(['not-a-token', 'not-found'])

/** Makes a sum of nothing. */
export function createTally(): Tally {
  const counts = { live: 0, already_void: 0, spared: 0, unknown: 0, failed: 0 }
  const subjects = new Map<string, OfSubject>()
  const cut = new Set<string>()
  const left = new Set<string>()
  let tokens: Json[] = []
  let isFew = true
  let isPartial = false

  function addToSubject({ sub, outcome, issued_at }: Json): void {
    const name = textOf(sub)
    if (name === '') return
    let of = subjects.get(name)
    if (of === undefined) {
      if (subjects.size >= MAX_SUBJECTS) {
        isPartial = true
        return
      }
      of = { sub: name, live: 0, found: 0, since: undefined }
      subjects.set(name, of)
    }
    of.found += 1
    if (outcome === 'revoked') of.live += 1
    const issued = numberOf(issued_at)
    if (issued !== undefined) of.since = Math.min(of.since ?? issued, issued)
  }

  function noteGrant({ level, jti, grant_id, outcome }: Json): void {
    const grant = textOf(grant_id)
    if (level === 'grant') cut.add(grant)
    // A token that is a grant of its own lends it its id.
    else if (outcome === 'revoked' && level === 'token' && grant !== textOf(jti)) left.add(grant)
  }

  return {
    add(answer) {
      const { outcome, error } = answer
      if (outcome === 'revoked') counts.live += 1
      else if (outcome === 'already_void') counts.already_void += 1
      else if (outcome === 'spared') counts.spared += 1
      else if (STRANGERS.has(error)) counts.unknown += 1
      else counts.failed += 1
      if (outcome === undefined) return
      addToSubject(answer)
      if (left.size < MAX_SUBJECTS) noteGrant(answer)
      isFew = isFew && tokens.length < MAX_TOKENS
      if (isFew) tokens.push(answer)
      else tokens = []
    },
    counts: () => ({ ...counts }),
    grantsLeft: () => new Set([...left].filter((grant) => !cut.has(grant))),
    restore(earlier) {
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
        counts[name] = earlier[name] ?? 0
      }
      // What the earlier run had found is counted but no longer known one by one.
      isPartial = true
    },
    tokens: () => tokens,
    subjects: () =>
      [...subjects.values()].sort(
        (one, other) => other.live - one.live || other.found - one.found,
      ) as unknown as Json[],
    hasMoreSubjects: () => isPartial,
  }
}
