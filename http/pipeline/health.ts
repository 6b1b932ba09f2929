/**
 * `/healthz` (the process runs), `/readyz` (it can do its work) and `/metrics`, as a router without a prefix: probes
 * come to the root whatever path the issuer lives under. What readiness means is the service's own affair.
 */
import { Router } from '@koa/router'
import { replyJson } from '../reply/reply.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { EXACT_PATHS, type RequestState, type RouteContext } from './request-context.ts'

export interface Readiness {
  readonly ready: boolean
  /** One word for each thing looked at, such as `{ redis: 'ok' }`. Public: no addresses, no error texts. */
  readonly checks: Readonly<Record<string, string>>
}

export interface HealthOptions {
  /** Asked on each probe. Rejecting, or taking longer than `timeoutMs`, means not ready. */
  ready(): Promise<Readiness>
  readonly metrics: Metrics
  /** Longest time a readiness check may take, in milliseconds. Default is 2000. */
  readonly timeoutMs?: number
  /** Whether `/metrics` is here too; false when it has a port of its own. Default is true. */
  readonly withMetrics?: boolean
}

const NOT_READY: Readiness = Object.freeze({ ready: false, checks: Object.freeze({}) })

/** Asked all the time by machines: not worth a log line each. */
export const PROBE_ROUTES = ['/healthz', '/readyz', '/metrics'] as const

/** The health routes. */
export function createHealthRouter(options: HealthOptions): Router<RequestState> {
  const router = new Router<RequestState>(EXACT_PATHS)
  router.get('/healthz', (ctx: RouteContext) => replyJson(ctx, 200, '{"status":"ok"}'))
  const readiness = oneAtATime(() => readinessWithin(options))
  router.get('/readyz', async (ctx: RouteContext) => {
    const { ready, checks } = await readiness()
    const status = ready ? 'ready' : 'not_ready'
    if (!ready) ctx.set('Retry-After', '1')
    replyJson(ctx, ready ? 200 : 503, JSON.stringify({ status, checks }))
  })
  if (options.withMetrics !== false) addMetricsRoute(router, options.metrics)
  return router
}

/** A router with `/metrics` alone, for a port of its own. */
export function createMetricsRouter(metrics: Metrics): Router<RequestState> {
  const router = new Router<RequestState>()
  addMetricsRoute(router, metrics)
  return router
}

function addMetricsRoute(router: Router<RequestState>, { registry }: Metrics): void {
  router.get('/metrics', async (ctx: RouteContext) => {
    replyJson(ctx, 200, await registry.metrics(), registry.contentType)
  })
}

async function readinessWithin(options: HealthOptions): Promise<Readiness> {
  const { promise: late, resolve } = Promise.withResolvers<Readiness>()
  const timer = setTimeout(resolve, options.timeoutMs ?? 2_000, NOT_READY)
  try {
    return await Promise.race([options.ready(), late])
  } catch {
    // Why it failed is logged by whoever failed; a probe needs only the fact.
    return NOT_READY
  } finally {
    clearTimeout(timer)
  }
}

/** Anybody may ask, and asking costs a look at every partition: all who come while one is under way share its answer. */
function oneAtATime<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let underWay: Promise<Answer> | undefined
  return () => {
    underWay ??= ask().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}
