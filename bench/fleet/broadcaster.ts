/**
 * The process of the reference: a server that sends one text to all its sockets with `ws`, uncompressed, whenever a message
 * arrives on a Redis channel, and does nothing else.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'

/** The first message to the process; answered with the port. */
export interface BroadcasterPlan {
  readonly redisUrl: string
  readonly channel: string
  readonly text: string
}

async function serve({ redisUrl, channel, text }: BroadcasterPlan): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
  const bytes = Buffer.from(text)
  const redis = new Redis(redisUrl)
  redis.on('message', () => {
    for (const socket of server.clients) socket.send(bytes, { binary: false, compress: false })
  })
  await redis.subscribe(channel)
  return (server.address() as AddressInfo).port
}

process.once('message', async (plan: BroadcasterPlan) => process.send?.(await serve(plan)))
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
