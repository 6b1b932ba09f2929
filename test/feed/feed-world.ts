/** The world of the feed's tests: {@link startWorld} with sockets that are closed after each test. */
import type { FeedEvent } from '../../client/src/wire/index.ts'
import { startWorld, type World, type WorldOptions } from '../fixture/world.ts'
import { type FeedSocket, openFeed, startFeedSocket } from './feed-socket.ts'

export interface FeedWorld extends World {
  /** A socket that has said nothing yet. */
  open(node?: 0 | 1): Promise<FeedSocket>
  /** A socket that has its start. */
  start(node?: 0 | 1, cursors?: FeedSocket['cursors']): Promise<FeedSocket>
  /** Revokes a subject; resolves once it is acknowledged. */
  revoke(sub: string): Promise<void>
  /** Closes the sockets of a test. */
  closeSockets(): void
}

export async function startFeedWorld(options: WorldOptions = {}): Promise<FeedWorld> {
  const world = await startWorld(options)
  const { introspect, grades, store } = world
  const sockets: FeedSocket[] = []
  const kept = async (opening: Promise<FeedSocket>): Promise<FeedSocket> => {
    const socket = await opening
    sockets.push(socket)
    return socket
  }
  const closeSockets = (): void => {
    for (const socket of sockets.splice(0)) socket.close()
  }
  world.onClose(closeSockets)
  return {
    ...world,
    open: (node = 0) => kept(openFeed(introspect[node], grades)),
    start: (node = 0, cursors) => kept(startFeedSocket(introspect[node], grades, cursors)),
    async revoke(sub) {
      await store.revocations.revoke({ level: 'subject', sub }, { by: 'test' })
    },
    closeSockets,
  }
}

/** Fits the event of a revoked subject. */
export function ofSubject(sub: string): (frame: { readonly event: FeedEvent }) => boolean {
  return ({ event }) => event.type === 'subject' && event.sub === sub
}
