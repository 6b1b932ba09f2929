/** `GET /.well-known/oauth-authorization-server` (RFC 8414): the endpoints of both services in one document. */
import type { Router } from '@koa/router'
import type { RequestState, RouteContext } from '../http/pipeline/request-context.ts'
import { allowCaching, replyJson } from '../http/reply/reply.ts'
import { pathPrefix } from '../settings/public-url.ts'
import { ADMIN_SCOPES } from './admin/guard.ts'
import { GRANT_TYPES } from './grants/grant-types.ts'

const MAX_AGE_SECONDS = 300
const WELL_KNOWN = '/.well-known/oauth-authorization-server'

/** The public URLs of the services. */
export interface PublicUrls {
  /** The issuer, verbatim. */
  readonly issuer: string
  readonly introspectUrl: string
}

/** The metadata document. Members that would be empty are left out (RFC 8414 §3.2). */
export function authorizationServerMetadata({ issuer, introspectUrl }: PublicUrls) {
  const secretMethods = ['client_secret_basic', 'client_secret_post']
  const issuerBase = issuer.replace(/\/$/, '')
  const introspectBase = introspectUrl.replace(/\/$/, '')
  return {
    issuer,
    token_endpoint: `${issuerBase}/token`,
    token_endpoint_auth_methods_supported: [...secretMethods, 'none'],
    grant_types_supported: GRANT_TYPES,
    scopes_supported: ADMIN_SCOPES,
    revocation_endpoint: `${issuerBase}/revoke`,
    revocation_endpoint_auth_methods_supported: [...secretMethods, 'none'],
    introspection_endpoint: `${introspectBase}/introspect`,
    introspection_endpoint_auth_methods_supported: secretMethods,
    claimcheck_introspection_batch_endpoint: `${introspectBase}/introspect/batch`,
    claimcheck_feed_endpoint: `${introspectBase}/feed`,
  }
}

/** Adds the document to a router without a prefix: the well-known path goes before the issuer's path (§3.1). */
export function addMetadata(router: Router<RequestState>, urls: PublicUrls): void {
  const json = JSON.stringify(authorizationServerMetadata(urls))
  router.get(WELL_KNOWN + pathPrefix(urls.issuer), (ctx: RouteContext) => {
    allowCaching(ctx.res, MAX_AGE_SECONDS)
    replyJson(ctx, 200, json)
  })
}
