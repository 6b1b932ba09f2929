/**
 * The issuer, put together from its parts: the only service that writes. Everything it has acknowledged is in Redis; what it
 * caches between requests is used only while Redis confirms it. Creating it has no side effects.
 */
import type { RequestListener } from 'node:http'
import { Router } from '@koa/router'
import { createAuditTrail } from '../http/audit/audit-trail.ts'
import { createHealthRouter, PROBE_ROUTES } from '../http/pipeline/health.ts'
import { createKoaApp } from '../http/pipeline/koa-app.ts'
import { EXACT_PATHS, type RequestState } from '../http/pipeline/request-context.ts'
import { createShortcut } from '../http/pipeline/shortcut.ts'
import type { Logger } from '../http/telemetry/logger.ts'
import type { Metrics } from '../http/telemetry/metrics.ts'
import { pathPrefix } from '../settings/public-url.ts'
import type { Store } from '../store/store.ts'
import { createAdminRouter } from './admin/routes.ts'
import { NO_LOADER, type SubjectLoader } from './loader/subject-loader.ts'
import { addMetadata, type PublicUrls } from './metadata.ts'
import { addRevocationEndpoint } from './revocation-endpoint.ts'
import { addTokenEndpoint, TOKEN_PATH } from './token-endpoint.ts'

/** What the service is made from. */
export interface IssuerAppOptions extends PublicUrls {
  readonly store: Store
  readonly log: Logger
  readonly metrics: Metrics
  readonly trustProxy: boolean
  /** Whether `/metrics` is served here too. */
  readonly withMetrics: boolean
  /** The time in epoch seconds, for dates that people read; never for a decision about a token. */
  readonly nowSeconds: () => number
  /** Loads new subjects from another system. Default is none. */
  readonly loader?: SubjectLoader
}

/** The application. */
export interface IssuerApp {
  /** For the listener. */
  callback(): RequestListener
}

/** Makes the application. */
export function createIssuerApp(options: IssuerAppOptions): IssuerApp {
  const { store, log, metrics, issuer, trustProxy, withMetrics, nowSeconds } = options
  const { loader = NO_LOADER } = options
  const prefix = pathPrefix(issuer)
  const trail = createAuditTrail({ keep: store.audit.append, log, now: () => performance.now() })
  const adminPrefix = `${prefix}/admin/v1`
  const oauth = new Router<RequestState>({ prefix, ...EXACT_PATHS })
  const handle = addTokenEndpoint(oauth, { store, issuer, trail, failures: store.failures })
  addRevocationEndpoint(oauth, { store, trail, failures: store.failures })
  const root = createHealthRouter({ ready: store.readiness, metrics, withMetrics })
  addMetadata(root, options)
  const admin = createAdminRouter({ store, issuer, trail }, loader, adminPrefix, nowSeconds)
  const frame = {
    log,
    metrics,
    trustProxy,
    problemPrefix: adminPrefix,
    quietRoutes: new Set(PROBE_ROUTES),
    trail,
  }
  const others = createKoaApp({ ...frame, routers: [oauth, admin, root] }).callback()
  const shortcut = { ...frame, method: 'POST', path: prefix + TOKEN_PATH, handle, others }
  return { callback: () => createShortcut(shortcut) }
}
