/**
 * Turns an error into an RFC 9457 body; no other file does. Code that serves both styles (body reading, bearer tokens) throws
 * OAuthError, which gets the problem type of its status here.
 */

import { type Replyable, replyJson, setNoStore } from '../reply/reply.ts'
import { scrubSecrets } from '../telemetry/scrub.ts'
import { exposedClientStatus, faultKind, RETRY_AFTER_SECONDS } from './fault.ts'
import { OAuthError } from './oauth-error.ts'
import { PROBLEMS, ProblemError, type ProblemSlug, problemType } from './problem.ts'

const SLUG_BY_STATUS: ReadonlyMap<number, ProblemSlug> = new Map(
  (Object.keys(PROBLEMS) as ProblemSlug[])
    .filter((slug) => slug !== 'invalid-body')
    .map((slug) => [PROBLEMS[slug].status, slug]),
)

/** The ProblemError to answer with for any error. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  if (error instanceof OAuthError) {
    return new ProblemError(slugOf(error.status), error.description, { headers: error.headers })
  }
  const status = exposedClientStatus(error)
  if (status !== undefined) return new ProblemError(slugOf(status), 'The request was refused.')
  if (faultKind(error) === 'internal') {
    return new ProblemError('internal-error', 'The log has the cause under this request id.')
  }
  return new ProblemError(
    'temporarily-unavailable',
    'Nothing was changed, or repeating the request completes it.',
    {
      headers: { 'Retry-After': RETRY_AFTER_SECONDS },
    },
  )
}

/** Sends the problem body. Nothing may have been sent before. */
export function sendProblem(ctx: Replyable, problem: ProblemError, requestId: string): void {
  setNoStore(ctx.res)
  for (const [name, value] of Object.entries(problem.headers)) ctx.res.setHeader(name, value)
  const body = {
    type: problemType(problem.slug),
    title: PROBLEMS[problem.slug].title,
    status: problem.status,
    detail: problem.detail,
    instance: `urn:claimcheck:request:${requestId}`,
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  }
  // `detail` and `errors` may quote the caller's text (member names).
  replyJson(ctx, problem.status, scrubSecrets(JSON.stringify(body)), 'application/problem+json')
}

function slugOf(status: number): ProblemSlug {
  return SLUG_BY_STATUS.get(status) ?? (status >= 500 ? 'internal-error' : 'invalid-request')
}
