/**
 * The error of the admin API: RFC 9457 problem details. The list of types is closed and each type has one title, so a caller
 * can switch on `type` alone. `problem-response.ts` turns it into a body.
 *
 * `detail` and `errors` are public: they must not contain a token, secret, key or stack.
 */

export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is malformed' },
  'invalid-body': { status: 400, title: 'The body does not fit its schema' },
  unauthorized: { status: 401, title: 'A valid access token is required' },
  forbidden: { status: 403, title: 'The access token does not allow this' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'The request conflicts with the current state' },
  'precondition-failed': { status: 412, title: 'Somebody else has changed this meanwhile' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body is in an unsupported format' },
  unprocessable: { status: 422, title: 'The request cannot be carried out' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'internal-error': { status: 500, title: 'An internal error occurred' },
  'temporarily-unavailable': { status: 503, title: 'The service is temporarily unavailable' },
} as const

export type ProblemSlug = keyof typeof PROBLEMS

/** One mistake in a body: where it is (a JSON Pointer, '' for the whole body) and what is wrong. */
export interface BodyMistake {
  readonly pointer: string
  readonly detail: string
}

export interface ProblemOptions {
  readonly errors?: readonly BodyMistake[]
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

/** The absolute `type` URI of a problem. */
export function problemType(slug: ProblemSlug): string {
  return `urn:claimcheck:problem:${slug}`
}

export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code = 'ERR_CLAIMCHECK_PROBLEM'
  readonly slug: ProblemSlug
  readonly status: number
  readonly detail: string
  readonly errors: readonly BodyMistake[] | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly expose: boolean

  constructor(slug: ProblemSlug, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.slug = slug
    this.status = PROBLEMS[slug].status
    this.detail = detail
    this.errors = options.errors
    this.headers = options.headers ?? NO_HEADERS
    this.expose = this.status < 500
  }
}
