/** What tests of the feed begin with: a Redis, the services, a client that may introspect, sockets that are closed again. */
import type { FeedEvent } from '../../client/src/wire/index.ts'
import type { Store } from '../../store/store.ts'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import type { TestClient } from '../fixture/requests.ts'
import { type ServicesOptions, startServices, type TestServices } from '../fixture/services.ts'
import { type FeedSocket, openFeed, startFeedSocket } from './feed-socket.ts'

export interface FeedWorld {
  readonly redis: TestRedis
  readonly services: TestServices
  readonly store: Store
  /** May introspect. */
  readonly grades: TestClient
  /** A socket that has said nothing yet. */
  open(node?: 0 | 1): Promise<FeedSocket>
  /** A socket that has its start. */
  start(node?: 0 | 1, cursors?: FeedSocket['cursors']): Promise<FeedSocket>
  /** Revokes a subject; resolves once it is acknowledged. */
  revoke(sub: string): Promise<void>
  /** Closes the sockets of a test. */
  closeSockets(): void
  close(): Promise<void>
}

export async function startFeedWorld(
  options: Partial<ServicesOptions> = {},
  ...redisArgs: string[]
): Promise<FeedWorld> {
  const redis = await startRedis(...redisArgs)
  const services = await startServices({ redisUrl: redis.url, ...options })
  const grades = await services.register('grades-api', { introspect: true })
  const { store } = services
  const sockets: FeedSocket[] = []
  const kept = async (opening: Promise<FeedSocket>): Promise<FeedSocket> => {
    const socket = await opening
    sockets.push(socket)
    return socket
  }
  return {
    redis,
    services,
    store,
    grades,
    open: (node = 0) => kept(openFeed(services.introspect[node], grades)),
    start: (node = 0, cursors) => kept(startFeedSocket(services.introspect[node], grades, cursors)),
    async revoke(sub) {
      await store.revocations.revoke({ level: 'subject', sub }, { by: 'test' })
    },
    closeSockets() {
      for (const socket of sockets.splice(0)) socket.close()
    },
    async close() {
      await services.close()
      await redis.stop()
    },
  }
}

/** Fits the event of a revoked subject. */
export function ofSubject(sub: string): (frame: { readonly event: FeedEvent }) => boolean {
  return ({ event }) => event.type === 'subject' && event.sub === sub
}
