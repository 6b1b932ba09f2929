/** Listens on a free loopback port, reports it to the parent, and ends with the parent. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a peer reports once it listens. */
export interface Listening {
  readonly port: number
}

/** Listens, and answers each message with the port. */
export function serve(server: Server): void {
  server.keepAliveTimeout = 65_000
  server.listen({ host: '127.0.0.1', port: 0 })
  process.on('message', () => {
    const report = (): void =>
      void process.send?.({ port: (server.address() as AddressInfo).port } satisfies Listening)
    if (server.listening) report()
    else server.once('listening', report)
  })
  process.on('disconnect', () => process.exit())
  process.on('SIGTERM', () => process.exit())
}
