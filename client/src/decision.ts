/**
 * From facts to a decision. Nothing is cached here: one token's facts serve many routes, each of which asks for something
 * else. RFC 6750 decides the words.
 */
import type { ActiveToken, IntrospectionResponse } from './wire/index.ts'

/** Where the facts of a decision came from. */
export type Source =
  /** The cache, within the staleness bound. */
  | 'cache'
  /** The service, asked for this decision or for another that was still waiting for the same answer. */
  | 'live'
  /** The cache beyond the bound, because the caller opted in and the service was out of reach. */
  | 'stale'

/** What a route demands besides a live token. */
export type Requirements = {
  /** Scopes that must all have been granted, space-separated. */
  readonly scope?: string
  /** A resource that must be in `aud`. */
  readonly audience?: string
} & (
  | {
      readonly role?: undefined
      readonly permission?: undefined
      /** Where the facts are resolved. */
      readonly context?: string
      readonly parents?: undefined
    }
  | (Place & {
      /** A role that must be held in the context, or everywhere. */
      readonly role: string
      readonly permission?: string
    })
  | (Place & {
      readonly role?: string
      /** What a role held in the context, or everywhere, must allow. */
      readonly permission: string
    })
)

/** Where a role or permission must be held. */
type Place = {
  /** Such as `course:123`; `*` says "everywhere" on purpose. */
  readonly context: string
  /**
   * Contexts above it, where the role or permission may be held as well: a school whose administrators act on its courses.
   * You know which they are; Claimcheck does not. At most 20, none of them `*`, and only above a context that is not `*`.
   */
  readonly parents?: readonly string[]
}

/** What may be done, or how to refuse it. */
export type Decision =
  | {
      readonly ok: true
      readonly claims: ActiveToken
      readonly source: Source
      /** Epoch milliseconds: every change made before this time is included. */
      readonly asOf: number
    }
  | Refusal

/** How to answer a request that may not go on. */
export interface Refusal {
  readonly ok: false
  /** 401: no good token. 403: a good token that does not allow this. 503: nobody can know right now. */
  readonly status: 401 | 403 | 503
  readonly error: 'invalid_token' | 'insufficient_scope' | 'temporarily_unavailable' | undefined
  /** Value of the header `WWW-Authenticate`; absent with 503. */
  readonly wwwAuthenticate: string | undefined
  /** Value of the header `Retry-After`, in seconds; only with 503. */
  readonly retryAfterSeconds: number | undefined
}

const RETRY_AFTER_SECONDS = 1

/** No token was presented: no error code, so as not to say more than was asked (RFC 6750 §3.1). */
export const MISSING_TOKEN: Refusal = refusal(401, undefined, 'Bearer realm="claimcheck"')

/** Expired, revoked, unknown, not for us: all alike. */
export const INVALID_TOKEN: Refusal = refusal(
  401,
  'invalid_token',
  'Bearer realm="claimcheck", error="invalid_token", error_description="the access token is not valid here"',
)

/** The truth cannot be had: not the user's fault, so not a 401. */
export const UNAVAILABLE: Refusal = Object.freeze({
  ok: false,
  status: 503,
  error: 'temporarily_unavailable',
  wwwAuthenticate: undefined,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
})

/** Judges facts; `undefined` means that everything demanded is there. */
export function refuse(facts: IntrospectionResponse, needs: Requirements): Refusal | undefined {
  if (!isActive(facts)) return INVALID_TOKEN
  // As an element: a text that merely contains it is another audience.
  if (needs.audience !== undefined && !includes(facts.aud, needs.audience)) return INVALID_TOKEN
  if (needs.scope !== undefined && !hasScopes(facts, needs.scope)) {
    return insufficientScope(needs.scope)
  }
  const { role, permission } = needs
  const places = placesOf(needs)
  if (role !== undefined && !holdsRole(facts, role, places)) return insufficientScope()
  if (permission !== undefined && !holdsPermission(facts, permission, places)) {
    return insufficientScope()
  }
  return undefined
}

/** The contexts in which facts must be known to decide; none where those of everywhere are enough. */
export function placesOf({ context, parents = [] }: Requirements): readonly string[] {
  return context === undefined || context === '*' ? [] : [context, ...parents]
}

/** Whether an answer that was asked for without contexts decides in any: what it does not name holds nothing. */
export function isComplete(plain: ActiveToken): boolean {
  return plain.context_roles_complete === true
}

/** Tells an active answer from an inactive one; the index signature of claims hides it from the compiler. */
export function isActive(facts: IntrospectionResponse): facts is ActiveToken {
  return facts.active === true
}

function hasScopes(facts: ActiveToken, wanted: string): boolean {
  const granted = new Set((facts.scope ?? '').split(' '))
  return wanted.split(' ').every((scope) => granted.has(scope))
}

function holdsRole(facts: ActiveToken, role: string, places: readonly string[]): boolean {
  // A role held everywhere holds in every context.
  return (
    includes(facts.roles, role) ||
    places.some((place) => includes(member(facts.context_roles, place), role))
  )
}

function holdsPermission(
  { permissions }: ActiveToken,
  permission: string,
  places: readonly string[],
): boolean {
  return (
    includes(member(permissions, '*'), permission) ||
    places.some((place) => includes(member(permissions, place), permission))
  )
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

function includes(list: unknown, wanted: string): boolean {
  return Array.isArray(list) && list.includes(wanted)
}

function insufficientScope(scope?: string): Refusal {
  const named =
    scope === undefined ? '' : `, scope="${scope.replace(/[^\x21\x23-\x5b\x5d-\x7e ]/g, '?')}"`
  return refusal(
    403,
    'insufficient_scope',
    `Bearer realm="claimcheck", error="insufficient_scope"${named}`,
  )
}

function refusal(status: 401 | 403, error: Refusal['error'], wwwAuthenticate: string): Refusal {
  return Object.freeze({ ok: false, status, error, wwwAuthenticate, retryAfterSeconds: undefined })
}
