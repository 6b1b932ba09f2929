/**
 * The common part of all middleware: reads the `Authorization` header, asks for a decision, and formulates the refusal
 * (RFC 6750). It knows no framework; koa.ts, express.ts, fastify.ts and hono.ts carry out its verdict.
 *
 * It fails closed. Options that are misspelt or undefined are errors when the middleware is made. Every failure in a request
 * is thrown to the framework's error handling; the request does not proceed. Tokens in the query or the body are ignored.
 */
import type { Client } from '../client.ts'
import { MISSING_TOKEN, type Refusal, type Requirements } from '../decision.ts'
import {
  type AuthorizeOptions,
  assertContext,
  assertDemands,
  assertParents,
  lookupRules,
} from '../demands.ts'
import { invalidType } from '../errors.ts'
import type { ActiveToken } from '../wire/index.ts'

/** The part of a client that the middleware uses. */
export type Authorizer = Pick<Client, 'authorize'>

/**
 * Where a role or permission must be held: a context, or a function that finds it for the request. A context is a type, a
 * colon and an id in visible ASCII without spaces, such as `course:123`; `*` demands that it is held everywhere.
 *
 * The function is called when a well-formed token was presented, before the token is checked. If it throws, or does not return
 * a context, the error goes to the framework's error handling.
 */
export type ContextSource<Input> = string | ((input: Input) => string | Promise<string>)

/**
 * Contexts in which the role or permission may be held instead: a list of at most 20, without `*`, or a function that finds it
 * for the request. The function is called after that for the context.
 */
export type ParentsSource<Input> =
  | readonly string[]
  | ((input: Input) => readonly string[] | Promise<readonly string[]>)

/**
 * What a route demands, and how recent the facts must be. A role or permission must come with a context, which is what such
 * checks forget most often.
 */
export type Protection<Input> = Requirements<ContextSource<Input>, ParentsSource<Input>> &
  AuthorizeOptions

/** The content of the `Authorization` header. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  /** No header, or a scheme other than Bearer. */
  | { readonly kind: 'none' }
  /** Bearer without a token or with more than one, or several headers. */
  | { readonly kind: 'malformed' }

/** The headers of a request as Node, and frameworks on top of it, show them. */
export interface NodeHeaders {
  readonly headers: { readonly authorization?: string | undefined }
  /** Names and values in turn. Only here a repeated `Authorization` header is visible. */
  readonly rawHeaders?: readonly string[] | undefined
}

/** An answer for the framework to send. */
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** To be sent as JSON; `undefined` for an empty body. */
  readonly body: { readonly error: string } | undefined
}

/** Whether a request may proceed. */
type Verdict =
  | { readonly ok: true; readonly claims: ActiveToken }
  | { readonly ok: false; readonly answer: Answer }

/** Checks one request. If it rejects, the request must fail. */
export type Guard<Input> = (credentials: Credentials, input: Input) => Promise<Verdict>

/** RFC 6750 §2.1: the scheme in any case, spaces, `b64token`. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
const BEARER_SCHEME = /^bearer(?: |$)/i
/** Some servers join repeated headers with commas, so a bearer token may come after another scheme. */
const JOINED_BEARER = /, *bearer(?: |$)/i

/** Takes the place of a function's result while the protection is checked. */
const ANY_CONTEXT = 'any:context'

type Members = Readonly<Record<string, unknown>>

const NONE: Credentials = Object.freeze({ kind: 'none' })
const MALFORMED: Credentials = Object.freeze({ kind: 'malformed' })

const MALFORMED_REQUEST: Verdict = refused(
  400,
  'invalid_request',
  'Bearer realm="claimcheck", error="invalid_request", error_description="one Authorization header with one bearer token is expected"',
)
const NO_CREDENTIALS: Verdict = toVerdict(MISSING_TOKEN)

/** Reads credentials from Node's view of a request. */
export function credentialsOf({ headers, rawHeaders = [] }: NodeHeaders): Credentials {
  const repeated = rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization',
  )
  // Node keeps the first of several headers. More than one is an error (RFC 6750 §2), which only the raw list shows.
  return repeated.length > 1 ? MALFORMED : parseCredentials(headers.authorization)
}

/** Reads credentials from the value of the `Authorization` header. */
export function parseCredentials(authorization: string | null | undefined): Credentials {
  if (authorization === undefined || authorization === null) return NONE
  // JavaScript callers may pass any value.
  if (typeof authorization !== 'string') return MALFORMED
  const token = BEARER.exec(authorization)?.[1]
  if (token !== undefined) return { kind: 'token', token }
  const isMeantForUs = BEARER_SCHEME.test(authorization) || JOINED_BEARER.test(authorization)
  return isMeantForUs ? MALFORMED : NONE
}

/**
 * Makes the guard of a route.
 *
 * @throws {TypeError} or {RangeError} naming what is wrong with the protection
 */
export function createGuard<Input>(
  claims: Authorizer,
  protection: Protection<Input>,
): Guard<Input> {
  assertProtection(claims, protection)
  const { context, parents, freshness, allowStaleMs, ...demands } = protection
  const options: AuthorizeOptions = {
    ...(freshness === undefined ? {} : { freshness }),
    ...(allowStaleMs === undefined ? {} : { allowStaleMs }),
  }
  return async (credentials, input) => {
    if (credentials.kind === 'none') return NO_CREDENTIALS
    if (credentials.kind === 'malformed') return MALFORMED_REQUEST
    const place = typeof context === 'function' ? await context(input) : context
    if (context !== undefined) assertContext('context', place)
    const above = typeof parents === 'function' ? await parents(input) : parents
    if (parents !== undefined) assertParents(above)
    // A role or permission has a context: this was checked when the guard was made.
    const needs = {
      ...demands,
      ...(place === undefined ? {} : { context: place }),
      ...(above === undefined ? {} : { parents: above }),
    } as Requirements
    const decision = await claims.authorize(credentials.token, needs, options)
    return decision.ok === true ? { ok: true, claims: decision.claims } : toVerdict(decision)
  }
}

function toVerdict({ status, error, wwwAuthenticate, retryAfterSeconds }: Refusal): Verdict {
  return refused(status, error, wwwAuthenticate, retryAfterSeconds)
}

function refused(
  status: number,
  error: string | undefined,
  wwwAuthenticate: string | undefined,
  retryAfterSeconds?: number,
): Verdict {
  const headers = {
    'cache-control': 'no-store',
    ...(wwwAuthenticate === undefined ? {} : { 'www-authenticate': wwwAuthenticate }),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  }
  const body = error === undefined ? undefined : { error }
  return { ok: false, answer: { status, headers, body } }
}

function assertProtection(claims: Authorizer, protection: unknown): void {
  if (typeof claims?.authorize !== 'function') throw invalidType('claims', 'must be a client')
  if (typeof protection !== 'object' || protection === null) {
    throw invalidType('protection', 'must be an object')
  }
  for (const name of ['freshness', 'allowStaleMs']) {
    if (Object.hasOwn(protection, name) && (protection as Members)[name] === undefined) {
      throw invalidType(name, 'must not be undefined; leave it out')
    }
  }
  const { freshness, allowStaleMs, ...demands } = protection as Members
  lookupRules({ freshness, allowStaleMs })
  // The result of a function is checked in each request.
  assertDemands({
    ...demands,
    ...(typeof demands.context === 'function' ? { context: ANY_CONTEXT } : {}),
    ...(typeof demands.parents === 'function' ? { parents: [] } : {}),
  })
}
