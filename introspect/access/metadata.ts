/** `GET /.well-known/authzen-configuration` (AuthZEN §9): the endpoints this decision point offers. */
import type { Router } from '@koa/router'
import type { RequestState, RouteContext } from '../../http/pipeline/request-context.ts'
import { allowCaching, replyJson } from '../../http/reply/reply.ts'
import { pathPrefix } from '../../settings/public-url.ts'
import { EVALUATION_PATH, EVALUATIONS_PATH } from './access-endpoints.ts'

const MAX_AGE_SECONDS = 300
const WELL_KNOWN = '/.well-known/authzen-configuration'

/** The metadata document. Endpoints that are not offered have no member. */
export function accessMetadata(introspectUrl: string) {
  const base = introspectUrl.replace(/\/$/, '')
  return {
    // Exactly as configured: clients compare it with the URL they derived the document's address from.
    policy_decision_point: introspectUrl,
    access_evaluation_endpoint: base + EVALUATION_PATH,
    access_evaluations_endpoint: base + EVALUATIONS_PATH,
  }
}

/** Adds the document to a router without a prefix: the well-known part comes before the service's path. */
export function addAccessMetadata(router: Router<RequestState>, introspectUrl: string): void {
  const json = JSON.stringify(accessMetadata(introspectUrl))
  router.get(WELL_KNOWN + pathPrefix(introspectUrl), (ctx: RouteContext) => {
    allowCaching(ctx.res, MAX_AGE_SECONDS)
    replyJson(ctx, 200, json)
  })
}
