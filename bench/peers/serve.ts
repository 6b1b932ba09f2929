/** Listens on a free loopback port, tells the parent which, and ends with it. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a peer says once it listens. */
export interface Listening {
  readonly port: number
}

/** Waits to be asked where it listens. */
export function serve(server: Server): void {
  server.keepAliveTimeout = 65_000
  server.listen({ host: '127.0.0.1', port: 0 })
  process.on('message', () => {
    const tell = (): void =>
      void process.send?.({ port: (server.address() as AddressInfo).port } satisfies Listening)
    if (server.listening) tell()
    else server.once('listening', tell)
  })
  process.on('disconnect', () => process.exit())
  process.on('SIGTERM', () => process.exit())
}
