/**
 * The Prometheus metrics of one service, in a registry of its own, so that two services in one process do not mix.
 * Labels are bounded: routes are patterns, methods a fixed list, and nothing from a request's content is a label.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricsOptions {
  readonly service: string
  readonly version: string
  /** Whether to add the process metrics (memory, event loop, collector). Default is true. */
  readonly withProcessMetrics?: boolean
}

export interface Metrics {
  /** Where callers add metrics of their own. */
  readonly registry: Registry
  requestStarted(): void
  /** Also ends what `requestStarted` began. */
  requestEnded(method: string, route: string, status: number, seconds: number): void
  /** Counts a refused client authentication at a route. */
  authFailed(route: string): void
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
])
const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

/** The metrics every service has. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (options.withProcessMetrics !== false) collectDefaultMetrics({ register: registry })
  let inFlight = 0

  const duration = new Histogram({
    name: 'claimcheck_http_request_duration_seconds',
    help: 'Time from the arrival of a request to its answer',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS_SECONDS,
    registers,
  })
  new Gauge({
    name: 'claimcheck_http_requests_in_flight',
    help: 'Requests not answered yet',
    registers,
    collect() {
      this.set(inFlight)
    },
  })
  new Gauge({
    name: 'claimcheck_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['service', 'version', 'node'] as const,
    registers,
  }).set({ service: options.service, version: options.version, node: process.version }, 1)
  const authFailures = new Counter({
    name: 'claimcheck_client_auth_failures_total',
    help: 'Client authentications refused',
    labelNames: ['route'] as const,
    registers,
  })

  /** Binding labels costs more than observing; the label sets are few, so each is bound once. */
  const observers = new Map<string, (seconds: number) => void>()
  function observerOf(method: string, route: string, status: number): (seconds: number) => void {
    const key = `${method} ${status} ${route}`
    let observer = observers.get(key)
    if (observer === undefined) {
      observer = duration.labels(method, route, String(status)).observe
      observers.set(key, observer)
    }
    return observer
  }

  return {
    registry,
    requestStarted() {
      inFlight++
    },
    requestEnded(method, route, status, seconds) {
      inFlight--
      observerOf(METHODS.has(method) ? method : 'other', route, status)(seconds)
    },
    authFailed(route) {
      authFailures.inc({ route })
    },
  }
}
