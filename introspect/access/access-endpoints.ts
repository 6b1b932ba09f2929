/**
 * `POST /access/v1/evaluation` and `/access/v1/evaluations` (OpenID AuthZEN Authorization API 1.0). Every client that may
 * introspect may ask. It authenticates the same way, but by the Authorization header alone. The search endpoints are not
 * offered.
 *
 * The caller's registration is read while the body arrives and the store is asked. Until the caller is authorized, no result
 * is used and no error is reported. An unauthorized caller costs at most one store call besides the one that reads its
 * registration: a request that needs more waits until its caller is authorized.
 */
import type { IncomingMessage } from 'node:http'
import type { Router } from '@koa/router'
import type { AuditTrail } from '../../http/audit/audit-trail.ts'
import { presentedCredentials } from '../../http/auth/client-credentials.ts'
import { NO_FORM } from '../../http/body/form.ts'
import { JSON_RULES, readJson } from '../../http/body/json.ts'
import { isMediaType } from '../../http/body/media-type.ts'
import { invalidRequest } from '../../http/errors/oauth-error.ts'
import type { RequestState, RouteContext } from '../../http/pipeline/request-context.ts'
import { replyJson } from '../../http/reply/reply.ts'
import type { Client } from '../../store/registry/clients.ts'
import type { Store } from '../../store/store.ts'
import { authenticateCaller } from '../caller.ts'
import { answerAccess, isForeign } from './decisions.ts'
import {
  type AccessRequest,
  type Members,
  parseEvaluation,
  parseEvaluations,
} from './evaluation-request.ts'
import { type Finding, makeInquiries, planInquiries } from './inquiries.ts'

/** Path of the endpoints, below the prefix of the service. */
export const ACCESS_PATH = '/access/v1'
export const EVALUATION_PATH = `${ACCESS_PATH}/evaluation`
export const EVALUATIONS_PATH = `${ACCESS_PATH}/evaluations`

/** The parts both endpoints use. */
interface AccessOptions {
  readonly store: Pick<Store, 'tokens' | 'roles' | 'clients' | 'failures'>
  readonly trail: Pick<AuditTrail, 'refusedAction'>
}

type ParseRequest = (body: Members) => AccessRequest

interface Findings {
  readonly request: AccessRequest
  /** By item; undefined where the store was not asked. */
  readonly findings: readonly (Finding | undefined)[]
}

/** I-JSON (§11.5): two members of one name are refused, because parsers differ in which of them they take. */
const RULES = Object.freeze({ ...JSON_RULES, uniqueNames: true })

/** Adds both endpoints to a router. */
export function addAccessEndpoints(
  router: Router<RequestState>,
  { store, trail }: AccessOptions,
): void {
  async function findOut(
    req: IncomingMessage,
    parse: ParseRequest,
    authorizing: Promise<Client>,
  ): Promise<Findings> {
    // Other endpoints answer 415, but the certification scenario of AuthZEN (§2.4.3) requires 400.
    if (!isMediaType(req.headers['content-type'], 'application/json')) {
      throw invalidRequest('the content type must be application/json')
    }
    const request = parse((await readJson(req, RULES)) as Members)
    const { inquiries, inquiryOf } = planInquiries(request.items)
    if (inquiries.length > 1) await authorizing
    const made = await makeInquiries(store, inquiries)
    return { request, findings: inquiryOf.map((n) => (n === undefined ? undefined : made[n])) }
  }

  function endpoint(parse: ParseRequest) {
    return async (ctx: RouteContext): Promise<void> => {
      const presented = presentedCredentials(ctx.req, NO_FORM)
      const authorizing = authenticateCaller(presented, store, ctx.state)
      // An error becomes a value: it must not be reported before the caller is authorized, and it must not become an
      // unhandled rejection when the caller is refused.
      const work = findOut(ctx.req, parse, authorizing).then(
        (findings) => () => findings,
        (error: unknown) => () => {
          throw error
        },
      )
      const [caller, outcome] = await Promise.all([authorizing, work])
      const { request, findings } = outcome()
      if (findings.some((finding) => isForeign(finding, caller))) {
        trail.refusedAction(ctx.state, 'evaluation.refused', 'audience')
      }
      replyJson(ctx, 200, JSON.stringify(answerAccess(request, findings, caller)))
    }
  }

  router.post(EVALUATION_PATH, endpoint(parseEvaluation))
  router.post(EVALUATIONS_PATH, endpoint(parseEvaluations))
}
