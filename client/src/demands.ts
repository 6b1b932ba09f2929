/**
 * What a caller may ask for: tokens, demands and the ways of a look-up, checked in one place for the client and for the
 * middleware. A demand that is misspelt or undefined would be an open door, and so would a role that forgets where it
 * holds: the commonest hole in authorization. So every doubt is thrown as the caller's mistake.
 */
import type { Requirements } from './decision.ts'
import { invalidArgument, invalidType } from './errors.ts'
import { isContext } from './wire/index.ts'

/** How facts are looked up. */
export interface LookupRules {
  readonly freshness: 'bounded' | 'live'
  readonly allowStaleMs: number
}

type Members = Readonly<Record<string, unknown>>

const MAX_TOKEN_LENGTH = 4_096
/** What may stand behind `Bearer` (RFC 6750 §2.1). */
const B64_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
/** The service takes as many at once. */
const MAX_CONTEXTS = 100
const MAX_PARENTS = 20
const DEMANDS: ReadonlySet<string> = new Set([
  'scope',
  'audience',
  'role',
  'permission',
  'context',
  'parents',
])

/** What could not stand behind `Bearer` was never issued, and is not worth asking about. */
export function isPresentable(token: unknown): boolean {
  if (typeof token !== 'string') throw invalidType('token', 'must be a string')
  return token.length <= MAX_TOKEN_LENGTH && B64_TOKEN.test(token)
}

/** The contexts of a look-up as they are asked for: each once, sorted, separated by spaces. */
export function contextsOf(contexts: readonly string[]): string {
  for (const context of contexts) assertContext('contexts', context)
  const names = [...new Set(contexts)]
  if (names.length > MAX_CONTEXTS) {
    throw invalidArgument('contexts', `must not be more than ${MAX_CONTEXTS}`)
  }
  return names.sort().join(' ')
}

/** Refuses what cannot name a context. */
export function assertContext(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'must give a string')
  if (value !== '*' && !isContext(value)) {
    throw invalidArgument(name, 'must be a name such as "course:123", or "*" for everywhere')
  }
}

/** Refuses what cannot be the contexts above one. */
export function assertParents(value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw invalidType('parents', 'must give an array')
  if (value.length > MAX_PARENTS) {
    throw invalidArgument('parents', `must not be more than ${MAX_PARENTS}`)
  }
  for (const parent of value) {
    assertContext('parents', parent)
    if (parent === '*') {
      throw invalidArgument('parents', 'must not name "*": what holds everywhere counts anyway')
    }
  }
}

/**
 * Refuses demands that are not exactly what they should be.
 *
 * @throws {TypeError} or {RangeError} naming the demand
 */
export function assertDemands(needs: unknown): asserts needs is Requirements {
  if (typeof needs !== 'object' || needs === null || Array.isArray(needs)) {
    throw invalidType('needs', 'must be an object')
  }
  for (const [name, value] of Object.entries(needs)) {
    if (!DEMANDS.has(name)) throw invalidArgument(name, 'is not something to demand')
    // A demand that was left undefined by accident would be no demand at all.
    if (value === undefined) throw invalidType(name, 'must not be undefined; leave it out')
  }
  const { scope, audience, role, permission, context, parents } = needs as Members
  for (const [name, value] of Object.entries({ audience, role, permission })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw invalidType(name, 'must be a string that is not empty')
    }
  }
  if (scope !== undefined && (typeof scope !== 'string' || !SCOPES.test(scope))) {
    throw invalidArgument('scope', 'must be names separated by single spaces')
  }
  const isHeld = role !== undefined || permission !== undefined
  if (context !== undefined) assertContext('context', context)
  else if (isHeld) {
    throw invalidArgument(
      'context',
      'must say where the role or permission holds; "*" says everywhere on purpose',
    )
  }
  if (parents === undefined) return
  assertParents(parents)
  if (!isHeld || context === '*') {
    throw invalidArgument(
      'parents',
      'must stand above the context of a role or permission, which is not "*"',
    )
  }
}

/** Checks the ways of a look-up and fills in the defaults. */
export function lookupRules(given: {
  readonly freshness?: unknown
  readonly allowStaleMs?: unknown
}): LookupRules {
  const { freshness = 'bounded', allowStaleMs = 0 } = given
  if (freshness !== 'bounded' && freshness !== 'live') {
    throw invalidArgument('freshness', 'must be "bounded" or "live"')
  }
  if (!Number.isSafeInteger(allowStaleMs) || (allowStaleMs as number) < 0) {
    throw invalidArgument('allowStaleMs', 'must be a non-negative integer')
  }
  return { freshness, allowStaleMs: allowStaleMs as number }
}
