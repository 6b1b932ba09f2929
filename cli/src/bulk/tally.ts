/**
 * Sums up the server's answers about found tokens: how many were live, whose they are, and since when. Memory is bounded:
 * only the first 10,000 subjects are kept by name, but the counts include all.
 */
import type { Json } from '../service/api.ts'
import { numberOf, textOf } from '../service/fields.ts'
import type { Counts } from './bulk.ts'

/** A running sum. */
export interface Tally {
  /** Adds one answer of the server. */
  add(answer: Json): void
  counts(): Counts
  /** Grants of which only an access token was revoked: they can still refresh. */
  liveGrants(): ReadonlySet<string>
  restore(counts: Counts): void
  /** The tokens of this installation; empty when there are more than 100. */
  tokens(): readonly Json[]
  /** The subjects, those with most live tokens first. */
  subjects(): readonly Json[]
  hasMoreSubjects(): boolean
}

interface OfSubject {
  sub: string
  live: number
  found: number
  /** When the earliest found token was issued. */
  since: number | undefined
}

const MAX_SUBJECTS = 10_000
const MAX_TOKENS = 100

/** The server's errors for a text that is not a token of this installation. */
const UNKNOWN_TOKEN_ERRORS: ReadonlySet<unknown> = new Set(['not-a-token', 'not-found'])

/** Makes an empty tally. */
export function createTally(): Tally {
  const counts = { live: 0, already_void: 0, spared: 0, unknown: 0, failed: 0 }
  const subjects = new Map<string, OfSubject>()
  const revokedGrants = new Set<string>()
  const hitGrants = new Set<string>()
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
    if (level === 'grant') revokedGrants.add(grant)
    // A token whose jti is the id of its grant is a grant by itself, without a refresh token.
    else if (outcome === 'revoked' && level === 'token' && grant !== textOf(jti)) {
      hitGrants.add(grant)
    }
  }

  return {
    add(answer) {
      const { outcome, error } = answer
      if (outcome === 'revoked') counts.live += 1
      else if (outcome === 'already_void') counts.already_void += 1
      else if (outcome === 'spared') counts.spared += 1
      else if (UNKNOWN_TOKEN_ERRORS.has(error)) counts.unknown += 1
      else counts.failed += 1
      if (outcome === undefined) return
      addToSubject(answer)
      if (hitGrants.size < MAX_SUBJECTS) noteGrant(answer)
      isFew = isFew && tokens.length < MAX_TOKENS
      if (isFew) tokens.push(answer)
      else tokens = []
    },
    counts: () => ({ ...counts }),
    liveGrants: () => new Set([...hitGrants].filter((grant) => !revokedGrants.has(grant))),
    restore(earlier) {
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
        counts[name] = earlier[name] ?? 0
      }
      // The earlier run saved its counts, but not its subjects.
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
