/**
 * The feed of a node: puts together the reader of the log, the lease gate and the sockets. It follows the log until it is
 * closed, whether or not a client is connected, so that the node is ready before its first client comes.
 *
 * Invariant: every live connection has been written everything the reader has applied. A change is broadcast in the step
 * in which the reader applies it, and a connection joins the broadcast in the step in which it is brought up to date.
 */
import type { UpgradeHandler } from '../../http/server/listener.ts'
import type { Store } from '../../store/store.ts'
import { Broadcast } from './broadcast.ts'
import { type Clock, systemClock } from './clock.ts'
import { FeedConnections } from './connections.ts'
import { createFeedEndpoint, type FeedEndpointOptions } from './endpoint.ts'
import { encodeFrame } from './frames.ts'
import type { ReportBroken } from './invariant.ts'
import { LeaseGate } from './lease-gate.ts'
import { type FeedLimits, feedLimits } from './limits.ts'
import { LogReader } from './log-reader.ts'
import { createFeedMetrics } from './metrics.ts'
import { RegistrationWatch } from './registration-watch.ts'
import { RevocationMemory } from './revocation-memory.ts'

/** The parts the feed is put together from. */
interface FeedOptions extends Omit<FeedEndpointOptions, 'store' | 'limits' | 'connections'> {
  readonly store: Pick<Store, 'log' | 'restore' | 'clients' | 'failures'>
  /** Overrides of the limits. */
  readonly limits?: Partial<FeedLimits>
}

/** The feed of one node. */
export interface Feed {
  readonly upgrade: UpgradeHandler
  /** Whether the node could give a lease now: the heads can be read, and the node has reached them. */
  ready(): Promise<boolean>
  /** Refuses new sockets, says goodbye on all others and closes them; resolves when they are closed. */
  goodbye(): Promise<void>
  close(): void
}

/** Shorter than the time-out of a readiness probe, so that the answer says what is wrong. */
const READY_TIMEOUT_MS = 1_500

/** Makes the feed and begins to follow the log. */
export function startFeed(options: FeedOptions): Feed {
  const { store, log } = options
  const clock = systemClock
  const limits = { ...feedLimits(store.log.partitions), ...options.limits }
  const broadcast = new Broadcast()
  const onBroken: ReportBroken = (err) => log.error({ err }, 'the feed broke one of its invariants')
  const metrics = createFeedMetrics(options.metrics.registry, {
    connections: () => connections.size,
    lag: () => reader.lag,
    unacknowledged: () => connections.unacknowledged(),
  })
  const registrations = new RegistrationWatch(store, clock, onBroken)
  const memory = new RevocationMemory({
    partitions: store.log.partitions,
    restore: store.restore,
    clock,
    onRestored(partition) {
      metrics.restored()
      log.warn({ partition }, 'a revocation was lost by a failover and written again')
    },
  })
  const reader = new LogReader({
    log: store.log,
    clock,
    // The broadcast comes first: nothing else can delay or prevent it.
    listener: {
      changed(partition, logged, frame, receivedAt) {
        broadcast.send(frame)
        metrics.broadcast((clock.now() - receivedAt) / 1_000)
        memory.note(partition, logged)
        if (logged.event.type === 'client') registrations.check(logged.event.client_id)
      },
      reset(partition, { epoch, seq }, previousEpoch) {
        broadcast.send(encodeFrame({ type: 'reset', partition, epoch, seq }))
        metrics.reset()
        log.debug({ partition, epoch, seq }, 'partition reset')
        registrations.checkAll()
        if (previousEpoch !== epoch) memory.restore(partition)
      },
    },
    onTrouble: (err) => log.warn({ err }, 'the log cannot be followed'),
    onRecovery: () => log.info('the log is followed again'),
    onBroken,
  })
  const gate = new LeaseGate({ reader, clock, onBroken })
  const { histories } = reader
  const environment = { histories, gate, broadcast, clock, limits, metrics, onBroken }
  const connections = new FeedConnections(environment, registrations, log)
  reader.start()
  return {
    upgrade: createFeedEndpoint({ ...options, limits, connections }),
    ready: () => passesGate(gate, clock),
    goodbye: () => connections.goodbye(),
    close() {
      gate.close()
      reader.close()
      registrations.close()
      memory.close()
      connections.close()
    },
  }
}

async function passesGate(gate: LeaseGate, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const cancel = clock.after(READY_TIMEOUT_MS, () => resolve(false))
  gate.enter({ pass: () => resolve(true), fail: () => resolve(false) })
  const isReady = await promise
  cancel()
  return isReady
}
