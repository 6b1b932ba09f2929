/**
 * The introspection service as a function of its parts. It only reads: whatever it answers was true of the primary at
 * the moment of the answer, and nothing is kept for the next one. No side effects of its own.
 */
import { Router } from '@koa/router'
import type Koa from 'koa'
import { createHealthRouter, PROBE_ROUTES } from '../http/health.ts'
import { createKoaApp } from '../http/koa-app.ts'
import type { Logger } from '../http/logger.ts'
import type { Metrics } from '../http/metrics.ts'
import { pathPrefix } from '../http/public-url.ts'
import type { RequestState } from '../http/request-state.ts'
import type { Store } from '../store/store.ts'
import { addIntrospection } from './introspection-endpoint.ts'
import { createOutcomeCounter } from './outcome-counter.ts'

/** What the service is made from. */
export interface IntrospectAppOptions {
  readonly store: Store
  readonly log: Logger
  readonly metrics: Metrics
  /** The issuer's public URL: `iss` of every answer. */
  readonly issuer: string
  /** Where this service is reached; its path is the prefix of all routes. */
  readonly introspectUrl: string
  readonly trustProxy: boolean
  /** Whether `/metrics` is served here too. */
  readonly withMetrics: boolean
}

/** Makes the application; `callback()` of it goes to the listener. */
export function createIntrospectApp(options: IntrospectAppOptions): Koa<RequestState> {
  const { store, log, metrics, issuer, introspectUrl, trustProxy, withMetrics } = options
  const prefix = pathPrefix(introspectUrl)
  const router = new Router<RequestState>({ prefix })
  const count = createOutcomeCounter(metrics.registry)
  addIntrospection(router, { store, failures: store.failures, issuer, count })
  const health = createHealthRouter({ ready: store.readiness, metrics, withMetrics })
  // A line for each introspection would cost as much as half of it; the counter by outcome tells more.
  const quietRoutes = new Set([`${prefix}/introspect`, ...PROBE_ROUTES])
  return createKoaApp({ log, metrics, trustProxy, quietRoutes, routers: [router, health] })
}
