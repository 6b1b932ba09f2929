/**
 * Puts the introspection service together from the parts it is given. The service only reads: each answer was read from
 * the primary after the request came in, and no answer is kept for the next request. The feed follows the log from the
 * start of the service until it is closed.
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
import { addBatchIntrospection } from './batch-endpoint.ts'
import { addFeedHint } from './feed/endpoint.ts'
import { type Feed, startFeed } from './feed/feed.ts'
import type { FeedLimits } from './feed/limits.ts'
import {
  addIntrospection,
  createOutcomeCounter,
  INTROSPECT_PATH,
} from './introspection-endpoint.ts'

/** The parts the service is put together from. */
interface IntrospectServiceOptions {
  readonly store: Store
  readonly log: Logger
  readonly metrics: Metrics
  /** The issuer's public URL: `iss` of every answer. */
  readonly issuer: string
  /** The service's public URL; its path is the prefix of all routes. */
  readonly introspectUrl: string
  readonly trustProxy: boolean
  /** Whether this service serves `/metrics`; otherwise a port apart does. */
  readonly withMetrics: boolean
  /** Overrides of the feed's limits. */
  readonly feedLimits?: Partial<FeedLimits>
}

/** The service, without its listener. */
export interface IntrospectService {
  readonly callback: RequestListener
  readonly upgrade: UpgradeHandler
  /** Closes all feeds with a goodbye: the first step of a graceful shutdown. */
  quiesce(): Promise<void>
  /** Stops following the log. The store stays open. */
  close(): void
}

/** Makes the service. Its feed begins to follow the log at once. */
export function startIntrospectService(options: IntrospectServiceOptions): IntrospectService {
  const { store, log, metrics, issuer, introspectUrl, trustProxy, withMetrics } = options
  const prefix = pathPrefix(introspectUrl)
  const router = new Router<RequestState>({ prefix, ...EXACT_PATHS })
  const trail = createAuditTrail({ keep: store.audit.append, log, now: () => performance.now() })
  const count = createOutcomeCounter(metrics.registry, trail)
  const introspect = addIntrospection(router, { store, issuer, count })
  addBatchIntrospection(router, { store, issuer, count })
  addAccessEndpoints(router, { store, trail })
  addFeedHint(router)
  const path = `${prefix}/feed`
  const limits = options.feedLimits ?? {}
  const feed = startFeed({ store, log, metrics, trail, trustProxy, path, limits })
  const root = createHealthRouter({ ready: () => readiness(store, feed), metrics, withMetrics })
  addAccessMetadata(root, introspectUrl)
  // Successes on these routes are not logged: a log line costs half as much as the answer, and the metrics say more.
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
