/**
 * The introspection service as a function of its parts. It reads: whatever it answers was true of the primary at
 * the moment of the answer, and nothing is kept for the next one. The feed follows the log from the start of the
 * service to its close.
 */
import type { RequestListener } from 'node:http'
import { Router } from '@koa/router'
import { createAuditTrail } from '../http/audit/audit-trail.ts'
import { createHealthRouter, PROBE_ROUTES, type Readiness } from '../http/pipeline/health.ts'
import { createKoaApp } from '../http/pipeline/koa-app.ts'
import { EXACT_PATHS, type RequestState } from '../http/pipeline/request-context.ts'
import { createShortcut } from '../http/pipeline/shortcut.ts'
import type { UpgradeHandler } from '../http/server/listener.ts'
import type { Logger } from '../http/telemetry/logger.ts'
import type { Metrics } from '../http/telemetry/metrics.ts'
import { pathPrefix } from '../settings/public-url.ts'
import type { Store } from '../store/store.ts'
import {
  ACCESS_PATH,
  addAccessEndpoints,
  EVALUATION_PATH,
  EVALUATIONS_PATH,
} from './access/access-endpoints.ts'
import { addAccessMetadata } from './access/metadata.ts'
import { addFeedHint } from './feed/endpoint.ts'
import { type Feed, startFeed } from './feed/feed.ts'
import type { FeedLimits } from './feed/limits.ts'
import { addIntrospection, INTROSPECT_PATH } from './introspection-endpoint.ts'
import { createOutcomeCounter } from './outcome-counter.ts'

/** What the service is made from. */
export interface IntrospectServiceOptions {
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
  /** Overrides of the feed's limits. */
  readonly feedLimits?: Partial<FeedLimits>
}

/** A service to be put behind a listener. */
export interface IntrospectService {
  readonly callback: RequestListener
  readonly upgrade: UpgradeHandler
  /** Ends the feed in good order; for the beginning of a drain. */
  quiesce(): Promise<void>
  /** Stops following the log; the store stays open. */
  close(): void
}

/** Makes the service; its feed begins to follow the log at once. */
export function startIntrospectService(options: IntrospectServiceOptions): IntrospectService {
  const { store, log, metrics, issuer, introspectUrl, trustProxy, withMetrics } = options
  const prefix = pathPrefix(introspectUrl)
  const router = new Router<RequestState>({ prefix, ...EXACT_PATHS })
  const count = createOutcomeCounter(metrics.registry)
  const trail = createAuditTrail({ keep: store.audit.append, log, now: () => performance.now() })
  const introspect = addIntrospection(router, {
    store,
    failures: store.failures,
    issuer,
    count,
    trail,
  })
  addAccessEndpoints(router, { store, failures: store.failures, trail })
  addFeedHint(router)
  const path = `${prefix}/feed`
  const limits = options.feedLimits ?? {}
  const feed = startFeed({ store, log, metrics, trail, trustProxy, path, limits })
  const root = createHealthRouter({ ready: () => readiness(store, feed), metrics, withMetrics })
  addAccessMetadata(root, introspectUrl)
  // A line for each answer would cost as much as half of it; the metrics tell more.
  const busyPaths = [INTROSPECT_PATH, EVALUATION_PATH, EVALUATIONS_PATH]
  const quietRoutes = new Set([...busyPaths.map((busy) => prefix + busy), ...PROBE_ROUTES])
  const messagePrefix = prefix + ACCESS_PATH
  const frame = { log, metrics, trustProxy, quietRoutes, messagePrefix, trail }
  const app = createKoaApp({ ...frame, routers: [router, root] })
  return {
    callback: createShortcut({
      ...frame,
      method: 'POST',
      path: prefix + INTROSPECT_PATH,
      handle: introspect,
      others: app.callback(),
    }),
    upgrade: feed.upgrade,
    quiesce: feed.goodbye,
    close: feed.close,
  }
}

async function readiness(store: Store, feed: Feed): Promise<Readiness> {
  const [redis, isCaughtUp] = await Promise.all([store.readiness(), feed.ready()])
  return {
    ready: redis.ready && isCaughtUp,
    checks: { ...redis.checks, feed: isCaughtUp ? 'ok' : 'behind' },
  }
}
