/**
 * Turns facts into a decision. Decisions are not cached: the facts of one token serve many routes with different demands.
 * RFC 6750 §3 determines status, header and error code of a refusal.
 */
import type { ActiveToken, IntrospectionResponse } from './wire/index.ts'

/** Where the facts of a decision came from. */
export type Source =
  /** The cache, within the staleness bound. */
  | 'cache'
  /** The service. Decisions that wait for the same answer at the same time share one request. */
  | 'live'
  /** The cache, older than the bound: the service was out of reach and `allowStaleMs` allowed it. */
  | 'stale'

/**
 * What a request needs besides a valid token. Everything named must be met. A role or permission must come with its context.
 */
export type Requirements<Context = string, Parents = readonly string[]> = {
  /**
   * Scopes that must all have been granted, separated by single spaces. If one is missing, the request is refused with 403.
   *
   * @see [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)
   */
  readonly scope?: string
  /**
   * A resource that must be an element of `aud`. If it is not, the request is refused with 401. The service already answers
   * "inactive" for tokens without any resource of this client; name one here if the client has several.
   *
   * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)
   */
  readonly audience?: string
} & (
  | {
      readonly role?: undefined
      readonly permission?: undefined
      /** Context in which the roles are resolved, for a handler that looks at them; by itself it demands nothing. */
      readonly context?: Context
      readonly parents?: undefined
    }
  | Held<Context, Parents, 'role'>
  | Held<Context, Parents, 'permission'>
)

/** A role, a permission or both, and where they must be held. */
type Held<Context, Parents, Needed extends 'role' | 'permission'> = Required<Pick<Names, Needed>> &
  Names & {
    /** A context, such as `course:123`. `*` demands that it is held everywhere. */
    readonly context: Context
    /**
     * Contexts in which the role or permission may be held instead, such as the school of a course. Claimcheck does not know
     * how contexts are nested, so the caller names them. Must be at most 20 names, without `*`; `context` must not be `*`.
     */
    readonly parents?: Parents
  }

type Names = {
  /** A role that must be held in the context, in a parent, or everywhere. */
  readonly role?: string
  /** A permission that a role held in the context, in a parent, or everywhere must carry. */
  readonly permission?: string
}

/** Whether a request may proceed: `ok` with the facts, or how to refuse it. */
export type Decision =
  | {
      readonly ok: true
      /** The facts about the token, shared and frozen. */
      readonly claims: ActiveToken
      /** Where they come from. */
      readonly source: Source
      /** Milliseconds since 1970: the facts include every change made before this time. */
      readonly asOf: number
    }
  | Refusal

/**
 * How to answer a request that may not proceed.
 *
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export interface Refusal {
  readonly ok: false
  /** 401: no valid token. 403: a valid token that does not allow this. 503: an outage; the token may be valid or not. */
  readonly status: 401 | 403 | 503
  /** Error code for the body; `undefined` when no token was presented (RFC 6750 §3.1). */
  readonly error: 'invalid_token' | 'insufficient_scope' | 'temporarily_unavailable' | undefined
  /** Value of the header `WWW-Authenticate`; `undefined` with 503. */
  readonly wwwAuthenticate: string | undefined
  /** Value of the header `Retry-After`, in seconds; `undefined` unless the status is 503. */
  readonly retryAfterSeconds: number | undefined
}

const RETRY_AFTER_SECONDS = 1

/** No token was presented. RFC 6750 §3.1 wants no error code then. */
export const MISSING_TOKEN: Refusal = refusal(401, undefined, 'Bearer realm="claimcheck"')

/** The same for expired, revoked and unknown tokens, and for those of other resources. */
export const INVALID_TOKEN: Refusal = refusal(
  401,
  'invalid_token',
  'Bearer realm="claimcheck", error="invalid_token", error_description="the access token is not valid here"',
)

/** An outage. A 401 would make the user log in again for no reason. */
export const UNAVAILABLE: Refusal = Object.freeze({
  ok: false,
  status: 503,
  error: 'temporarily_unavailable',
  wwwAuthenticate: undefined,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
})

/** Compares facts with demands; `undefined` means that all are met. */
export function refuse(facts: IntrospectionResponse, needs: Requirements): Refusal | undefined {
  if (!isActive(facts)) return INVALID_TOKEN
  // Elements are compared as a whole: a text that contains the resource is another audience.
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

/** The contexts in which roles must be resolved for a decision; none if roles held everywhere decide. */
export function placesOf({ context, parents = [] }: Requirements): readonly string[] {
  return context === undefined || context === '*' ? [] : [context, ...parents]
}

/** Whether an answer without contexts decides in every context: then no role is held in those it does not name. */
export function isComplete(plain: ActiveToken): boolean {
  return plain.context_roles_complete === true
}

/** Whether an answer is active. The compiler cannot narrow it by `active`, because of the index signature of claims. */
export function isActive(facts: IntrospectionResponse): facts is ActiveToken {
  return facts.active === true
}

function hasScopes(facts: ActiveToken, wanted: string): boolean {
  const granted = new Set((facts.scope ?? '').split(' '))
  return wanted.split(' ').every((scope) => granted.has(scope))
}

function holdsRole(facts: ActiveToken, role: string, places: readonly string[]): boolean {
  // A role held everywhere is held in every context.
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
