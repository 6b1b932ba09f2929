/**
 * `POST /introspect` (RFC 7662) and `POST /introspect/batch`. One token is one round trip to Redis: the caller's own
 * registration comes with the answer and is judged before anything of the answer is used.
 */
import type { Router } from '@koa/router'
import { FRESHNESS_HEADER, formatFreshness } from '../client/src/wire/index.ts'
import type { AuditTrail } from '../http/audit/audit-trail.ts'
import type { AuthFailures } from '../http/auth/client-auth.ts'
import { presentedCredentials } from '../http/auth/client-credentials.ts'
import { type Form, NO_FORM, readForm } from '../http/body/form.ts'
import { readJson } from '../http/body/json.ts'
import { invalidRequest, OAuthError } from '../http/errors/oauth-error.ts'
import type {
  RequestContext,
  RequestState,
  RouteContext,
} from '../http/pipeline/request-context.ts'
import { replyJson } from '../http/reply/reply.ts'
import type { ContextQuestion } from '../store/roles/resolve.ts'
import type { Store } from '../store/store.ts'
import { type Answer, answerFor } from './answer.ts'
import { authenticateCaller, claimedClientId, proveCaller } from './caller.ts'
import { readContexts } from './context-parameter.ts'
import type { CountOutcome } from './outcome-counter.ts'

/** Path of the endpoint; the batch lies below it. */
export const INTROSPECT_PATH = '/introspect'

/** Most tokens one batch may hold. */
export const MAX_BATCH_TOKENS = 100

/** Most contexts one batch may ask about, over all its tokens: what bounds its answer. */
export const MAX_BATCH_CONTEXTS = 1_000

/** What the endpoints are made from. */
export interface IntrospectionOptions {
  readonly store: Pick<Store, 'tokens' | 'clients'>
  readonly failures: AuthFailures
  /** `iss` of every answer. */
  readonly issuer: string
  readonly count: CountOutcome
  readonly trail: Pick<AuditTrail, 'refusedAction'>
}

interface Question {
  readonly token: string
  readonly contexts: ContextQuestion
}

/** Adds both endpoints to a router. @returns the handler of `POST /introspect`, for a shortcut to it */
export function addIntrospection(
  router: Router<RequestState>,
  options: IntrospectionOptions,
): (context: RequestContext) => Promise<void> {
  const { store, failures, issuer, trail } = options

  /** A resource server that asks about tokens for others is worth knowing of. */
  function count(state: RequestState, outcome: Answer['outcome']): void {
    options.count(outcome)
    if (outcome === 'audience') trail.refusedAction(state, 'introspection.refused', 'audience')
  }

  async function introspect(ctx: RequestContext): Promise<void> {
    const form = await readForm(ctx.req)
    const presented = presentedCredentials(ctx.req, form)
    const callerId = claimedClientId(presented)
    const question = readQuestion(form)
    if (callerId === '' || question instanceof OAuthError) {
      await authenticateCaller(presented, store.clients, ctx.state, failures)
      throw question
    }
    const { token, contexts } = question
    const { state, caller } = await store.tokens.introspect(token, callerId, contexts)
    const proved = await proveCaller(presented, caller, ctx.state, failures)
    const answer = answerFor(state, proved, issuer)
    count(ctx.state, answer.outcome)
    if (answer.stamp !== undefined)
      ctx.res.setHeader(FRESHNESS_HEADER, formatFreshness([answer.stamp]))
    replyJson(ctx, 200, answer.json)
  }

  async function introspectBatch(ctx: RouteContext): Promise<void> {
    const presented = presentedCredentials(ctx.req, NO_FORM)
    const caller = await authenticateCaller(presented, store.clients, ctx.state, failures)
    const questions = readBatch(await readJson(ctx.req))
    const readings = await Promise.all(
      questions.map(({ token, contexts }) => store.tokens.introspect(token, '', contexts)),
    )
    const answers = readings.map(({ state }) => answerFor(state, caller, issuer))
    for (const { outcome } of answers) count(ctx.state, outcome)
    if (answers.some(({ stamp }) => stamp !== undefined)) {
      ctx.res.setHeader(FRESHNESS_HEADER, formatFreshness(answers.map(({ stamp }) => stamp)))
    }
    replyJson(ctx, 200, `{"results":[${answers.map(({ json }) => json).join(',')}]}`)
  }

  router.post(INTROSPECT_PATH, introspect)
  router.post(`${INTROSPECT_PATH}/batch`, introspectBatch)
  return introspect
}

/** What is asked, or why it cannot be: told only to a caller who is proved. */
function readQuestion({ values }: Form): Question | OAuthError {
  const token = values.get('token')
  if (token === undefined) return invalidRequest('the parameter token is required')
  try {
    return { token, contexts: readContexts(values.get('context')) }
  } catch (error) {
    if (error instanceof OAuthError) return error
    throw error
  }
}

function readBatch(body: unknown): readonly Question[] {
  const { tokens, context } = body as { readonly tokens?: unknown; readonly context?: unknown }
  if (!Array.isArray(tokens)) throw invalidRequest('the member tokens must be an array of strings')
  if (tokens.length > MAX_BATCH_TOKENS) {
    throw invalidRequest(`the member tokens may hold at most ${MAX_BATCH_TOKENS} tokens`)
  }
  if (!tokens.every((token) => typeof token === 'string')) {
    throw invalidRequest('every element of tokens must be a string')
  }
  const contextsOf = readBatchContexts(context, tokens.length)
  const questions = tokens.map((token: string, index) => ({ token, contexts: contextsOf(index) }))
  const asked = questions.reduce((sum, { contexts }) => sum + countOf(contexts), 0)
  if (asked > MAX_BATCH_CONTEXTS) {
    throw invalidRequest(`a batch may ask about at most ${MAX_BATCH_CONTEXTS} contexts in all`)
  }
  return questions
}

function countOf(contexts: ContextQuestion): number {
  return contexts === 'all' ? 0 : contexts.length
}

/** One text for all tokens, or one for each. */
function readBatchContexts(context: unknown, count: number): (index: number) => ContextQuestion {
  if (context === undefined || typeof context === 'string') {
    const common = readContexts(context)
    return () => common
  }
  const isList = Array.isArray(context) && context.every((text) => typeof text === 'string')
  if (!isList || context.length !== count) {
    throw invalidRequest('the member context must be a string, or an array of strings, one a token')
  }
  const each = context.map((text: string) => readContexts(text))
  return (index) => each[index] as ContextQuestion
}
