/**
 * The feed of a node: the reader of the log, the gate of leases and the sockets, put together. From `start` to `close`
 * it follows the log, whether anybody is connected or not, so that a node is ready before its first client comes.
 *
 * Invariant: every connection in `live` has been written everything the reader has applied. The reader tells of a
 * change in the step in which it applies it, and a connection joins in the step in which it is brought up to date.
 */

import type { WebSocket } from 'ws'
import { FEED_CLOSE } from '../../client/src/wire/index.ts'
import type { AuditTrail } from '../../http/audit/audit-trail.ts'
import type { UpgradeHandler } from '../../http/server/listener.ts'
import type { Logger } from '../../http/telemetry/logger.ts'
import type { Metrics } from '../../http/telemetry/metrics.ts'
import type { LoggedEvent } from '../../store/change-log.ts'
import type { Store } from '../../store/store.ts'
import { authorizeCaller } from '../caller.ts'
import { type Clock, systemClock } from './clock.ts'
import { createFeedConnection, type FeedConnection } from './connection.ts'
import { createFeedEndpoint, type FeedCaller } from './endpoint.ts'
import { encodeReset } from './frames.ts'
import { createLeaseGate } from './lease-gate.ts'
import { type FeedLimits, feedLimits } from './limits.ts'
import { createLogReader } from './log-reader.ts'
import { createFeedMetrics } from './metrics.ts'
import type { EncodedFrame } from './partition-history.ts'
import { createRegistrationWatch, type Watched } from './registration-watch.ts'
import { createRevocationMemory } from './revocation-memory.ts'

/** What the feed is made from. */
export interface FeedOptions {
  readonly store: Pick<Store, 'log' | 'restore' | 'clients' | 'failures'>
  readonly log: Logger
  readonly metrics: Metrics
  /** Told of refused attempts. */
  readonly trail: Pick<AuditTrail, 'refused'>
  /** Such as `/feed`, with the prefix of the service. */
  readonly path: string
  readonly trustProxy: boolean
  /** Overrides of the limits. */
  readonly limits?: Partial<FeedLimits>
  readonly clock?: Clock
  /** Between 0 and 1; spreads reconnects. */
  readonly random?: () => number
}

/** The feed of one node. */
export interface Feed {
  readonly upgrade: UpgradeHandler
  /** Whether it could vouch for a cache now: the log is read, and nothing of it is missing. */
  ready(): Promise<boolean>
  /** Refuses new sockets, says goodbye on all and closes them; resolves when they are gone. */
  goodbye(): Promise<void>
  close(): void
}

/** Shorter than a probe's patience, so that its answer says what is wrong. */
const READY_TIMEOUT_MS = 1_500
const UNCOUNTED = { failures: { record: async () => undefined } }

/** Makes the feed and begins to follow the log. */
export function startFeed(options: FeedOptions): Feed {
  const { store, log, clock = systemClock, random = Math.random } = options
  const limits = { ...feedLimits(store.log.partitions), ...options.limits }
  const connections = new Set<FeedConnection>()
  const live = new Set<FeedConnection>()
  let isOpen = true
  let emptied = (): void => undefined

  const metrics = createFeedMetrics(options.metrics.registry, () => ({
    connections: () => connections.size,
    lag: () => reader.lag,
    unacknowledged: () =>
      Math.max(0, ...[...live].map((connection) => connection.unacknowledged())),
  }))
  const registrations = createRegistrationWatch({
    clock,
    read: (clientId) => store.clients.get(clientId),
    accepts: (presented, registered) =>
      authorizeCaller(presented, registered, UNCOUNTED, { requestId: '', source: '' }).then(
        () => true,
        () => false,
      ),
  })
  const memory = createRevocationMemory({
    partitions: store.log.partitions,
    restore: store.restore,
    clock,
    onRestored(partition) {
      metrics.restored()
      log.warn({ partition }, 'a revocation was lost by a failover and written again')
    },
  })
  const reader = createLogReader({
    log: store.log,
    clock,
    listener: { changed, reset },
    onTrouble: (err) => log.warn({ err }, 'the log cannot be followed'),
    onRecovery: () => log.info('the log is followed again'),
  })
  const gate = createLeaseGate({ reader, clock })

  function tellAll(frame: EncodedFrame): void {
    for (const connection of live) connection.tell(frame)
  }

  function changed(
    partition: number,
    logged: LoggedEvent,
    frame: EncodedFrame,
    receivedAt: number,
  ) {
    tellAll(frame)
    metrics.broadcast((clock.now() - receivedAt) / 1_000)
    memory.note(partition, logged)
    const { event } = logged
    if (event.type === 'client') registrations.check(event.client_id)
  }

  function reset(partition: number, previousEpoch: string): void {
    const history = reader.histories[partition]
    if (history === undefined) return
    metrics.reset()
    log.debug({ partition, epoch: history.epoch, seq: history.seq }, 'partition reset')
    tellAll(encodeReset(partition, history.epoch, history.seq))
    registrations.checkAll()
    if (previousEpoch !== history.epoch) memory.restore(partition)
  }

  function connected(socket: WebSocket, { clientId, presented }: FeedCaller): void {
    const connection = createFeedConnection(socket, {
      histories: reader.histories,
      gate,
      clock,
      limits,
      metrics,
      joined(joining) {
        live.add(joining)
        registrations.check(clientId)
      },
      left(leaving, why) {
        if (why !== undefined) log.info({ client_id: clientId, ...why }, 'feed closed')
        live.delete(leaving)
        registrations.remove(watched)
      },
    })
    const watched: Watched = {
      clientId,
      presented,
      expel: () => connection.close(FEED_CLOSE.unauthorized, 'the registration does not allow it'),
    }
    registrations.add(watched)
    connections.add(connection)
    socket.on('close', () => {
      connections.delete(connection)
      if (connections.size === 0) emptied()
    })
    // It was on its way in when the goodbyes were said.
    if (!isOpen) sayGoodbye(connection)
  }

  function sayGoodbye(connection: FeedConnection): void {
    connection.goodbye(Math.round(random() * limits.reconnectSpreadMs))
  }

  let cancelRound = (): void => undefined
  function makeRounds(): void {
    for (const connection of connections) connection.lookAfter()
    cancelRound = clock.after(limits.silenceMs / 4, makeRounds)
  }

  function ready(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const cancel = clock.after(READY_TIMEOUT_MS, () => resolve(false))
    const answer = (isReady: boolean) => () => {
      cancel()
      resolve(isReady)
    }
    gate.enter({ pass: answer(true), fail: answer(false) })
    return promise
  }

  const upgrade = createFeedEndpoint({
    path: options.path,
    store,
    limits,
    log,
    metrics: options.metrics,
    trail: options.trail,
    trustProxy: options.trustProxy,
    connections: () => connections.size,
    isOpen: () => isOpen,
    connected,
  })

  reader.start()
  makeRounds()
  return {
    upgrade,
    ready,
    goodbye() {
      isOpen = false
      const { promise, resolve } = Promise.withResolvers<void>()
      emptied = resolve
      if (connections.size === 0) resolve()
      for (const connection of connections) sayGoodbye(connection)
      return promise
    },
    close() {
      isOpen = false
      cancelRound()
      gate.close()
      reader.close()
      registrations.close()
      memory.close()
      for (const connection of connections) connection.cut()
    },
  }
}
