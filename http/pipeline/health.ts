/**
 * `/healthz` (the process runs), `/readyz` (it can do its work) and `/metrics`. The router has no prefix: probes use the root,
 * whatever the path of the issuer. Each service defines its own readiness.
 */
import { Router } from '@koa/router'
import { replyJson } from '../reply/reply.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { EXACT_PATHS, type RequestState, type RouteContext } from './request-context.ts'

export interface Readiness {
  readonly ready: boolean
  /** One word per check, such as `{ redis: 'ok' }`. Public: no addresses, no error texts. */
  readonly checks: Readonly<Record<string, string>>
}

export interface HealthOptions {
  /** Called for each probe. Rejecting, or taking longer than `timeoutMs`, means not ready. */
  ready(): Promise<Readiness>
  readonly metrics: Metrics
  /** Longest time a readiness check may take, in milliseconds. Default is 2000. */
  readonly timeoutMs?: number
  /** Whether `/metrics` is served here too; false when it has a separate port. Default is true. */
  readonly withMetrics?: boolean
}

const NOT_READY: Readiness = Object.freeze({ ready: false, checks: Object.freeze({}) })

/** Routes that machines call all the time; their successes are not worth a log line. */
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

/** A router with `/metrics` alone, for a separate port. */
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
    // The failing part logs the reason; a probe needs only the result.
    return NOT_READY
  } finally {
    clearTimeout(timer)
  }
}

/** A check reads every partition and anybody may start one, so concurrent probes share one check. */
function oneAtATime<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let pending: Promise<Answer> | undefined
  return () => {
    pending ??= ask().finally(() => {
      pending = undefined
    })
    return pending
  }
}
