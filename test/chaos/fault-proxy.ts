/**
 * A TCP proxy on loopback that misbehaves when told to: slow, silent in one direction or both, cut, refusing, sending new
 * connections elsewhere, or letting a newer connection's bytes arrive before an older one's.
 *
 * It never alters, repeats or reorders bytes within a connection: TCP would not, and every part here speaks TCP. What
 * could be repeated are whole requests, and that is what the parts themselves do after a cut.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createFlow, type Flow } from './fault-flow.ts'
import type { Random } from './random.ts'

/** Bytes towards the server, from it, or both. */
type Direction = 'up' | 'down' | 'both'

/** A proxy before one or more servers. */
export interface FaultProxy {
  readonly port: number
  /** Open connections. */
  readonly connections: number
  /** Where new connections go: to one of these ports, at random. Open ones stay. */
  aim(ports: readonly number[]): void
  /** Every chunk takes this long, and up to as much again. */
  delay(ms: number): void
  /** Holds back whatever is sent, on open and on new connections. */
  hold(direction: Direction): void
  /** Holds back the connections that are open now; newer ones overtake them. */
  holdOlder(): void
  /** Resets all open connections; what they still held back is lost. */
  cut(): void
  /** Resets every new connection at once. */
  refuse(): void
  /** Ends every fault; what was held back arrives now. */
  heal(): void
  close(): Promise<void>
}

interface Link {
  readonly up: Flow
  readonly down: Flow
  reset(): void
}

/** Starts a proxy that does nothing wrong. */
export async function startFaultProxy(
  targets: readonly number[],
  random: Random,
): Promise<FaultProxy> {
  const links = new Set<Link>()
  let ports = targets
  let delayMs = 0
  let held: Direction | undefined
  let isRefusing = false

  const delayOf = (): number => (delayMs === 0 ? 0 : delayMs * (1 + random.next()))
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (isRefusing) client.resetAndDestroy()
    else open(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  function open(client: Socket): void {
    const options = { port: random.pick(ports) as number, host: '127.0.0.1', allowHalfOpen: true }
    const upstream = connect(options)
    const sockets = [client, upstream]
    const link: Link = {
      up: createFlow(client, upstream, delayOf),
      down: createFlow(upstream, client, delayOf),
      reset() {
        links.delete(link)
        link.up.destroy()
        link.down.destroy()
        for (const socket of sockets) if (!socket.destroyed) socket.resetAndDestroy()
      },
    }
    for (const socket of sockets) {
      socket.setNoDelay(true)
      // A side that is gone for good takes the other along.
      socket.on('error', link.reset)
      socket.on('close', () => {
        if (sockets.every(({ destroyed }) => destroyed)) links.delete(link)
      })
    }
    links.add(link)
    holdIn(link, held)
  }

  function holdIn({ up, down }: Link, direction: Direction | undefined): void {
    if (direction === 'up' || direction === 'both') up.hold()
    if (direction === 'down' || direction === 'both') down.hold()
  }

  function cut(): void {
    for (const link of [...links]) link.reset()
  }

  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return links.size
    },
    aim(others) {
      ports = others
    },
    delay(ms) {
      delayMs = ms
    },
    hold(direction) {
      held = direction
      for (const link of links) holdIn(link, direction)
    },
    holdOlder() {
      for (const link of links) holdIn(link, 'both')
    },
    cut,
    refuse() {
      isRefusing = true
    },
    heal() {
      delayMs = 0
      held = undefined
      isRefusing = false
      for (const { up, down } of [...links]) {
        up.release()
        down.release()
      }
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
