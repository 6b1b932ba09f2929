/**
 * Disconnects clients whose registration no longer allows the feed. A client's registration is read again after each event
 * that names the client, after a reset (which may hide such an event), and once a connection has joined the broadcast
 * (the connection did not receive earlier events).
 *
 *   quiet     the registration need not be read.
 *   reading   it is read and judged. A successful read leads to quiet.
 *   stale     as reading, but something happened since the read began: it may have been too early, and is repeated.
 *   waiting   a read failed. It is repeated after a pause, until it succeeds. While Redis cannot be read, no lease is given.
 */
import type { PresentedCredentials } from '../../http/auth/client-credentials.ts'
import type { Store } from '../../store/store.ts'
import { authorizeCaller } from '../caller.ts'
import type { Clock } from './clock.ts'
import { guard, type InvariantError, invariant, type ReportBroken } from './invariant.ts'

/** Something that stays connected only while its credentials are valid. */
export interface Watched {
  readonly clientId: string
  readonly presented: PresentedCredentials
  /** Called when its credentials are no longer valid. */
  expel(): void
}

/** A client with at least one connection. */
class WatchedClient {
  readonly members = new Set<Watched>()
  phase: 'quiet' | 'reading' | 'stale' | 'waiting' = 'quiet'
  cancelWait = (): void => undefined

  /** The registration may have changed. Returns whether a read has to begin. */
  changed(): boolean {
    invariant(this.members.size > 0, 'a watched client has a connection')
    const isReading = this.phase === 'reading' || this.phase === 'stale'
    this.phase = isReading ? 'stale' : 'reading'
    return !isReading
  }

  /** A read has ended. Returns whether it has to be repeated at once. */
  wasRead(hasSucceeded: boolean): boolean {
    invariant(this.phase === 'reading' || this.phase === 'stale', 'a read ends once')
    const isRepeated = hasSucceeded && this.phase === 'stale'
    this.phase = isRepeated ? 'reading' : hasSucceeded ? 'quiet' : 'waiting'
    return isRepeated
  }
}

const RETRY_MS = 500
/** A failed check of a connected client does not count as a failed attempt. */
const UNCOUNTED = { failures: { record: async () => undefined } }

export class RegistrationWatch {
  readonly #store: Pick<Store, 'clients'>
  readonly #clock: Clock
  readonly #onBroken: ReportBroken
  readonly #clients = new Map<string, WatchedClient>()
  #isClosed = false

  constructor(store: Pick<Store, 'clients'>, clock: Clock, onBroken: ReportBroken) {
    this.#store = store
    this.#clock = clock
    this.#onBroken = onBroken
  }

  add(watched: Watched): void {
    const client = this.#clients.get(watched.clientId) ?? new WatchedClient()
    client.members.add(watched)
    this.#clients.set(watched.clientId, client)
  }

  remove(watched: Watched): void {
    const client = this.#clients.get(watched.clientId)
    client?.members.delete(watched)
    if (client?.members.size !== 0) return
    client.cancelWait()
    this.#clients.delete(watched.clientId)
  }

  check(clientId: string): void {
    const client = this.#clients.get(clientId)
    if (client === undefined || this.#isClosed) return
    this.#guard(client, () => {
      if (client.changed()) void this.#read(clientId, client)
    })
  }

  checkAll(): void {
    for (const clientId of this.#clients.keys()) this.check(clientId)
  }

  close(): void {
    this.#isClosed = true
    for (const client of this.#clients.values()) client.cancelWait()
  }

  async #read(clientId: string, client: WatchedClient): Promise<void> {
    client.cancelWait()
    const hasSucceeded = await this.#judge(clientId, client)
    if (this.#isClosed || client.members.size === 0) return
    this.#guard(client, () => {
      if (client.wasRead(hasSucceeded)) void this.#read(clientId, client)
      else if (!hasSucceeded) {
        client.cancelWait = this.#clock.after(RETRY_MS, () => this.check(clientId))
      }
    })
  }

  async #judge(clientId: string, { members }: WatchedClient): Promise<boolean> {
    const state = { requestId: '', source: '' }
    try {
      const registered = await this.#store.clients.get(clientId)
      for (const { presented, expel } of [...members]) {
        await authorizeCaller(presented, registered, UNCOUNTED, state).catch(expel)
      }
      return true
    } catch {
      // Redis cannot be reached, which its connection reports. The read is repeated.
      return false
    }
  }

  /** After a broken invariant it is not known whether the client may stay, so it has to authenticate again. */
  #guard(client: WatchedClient, transition: () => void): void {
    guard(transition, (error: InvariantError) => {
      this.#onBroken(error)
      for (const { expel } of client.members) expel()
    })
  }
}
