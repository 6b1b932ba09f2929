/**
 * The Prometheus metrics of one service, in a separate registry, so that two services in one process do not mix. Labels are
 * bounded: routes are patterns, methods a fixed list, and nothing else of a request is a label.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricsOptions {
  readonly service: string
  readonly version: string
  /** Whether to add the process metrics (memory, event loop, collector). Default is true. */
  readonly withProcessMetrics?: boolean
}

export interface Metrics {
  /** For further metrics of the service. */
  readonly registry: Registry
  requestStarted(): void
  /** Call once for each `requestStarted`. */
  requestEnded(method: string, route: string, status: number, seconds: number): void
  /** Counts a failed client authentication. */
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
    help: 'Time from the arrival of a request to its response',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS_SECONDS,
    registers,
  })
  new Gauge({
    name: 'claimcheck_http_requests_in_flight',
    help: 'Requests that have not been answered yet',
    registers,
    collect() {
      this.set(inFlight)
    },
  })
  new Gauge({
    name: 'claimcheck_build_info',
    help: 'Always 1; the labels name the running version',
    labelNames: ['service', 'version', 'node'] as const,
    registers,
  }).set({ service: options.service, version: options.version, node: process.version }, 1)
  const authFailures = new Counter({
    name: 'claimcheck_client_auth_failures_total',
    help: 'Failed client authentications',
    labelNames: ['route'] as const,
    registers,
  })

  /** Binding labels costs more than observing, and there are few label sets, so each is bound once. */
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
