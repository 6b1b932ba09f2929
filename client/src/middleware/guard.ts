/**
 * What the middleware of every framework has in common: reading the `Authorization` header, asking for a decision, and
 * wording the refusal (RFC 6750). It knows no framework; koa.ts, express.ts, fastify.ts and hono.ts carry its verdict out.
 *
 * It fails closed: options that are misspelt or undefined are refused when the middleware is made, and whatever goes wrong
 * in a request is thrown to the framework's own error handling, never waved through. Tokens in the query or the body are
 * not looked at.
 */
import type { AuthorizeOptions, Client } from '../client.ts'
import { MISSING_TOKEN, type Refusal, type Requirements } from '../decision.ts'
import { assertContext, assertDemands, assertParents, lookupRules } from '../demands.ts'
import { invalidType } from '../errors.ts'
import type { ActiveToken } from '../wire/index.ts'

/** The part of a client that middleware needs. */
export type Authorizer = Pick<Client, 'authorize'>

/**
 * Where a role or permission must hold: a name such as `course:123`, or how to take it from the request. Names are a type,
 * a colon and an id of visible ASCII without spaces; `*` says "everywhere" on purpose.
 *
 * The function is called once a well-formed token was presented, before the token is judged. What it throws goes to the
 * framework's error handling, and so does an answer that is no context name.
 */
export type ContextSource<Input> = string | ((input: Input) => string | Promise<string>)

/**
 * Contexts above that of a role or permission, where it may be held as well: a list, or how to find it for the request,
 * after its context. At most 20 names.
 */
export type ParentsSource<Input> =
  | readonly string[]
  | ((input: Input) => readonly string[] | Promise<readonly string[]>)

/** What a route demands. A role or permission needs a context: it is what such checks forget most often. */
export type Protection<Input> = Pick<Requirements, 'scope' | 'audience'> &
  AuthorizeOptions &
  (
    | {
        readonly role?: undefined
        readonly permission?: undefined
        /** Where the facts are resolved, for handlers that look at them. */
        readonly context?: ContextSource<Input>
        readonly parents?: undefined
      }
    | {
        /** A role that must be held in the context. */
        readonly role: string
        readonly permission?: string
        readonly context: ContextSource<Input>
        readonly parents?: ParentsSource<Input>
      }
    | {
        readonly role?: string
        /** A permission that must be held in the context. */
        readonly permission: string
        readonly context: ContextSource<Input>
        readonly parents?: ParentsSource<Input>
      }
  )

/** What the `Authorization` header holds. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  /** Nothing, or a scheme other than Bearer. */
  | { readonly kind: 'none' }
  /** Bearer without a token or with more than one, or several headers. */
  | { readonly kind: 'malformed' }

/** A request as Node shows it; frameworks on top of it do too. */
export interface NodeHeaders {
  readonly headers: { readonly authorization?: string | undefined }
  /** Names and values in turn. The only place where a repeated `Authorization` can be seen. */
  readonly rawHeaders?: readonly string[] | undefined
}

/** An answer for the framework to send. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** To be sent as JSON; nothing is to be sent when absent. */
  readonly body: { readonly error: string } | undefined
}

/** Whether a request may go on. */
export type Verdict =
  | { readonly ok: true; readonly claims: ActiveToken }
  | { readonly ok: false; readonly answer: Answer }

/** Judges one request. Rejects when it cannot, and the request must then fail. */
export type Guard<Input> = (credentials: Credentials, input: Input) => Promise<Verdict>

/** RFC 6750 §2.1: the scheme in any case, spaces, `b64token`. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
const BEARER_SCHEME = /^bearer(?: |$)/i
/** Where headers are joined by commas, a second one may hide behind another scheme. */
const JOINED_BEARER = /, *bearer(?: |$)/i

/** Stands for what a function will say. */
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
  // Node keeps the first of several and drops the rest, so only the raw list tells (RFC 6750 §2).
  return repeated.length > 1 ? MALFORMED : parseCredentials(headers.authorization)
}

/** Reads credentials from the value of the `Authorization` header. */
export function parseCredentials(authorization: string | null | undefined): Credentials {
  if (authorization === undefined || authorization === null) return NONE
  // Untyped code may have put anything there.
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
    // That a role or permission comes with a context was asserted when the guard was made.
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
  // What a function will say is checked when it has said it; until then any name stands for it.
  assertDemands({
    ...demands,
    ...(typeof demands.context === 'function' ? { context: ANY_CONTEXT } : {}),
    ...(typeof demands.parents === 'function' ? { parents: [] } : {}),
  })
}
