/**
 * `POST /introspect` (RFC 7662). One request is one round trip to Redis: the script that reads the token also reads the
 * caller's registration, and the caller is authorized before anything else from the reply is used.
 */
import type { Router } from '@koa/router'
import { Counter, type Registry } from 'prom-client'
import { FRESHNESS_HEADER, formatFreshness, isContext } from '../client/src/wire/index.ts'
import type { AuditTrail } from '../http/audit/audit-trail.ts'
import { presentedCredentials } from '../http/auth/client-credentials.ts'
import { type Form, readForm } from '../http/body/form.ts'
import { invalidRequest, OAuthError } from '../http/errors/oauth-error.ts'
import type { RequestContext, RequestState } from '../http/pipeline/request-context.ts'
import { replyJson } from '../http/reply/reply.ts'
import { type ContextQuestion, EVERYWHERE } from '../store/roles/resolve.ts'
import type { Store } from '../store/store.ts'
import { type Answer, answerFor } from './answer.ts'
import { authenticateCaller, authorizeCaller, callerIdOf } from './caller.ts'

/** Path of the endpoint; the batch endpoint lies below it. */
export const INTROSPECT_PATH = '/introspect'

/** Most contexts that may be asked about for one token. */
export const MAX_ASKED_CONTEXTS = 100

/** The parts both endpoints use. */
export interface IntrospectionOptions {
  readonly store: Pick<Store, 'tokens' | 'clients' | 'failures'>
  /** `iss` of every answer. */
  readonly issuer: string
  readonly count: CountOutcome
}

/** Counts one answer. */
type CountOutcome = (state: RequestState, outcome: Answer['outcome']) => void

/** One token to introspect. */
export interface Question {
  readonly token: string
  readonly contexts: ContextQuestion
}

/** Adds the endpoint to a router. @returns its handler, for the shortcut past Koa */
export function addIntrospection(
  router: Router<RequestState>,
  { store, issuer, count }: IntrospectionOptions,
): (context: RequestContext) => Promise<void> {
  async function introspect(ctx: RequestContext): Promise<void> {
    const form = await readForm(ctx.req)
    const presented = presentedCredentials(ctx.req, form)
    const callerId = callerIdOf(presented)
    const question = readQuestion(form)
    if (callerId === '' || question instanceof OAuthError) {
      await authenticateCaller(presented, store, ctx.state)
      throw question
    }
    const { token, contexts } = question
    const { state, caller } = await store.tokens.introspect(token, callerId, contexts)
    const authorized = await authorizeCaller(presented, caller, store, ctx.state)
    const { json, stamp, outcome } = answerFor(state, authorized, issuer)
    count(ctx.state, outcome)
    if (stamp !== undefined) ctx.res.setHeader(FRESHNESS_HEADER, formatFreshness([stamp]))
    replyJson(ctx, 200, json)
  }

  router.post(INTROSPECT_PATH, introspect)
  return introspect
}

/** Reads the form. An error is returned and not thrown, because only an authorized caller may see it. */
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

/**
 * Reads the extension parameter `context`: the contexts to resolve roles in, separated by spaces. Absent or empty means
 * all contexts, as far as they fit in an answer. `*` may be named and adds nothing, because roles held everywhere are always
 * in the answer.
 *
 * The number is bounded because each context costs a read. A malformed name is refused because it would silently resolve
 * to no roles.
 *
 * @throws {OAuthError} `invalid_request` for too many contexts or a malformed one
 */
export function readContexts(text: string | undefined): ContextQuestion {
  if (text === undefined || text === '') return 'all'
  const names = text.split(' ')
  if (names.length > MAX_ASKED_CONTEXTS) {
    throw invalidRequest(`the parameter context may name at most ${MAX_ASKED_CONTEXTS} contexts`)
  }
  for (const name of names) {
    if (name !== EVERYWHERE && !isContext(name)) {
      throw invalidRequest(
        'the parameter context must be contexts such as course:123, separated by single spaces',
      )
    }
  }
  return [...new Set(names)].filter((name) => name !== EVERYWHERE)
}

/**
 * Makes the counter of outcomes; its labels are a closed set of causes and never hold names. A token that is meant for
 * other resource servers is also recorded in the audit: its caller may be probing tokens it has no business with.
 */
export function createOutcomeCounter(
  registry: Registry,
  trail: Pick<AuditTrail, 'refusedAction'>,
): CountOutcome {
  const counter = new Counter({
    name: 'claimcheck_introspections_total',
    help: 'Introspected tokens by outcome; callers see no difference between outcomes other than active',
    labelNames: ['outcome'] as const,
    registers: [registry],
  })
  return (state, outcome) => {
    counter.inc({ outcome })
    if (outcome === 'audience') trail.refusedAction(state, 'introspection.refused', 'audience')
  }
}
