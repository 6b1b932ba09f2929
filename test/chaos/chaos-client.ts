/**
 * A client as published, behind two proxies: one for look-ups and one for the feed. Each leads to any of the nodes, as a load
 * balancer would. The test can step the wall clock of the client.
 */

import { type Client, createClient, environment } from '../../client/src/index.ts'
import type { TestClient } from '../fixture/requests.ts'
import type { TestServices } from '../fixture/services.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import type { Random } from './random.ts'

/** Where a client lives. */
export interface ClientPlace {
  readonly services: Pick<TestServices, 'issuer' | 'introspect'>
  /** The nodes its proxies lead to. */
  readonly nodes: readonly { readonly port: number }[]
  readonly resourceServer: TestClient
}

/** A client that faults can be injected into. */
export interface ChaosClient {
  readonly name: string
  readonly client: Client
  readonly boundMs: number
  readonly http: FaultProxy
  readonly feed: FaultProxy
  /** Its wall clock. */
  wall(): number
  /** Sets how far its wall clock is off. */
  setWallOffset(ms: number): void
  close(): Promise<void>
}

/** Makes a client with a bound drawn from 300 to 800 ms. */
export async function startChaosClient(
  name: string,
  { services, nodes, resourceServer }: ClientPlace,
  random: Random,
): Promise<ChaosClient> {
  const ports = nodes.map(({ port }) => port)
  const http = await startFaultProxy(ports, random.fork())
  const feed = await startFaultProxy(ports, random.fork())
  const boundMs = random.int(300, 800)
  const timeoutMs = random.int(Math.ceil(boundMs / 4), boundMs)
  let wallOffsetMs = 0
  const wall = (): number => Date.now() + wallOffsetMs
  const published = services.introspect[0]
  const jitter = random.fork()
  class DivertedWebSocket extends WebSocket {
    constructor(...[url, ...rest]: ConstructorParameters<typeof WebSocket>) {
      const diverted = `ws://127.0.0.1:${feed.port}`
      super(String(url).replace(published.replace(/^http/, 'ws'), diverted), ...rest)
    }
  }
  const client = createClient({
    issuer: services.issuer,
    clientId: resourceServer.client_id,
    clientSecret: resourceServer.client_secret,
    maxStalenessMs: boundMs,
    timeoutMs,
    fetch: (input, init) =>
      fetch(String(input).replace(published, `http://127.0.0.1:${http.port}`), init),
    WebSocket: DivertedWebSocket,
    [environment]: { monotonic: () => performance.now(), wall, random: jitter.next },
  })
  return {
    name: `${name} (bound ${boundMs} ms, time-out ${timeoutMs} ms)`,
    client,
    boundMs,
    http,
    feed,
    wall,
    setWallOffset(ms) {
      wallOffsetMs = ms
    },
    async close() {
      client.close()
      await Promise.all([http.close(), feed.close()])
    },
  }
}
