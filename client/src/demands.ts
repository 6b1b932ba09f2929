/**
 * Checks what callers pass in: tokens, demands and the options of a look-up, for the client and for the middleware.
 *
 * A demand that is misspelt or undefined would let everyone in, and so would a role without its context, which is the
 * commonest hole in authorization. So every doubt is thrown as a mistake of the caller.
 */
import type { Requirements } from './decision.ts'
import { invalidArgument, invalidType } from './errors.ts'
import { isContext } from './wire/index.ts'

/** How to look up a token. */
export interface LookupOptions {
  /**
   * Contexts to resolve roles in, such as `course:123`. By default all contexts in which the subject holds a role, if there
   * are at most 100; `context_roles_complete` says whether these are all. Must be at most 100 names.
   */
  readonly contexts?: readonly string[]
  /**
   * How recent the answer must be. Default is `bounded`: the cache may answer within the staleness bound. `live` asks the
   * service after this call, whatever the cache says. That costs a round trip, so use it before what cannot be undone.
   */
  readonly freshness?: 'bounded' | 'live'
  /**
   * How much older than the staleness bound an answer may be during an outage of the service, in milliseconds. Default is 0:
   * an outage is an error. Must be a non-negative integer. A revoked token may be accepted for as long as the bound and this
   * time together, but never after its `exp`. Each such answer is counted in `health()` and published.
   */
  readonly allowStaleMs?: number
}

/** How to look up the facts of a decision. The context comes from the demands. */
export type AuthorizeOptions = Omit<LookupOptions, 'contexts'>

type Members = Readonly<Record<string, unknown>>

const MAX_TOKEN_LENGTH = 4_096
/** The token after `Bearer` (RFC 6750 §2.1). */
const B64_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
/** The service accepts as many. */
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

/** Whether a text could follow `Bearer`. Any other text was never issued, so the service need not be asked. */
export function isPresentable(token: unknown): boolean {
  if (typeof token !== 'string') throw invalidType('token', 'must be a string')
  return token.length <= MAX_TOKEN_LENGTH && B64_TOKEN.test(token)
}

/** The contexts of a look-up in one spelling: each once, sorted, separated by spaces. */
export function contextsOf(contexts: readonly string[]): string {
  for (const context of contexts) assertContext('contexts', context)
  const names = [...new Set(contexts)]
  if (names.length > MAX_CONTEXTS) {
    throw invalidArgument('contexts', `must not be more than ${MAX_CONTEXTS}`)
  }
  return names.sort().join(' ')
}

/** Throws unless a value is the name of a context. */
export function assertContext(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'must be a string')
  if (value !== '*' && !isContext(value)) {
    throw invalidArgument(name, 'must be a name such as "course:123", or "*" for everywhere')
  }
}

/** Throws unless a value can be the parents of a context. */
export function assertParents(value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw invalidType('parents', 'must be an array')
  if (value.length > MAX_PARENTS) {
    throw invalidArgument('parents', `must not be more than ${MAX_PARENTS}`)
  }
  for (const parent of value) {
    assertContext('parents', parent)
    if (parent === '*') {
      throw invalidArgument('parents', 'must not name "*": a role held everywhere counts anyway')
    }
  }
}

/**
 * Throws unless a value is a valid set of demands.
 *
 * @throws {TypeError} or {RangeError} naming the demand
 */
export function assertDemands(needs: unknown): asserts needs is Requirements {
  if (typeof needs !== 'object' || needs === null || Array.isArray(needs)) {
    throw invalidType('needs', 'must be an object')
  }
  for (const [name, value] of Object.entries(needs)) {
    if (!DEMANDS.has(name)) throw invalidArgument(name, 'is not a demand')
    // A demand that is undefined by accident would demand nothing.
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
  const needsPlace = role !== undefined || permission !== undefined
  if (context !== undefined) assertContext('context', context)
  else if (needsPlace) {
    throw invalidArgument(
      'context',
      'must say where the role or permission must be held; "*" means everywhere',
    )
  }
  if (parents === undefined) return
  assertParents(parents)
  if (!needsPlace || context === '*') {
    throw invalidArgument(
      'parents',
      'must come with a role or permission and its context, which must not be "*"',
    )
  }
}

/** Checks the options of a look-up and fills in the defaults. */
export function lookupRules(given: {
  readonly freshness?: unknown
  readonly allowStaleMs?: unknown
}): Required<AuthorizeOptions> {
  const { freshness = 'bounded', allowStaleMs = 0 } = given
  if (freshness !== 'bounded' && freshness !== 'live') {
    throw invalidArgument('freshness', 'must be "bounded" or "live"')
  }
  if (!Number.isSafeInteger(allowStaleMs) || (allowStaleMs as number) < 0) {
    throw invalidArgument('allowStaleMs', 'must be a non-negative integer')
  }
  return { freshness, allowStaleMs: allowStaleMs as number }
}
