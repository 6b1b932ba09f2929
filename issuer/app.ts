/**
 * The issuer as a function of its parts: the only service that writes. It keeps nothing between requests; whatever it
 * has answered for is in Redis. No side effects of its own.
 */
import { Router } from '@koa/router'
import type Koa from 'koa'
import { createAuditTrail } from '../http/audit-trail.ts'
import { createHealthRouter, PROBE_ROUTES } from '../http/health.ts'
import { createKoaApp } from '../http/koa-app.ts'
import type { Logger } from '../http/logger.ts'
import type { Metrics } from '../http/metrics.ts'
import { pathPrefix } from '../http/public-url.ts'
import { EXACT_PATHS, type RequestState } from '../http/request-state.ts'
import type { Store } from '../store/store.ts'
import { createAdminRouter } from './admin/routes.ts'
import { addMetadata, type PublicUrls } from './metadata.ts'
import { addRevocationEndpoint } from './revocation-endpoint.ts'
import { NO_LOADER, type SubjectLoader } from './subject-loader.ts'
import { addTokenEndpoint } from './token-endpoint.ts'

/** What the service is made from. */
export interface IssuerAppOptions extends PublicUrls {
  readonly store: Store
  readonly log: Logger
  readonly metrics: Metrics
  readonly trustProxy: boolean
  /** Whether `/metrics` is served here too. */
  readonly withMetrics: boolean
  /** The time in epoch seconds, for dates shown to people; never for a decision about a token. */
  readonly nowSeconds: () => number
  /** Asks another system for subjects that are new here. Default is not to. */
  readonly loader?: SubjectLoader
}

/** Makes the application; `callback()` of it goes to the listener. */
export function createIssuerApp(options: IssuerAppOptions): Koa<RequestState> {
  const { store, log, metrics, issuer, trustProxy, withMetrics, nowSeconds } = options
  const { loader = NO_LOADER } = options
  const prefix = pathPrefix(issuer)
  const trail = createAuditTrail({ keep: store.audit.append, log, now: () => performance.now() })
  const adminPrefix = `${prefix}/admin/v1`
  const oauth = new Router<RequestState>({ prefix, ...EXACT_PATHS })
  addTokenEndpoint(oauth, { store, issuer, trail, failures: store.failures })
  addRevocationEndpoint(oauth, { store, trail, failures: store.failures })
  const root = createHealthRouter({ ready: store.readiness, metrics, withMetrics })
  addMetadata(root, options)
  const admin = createAdminRouter({ store, issuer, trail }, loader, adminPrefix, nowSeconds)
  return createKoaApp({
    log,
    metrics,
    trustProxy,
    routers: [oauth, admin, root],
    problemPrefix: adminPrefix,
    quietRoutes: new Set(PROBE_ROUTES),
    trail,
  })
}
