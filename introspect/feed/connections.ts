/**
 * The sockets of a node. While *open* it takes new ones. `goodbye` leads to *closing*: every socket, and each one whose
 * upgrade was under way, is sent away. `close` cuts what is left.
 */
import type { WebSocket } from 'ws'
import { FEED_CLOSE } from '../../client/src/wire/index.ts'
import type { PresentedCredentials } from '../../http/auth/client-credentials.ts'
import type { Logger } from '../../http/telemetry/logger.ts'
import { FeedConnection, type FeedEnvironment } from './connection.ts'
import { guard, invariant } from './invariant.ts'
import type { RegistrationWatch, Watched } from './registration-watch.ts'

/** The client at the other end of a socket, and the credentials it opened the socket with. */
export interface FeedCaller {
  readonly clientId: string
  readonly presented: PresentedCredentials
}

export class FeedConnections {
  /** Whether new sockets are taken; false once the node shuts down. */
  isOpen = true
  readonly #environment: FeedEnvironment
  readonly #registrations: RegistrationWatch
  readonly #log: Logger
  readonly #connections = new Set<FeedConnection>()
  /** Number of sockets by client. */
  readonly #counts = new Map<string, number>()
  readonly #emptied = Promise.withResolvers<void>()
  #cancelRound = (): void => undefined

  constructor(environment: FeedEnvironment, registrations: RegistrationWatch, log: Logger) {
    this.#environment = environment
    this.#registrations = registrations
    this.#log = log
    this.#lookAfterAll()
  }

  get size(): number {
    return this.#connections.size
  }

  /** How many sockets a client has. */
  countOf(clientId: string): number {
    return this.#counts.get(clientId) ?? 0
  }

  add(socket: WebSocket, { clientId, presented }: FeedCaller): void {
    const connection = new FeedConnection(socket, this.#environment, {
      joined: () => this.#registrations.check(clientId),
      left: (why) => {
        if (why !== undefined) this.#log.info({ client_id: clientId, ...why }, 'feed closed')
        this.#registrations.remove(watched)
      },
    })
    const expel = () =>
      connection.close(FEED_CLOSE.unauthorized, 'the registration does not allow it')
    const watched: Watched = { clientId, presented, expel }
    this.#registrations.add(watched)
    this.#connections.add(connection)
    this.#counts.set(clientId, this.countOf(clientId) + 1)
    const remove = () => this.#remove(connection, clientId)
    socket.on('close', () => guard(remove, this.#environment.onBroken))
    // The connection was being accepted while the feed shut down.
    if (!this.isOpen) this.#sayGoodbye(connection)
  }

  /** Most changes that any client is behind this node. */
  unacknowledged(): number {
    return Math.max(0, ...[...this.#connections].map((each) => each.unacknowledged()))
  }

  /** Takes no new sockets and closes all; resolves when they are closed. */
  goodbye(): Promise<void> {
    this.isOpen = false
    if (this.size === 0) this.#emptied.resolve()
    for (const connection of this.#connections) this.#sayGoodbye(connection)
    return this.#emptied.promise
  }

  close(): void {
    this.isOpen = false
    this.#cancelRound()
    for (const connection of this.#connections) connection.cut()
  }

  #remove(connection: FeedConnection, clientId: string): void {
    invariant(this.#connections.delete(connection), 'a socket closes once')
    const left = this.countOf(clientId) - 1
    invariant(left >= 0, 'every open socket of a client is counted')
    if (left === 0) this.#counts.delete(clientId)
    else this.#counts.set(clientId, left)
    if (!this.isOpen && this.size === 0) this.#emptied.resolve()
  }

  #sayGoodbye(connection: FeedConnection): void {
    const { reconnectSpreadMs } = this.#environment.limits
    connection.goodbye(Math.round(Math.random() * reconnectSpreadMs))
  }

  #lookAfterAll(): void {
    const { clock, limits } = this.#environment
    for (const connection of this.#connections) connection.lookAfter()
    this.#cancelRound = clock.after(limits.silenceMs / 4, () => this.#lookAfterAll())
  }
}
