/** The feed's metrics for operators. They have no labels, because they count over all clients. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Counts. */
export interface FeedMetrics {
  /** An event was written to every socket, this long after it arrived from Redis by the node's own clock. */
  broadcast(seconds: number): void
  reset(): void
  slowClosed(): void
  probed(): void
  leased(): void
  /** A revocation that a failover had lost was written again. */
  restored(): void
}

/** Values that are read at each scrape. */
type FeedGauges = Readonly<Record<'connections' | 'lag' | 'unacknowledged', () => number>>

const BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
]

/** Adds the feed's metrics to a registry. */
export function createFeedMetrics(registry: Registry, gauges: FeedGauges): FeedMetrics {
  const registers = [registry]
  const gauge = (read: keyof FeedGauges, name: string, help: string): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(gauges[read]())
      },
    })
  }
  const counter = (name: string, help: string): (() => void) => {
    const counted = new Counter({ name, help, registers })
    return () => counted.inc()
  }

  gauge('connections', 'claimcheck_feed_connections', 'Open sockets of clients')
  gauge(
    'lag',
    'claimcheck_feed_lag_events',
    'Most changes that this node is behind the log, of any partition',
  )
  gauge(
    'unacknowledged',
    'claimcheck_feed_unacknowledged_events',
    'Most changes that any acknowledging client is behind this node, of any partition',
  )
  const latency = new Histogram({
    name: 'claimcheck_feed_broadcast_seconds',
    help: 'Time from the arrival of a change at this node until it was written to the last socket',
    buckets: BUCKETS_SECONDS,
    registers,
  })
  return {
    broadcast: (seconds) => latency.observe(seconds),
    reset: counter(
      'claimcheck_feed_resets_total',
      'Resets of partitions: their clients drop what they know of them',
    ),
    slowClosed: counter(
      'claimcheck_feed_slow_closed_total',
      'Sockets closed because the client read too slowly',
    ),
    probed: counter('claimcheck_feed_probes_total', 'Requests for a lease'),
    leased: counter('claimcheck_feed_leases_total', 'Leases given'),
    restored: counter(
      'claimcheck_feed_replayed_revocations_total',
      'Revocations that a failover had lost and this node wrote again',
    ),
  }
}
