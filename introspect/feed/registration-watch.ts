/**
 * Makes sure that whoever is connected still may be. A client's registration is read again after each event that names
 * it, after a reset (which may hide such an event) and once it has joined the broadcast (what changed before that was
 * told to nobody).
 *
 * Per connected client: *quiet* → *reading* → quiet; asked again while reading, it reads once more, because the read
 * under way may have been too early. A read that fails is repeated until it succeeds: meanwhile no lease can be given
 * either.
 */
import type { PresentedCredentials } from '../../http/auth/client-credentials.ts'
import type { Client } from '../../store/registry/clients.ts'
import type { Clock } from './clock.ts'

/** Something that stays only while its credentials hold. */
export interface Watched {
  readonly clientId: string
  readonly presented: PresentedCredentials
  /** Its credentials hold no longer. */
  expel(): void
}

export interface RegistrationWatchOptions {
  readonly read: (clientId: string) => Promise<Client | undefined>
  /** Whether these credentials would be accepted now. */
  readonly accepts: (
    presented: PresentedCredentials,
    registered: Client | undefined,
  ) => Promise<boolean>
  readonly clock: Clock
}

export interface RegistrationWatch {
  add(watched: Watched): void
  remove(watched: Watched): void
  check(clientId: string): void
  checkAll(): void
  close(): void
}

const RETRY_MS = 500

interface WatchedClient {
  readonly members: Set<Watched>
  isReading: boolean
  isDue: boolean
}

export function createRegistrationWatch(options: RegistrationWatchOptions): RegistrationWatch {
  const { read, accepts, clock } = options
  const clients = new Map<string, WatchedClient>()
  const retries = new Set<() => void>()
  let isClosed = false

  function check(clientId: string): void {
    const client = clients.get(clientId)
    if (client === undefined) return
    client.isDue = true
    if (!client.isReading) void work(clientId, client)
  }

  async function work(clientId: string, client: WatchedClient): Promise<void> {
    client.isReading = true
    while (client.isDue && client.members.size > 0 && !isClosed) {
      client.isDue = false
      if (!(await judge(clientId, client))) {
        retryLater(clientId)
        break
      }
    }
    client.isReading = false
  }

  async function judge(clientId: string, { members }: WatchedClient): Promise<boolean> {
    try {
      const registered = await read(clientId)
      for (const watched of [...members]) {
        if (!(await accepts(watched.presented, registered))) watched.expel()
      }
      return true
    } catch {
      // Redis is away, which its connection reports; the question stays open.
      return false
    }
  }

  function retryLater(clientId: string): void {
    if (isClosed) return
    const cancel = clock.after(RETRY_MS, () => {
      retries.delete(cancel)
      check(clientId)
    })
    retries.add(cancel)
  }

  return {
    add(watched) {
      const { clientId } = watched
      const client = clients.get(clientId) ?? { members: new Set(), isReading: false, isDue: false }
      client.members.add(watched)
      clients.set(clientId, client)
    },
    remove(watched) {
      const client = clients.get(watched.clientId)
      client?.members.delete(watched)
      if (client?.members.size === 0) clients.delete(watched.clientId)
    },
    check,
    checkAll() {
      for (const clientId of clients.keys()) check(clientId)
    },
    close() {
      isClosed = true
      for (const cancel of retries) cancel()
    },
  }
}
