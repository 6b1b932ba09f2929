/** The process of the bare broadcast. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'
import type { Broadcast, BroadcasterPlan } from './broadcaster.ts'
import { machineMs } from './machine-clock.ts'

const TEXT = { binary: false, compress: false } as const

async function serve({ text, redisUrl, channel }: BroadcasterPlan) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
  const bytes = Buffer.from(text)
  const broadcast = (): Broadcast => {
    const startedAt = machineMs()
    for (const socket of server.clients) socket.send(bytes, TEXT)
    return { startedAt, writtenAt: machineMs() }
  }
  const redis = new Redis(redisUrl)
  redis.on('message', broadcast)
  await redis.subscribe(channel)
  return { port: (server.address() as AddressInfo).port, broadcast }
}

const serving = Promise.withResolvers<Awaited<ReturnType<typeof serve>>>()
process.on('message', async (question: BroadcasterPlan | 'broadcast') => {
  if (question === 'broadcast') process.send?.((await serving.promise).broadcast())
  else {
    serving.resolve(serve(question))
    process.send?.((await serving.promise).port)
  }
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
