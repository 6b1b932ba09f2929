/** What the feed tells about itself to an operator. No labels: nothing here belongs to one client. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Counts. */
export interface FeedMetrics {
  /** An event has been written to every socket this long after it came in from Redis, by the node's own clock. */
  broadcast(seconds: number): void
  reset(): void
  slowClosed(): void
  probed(): void
  leased(): void
  /** A revocation that a failover had lost was written again. */
  restored(): void
}

/** Read at each scrape. */
export interface FeedGauges {
  connections(): number
  lag(): number
  unacknowledged(): number
}

const BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
]

/** Adds the feed's metrics to a registry. */
export function createFeedMetrics(registry: Registry, gauges: () => FeedGauges): FeedMetrics {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers })

  gauge('claimcheck_feed_connections', 'Clients that are told of every change', () =>
    gauges().connections(),
  )
  gauge(
    'claimcheck_feed_lag_events',
    'Most changes this node is behind the log, of any partition',
    () => gauges().lag(),
  )
  gauge(
    'claimcheck_feed_unacknowledged_events',
    'Most changes any acknowledging client is behind this node, of any partition',
    () => gauges().unacknowledged(),
  )
  const latency = new Histogram({
    name: 'claimcheck_feed_broadcast_seconds',
    help: 'Time from the arrival of a change at this node to its writing to the last socket',
    buckets: BUCKETS_SECONDS,
    registers,
  })
  const resets = counter(
    'claimcheck_feed_resets_total',
    'Partitions whose clients had to start anew',
  )
  const slow = counter(
    'claimcheck_feed_slow_closed_total',
    'Sockets closed because they read too slowly',
  )
  const probes = counter('claimcheck_feed_probes_total', 'Leases asked for')
  const leases = counter('claimcheck_feed_leases_total', 'Leases given')
  const restores = counter(
    'claimcheck_feed_replayed_revocations_total',
    'Revocations that a failover had lost and this node wrote again',
  )
  return {
    broadcast: (seconds) => latency.observe(seconds),
    reset: () => resets.inc(),
    slowClosed: () => slow.inc(),
    probed: () => probes.inc(),
    leased: () => leases.inc(),
    restored: () => restores.inc(),
  }
}
