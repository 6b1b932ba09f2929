/** `POST /introspect/batch`: the answers of `POST /introspect` for up to {@link MAX_BATCH_TOKENS} tokens at once. */
import type { Router } from '@koa/router'
import { FRESHNESS_HEADER, formatFreshness } from '../client/src/wire/index.ts'
import { presentedCredentials } from '../http/auth/client-credentials.ts'
import { NO_FORM } from '../http/body/form.ts'
import { readJson } from '../http/body/json.ts'
import { invalidRequest } from '../http/errors/oauth-error.ts'
import type { RequestState, RouteContext } from '../http/pipeline/request-context.ts'
import { replyJson } from '../http/reply/reply.ts'
import type { ContextQuestion } from '../store/roles/resolve.ts'
import { answerFor } from './answer.ts'
import { authenticateCaller } from './caller.ts'
import {
  INTROSPECT_PATH,
  type IntrospectionOptions,
  type Question,
  readContexts,
} from './introspection-endpoint.ts'

/** Most tokens in one batch. */
const MAX_BATCH_TOKENS = 100

/** Most contexts that one batch may ask about, over all its tokens. This bounds its answer. */
const MAX_BATCH_CONTEXTS = 1_000

/** Adds the endpoint to a router. */
export function addBatchIntrospection(
  router: Router<RequestState>,
  { store, issuer, count }: IntrospectionOptions,
): void {
  router.post(`${INTROSPECT_PATH}/batch`, async (ctx: RouteContext) => {
    const presented = presentedCredentials(ctx.req, NO_FORM)
    const caller = await authenticateCaller(presented, store, ctx.state)
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
  })
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
  const asked = questions.reduce(
    (sum, { contexts }) => sum + (contexts === 'all' ? 0 : contexts.length),
    0,
  )
  if (asked > MAX_BATCH_CONTEXTS) {
    throw invalidRequest(`a batch may ask about at most ${MAX_BATCH_CONTEXTS} contexts in all`)
  }
  return questions
}

/** The member `context` is one string for all tokens, or an array with one string per token. */
function readBatchContexts(context: unknown, count: number): (index: number) => ContextQuestion {
  if (context === undefined || typeof context === 'string') {
    const common = readContexts(context)
    return () => common
  }
  const isList = Array.isArray(context) && context.every((text) => typeof text === 'string')
  if (!isList || context.length !== count) {
    throw invalidRequest('the member context must be a string, or an array of one string per token')
  }
  const each = context.map((text: string) => readContexts(text))
  return (index) => each[index] as ContextQuestion
}
