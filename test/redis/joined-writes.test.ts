/** Commands leave together, and no reply waits for another. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { type Cluster, Command, type Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectRedis } from '../../store/redis/connection.ts'
import { batchWrites, type SendCommand } from '../../store/redis/write-batching.ts'
import { startCluster } from '../fixture/redis-cluster.ts'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { waitFor } from '../fixture/wait-for.ts'

let server: TestRedis
let connection: Redis
let send: SendCommand

beforeAll(async () => {
  server = await startRedis()
  connection = (await connectRedis({ url: server.url, commandTimeoutMs: 10_000 })) as Redis
  send = batchWrites(connection)
})

afterAll(async () => {
  connection.disconnect()
  await server.stop()
})

const command = (...[name, ...args]: [string, ...string[]]) =>
  new Command(name, args, { replyEncoding: 'utf8' })

describe('commands', () => {
  it('of one turn leave in as few writes as sixteen fit into', async () => {
    const reads = async () => {
      const info = await server.direct.info('stats')
      return Number(/^total_reads_processed:(\d+)/m.exec(info)?.[1])
    }
    const before = await reads()
    await Promise.all(Array.from({ length: 48 }, () => send(command('ping'))))
    // Three for the commands, one for the question itself; a read may take two writes at once, but never divides one.
    expect((await reads()) - before).toBeLessThanOrEqual(4)
  })

  it('of a turn leave although those of the turn before have no reply yet', async () => {
    server.pause()
    try {
      const first = send(command('echo', 'first'))
      await turn()
      await waitFor(() => connection.stream.writableLength === 0)
      const sent = connection.stream.bytesWritten
      const second = send(command('echo', 'second'))
      await waitFor(() => connection.stream.bytesWritten > sent)
      server.resume()
      expect(await Promise.all([first, second])).toEqual(['first', 'second'])
    } finally {
      server.resume()
    }
  })

  it('are answered one by one: a slow one holds up only what comes after it', async () => {
    const order: string[] = []
    const told = (name: string) => (): number => order.push(name)
    const quick = send(command('ping')).then(told('quick'))
    const slow = send(command('brpop', 'nothing', '0')).catch(told('slow'))
    await quick
    expect(order).toEqual(['quick'])
    await server.direct.lpush('nothing', 'something')
    await slow
  })

  it('fail like any other when the connection is lost while they are held, and later ones work', async () => {
    const lost = send(command('ping'))
    connection.stream.destroy()
    await expect(lost).rejects.toThrow()
    await once(connection, 'ready')
    expect(await send(command('ping'))).toBe('PONG')
  })
})

describe('on a Cluster a command', () => {
  it('that was refused for its time is not sent again when the connection is lost later', async () => {
    const cluster = await startCluster()
    const toCluster = (await connectRedis({
      url: cluster.url,
      commandTimeoutMs: 1_000,
    })) as Cluster
    const sendThere = batchWrites(toCluster)
    const length = async (list: string) =>
      sendThere(command('llen', `{one}${list}`)) as Promise<number>
    try {
      expect(await length('refused')).toBe(0)
      for (const node of cluster.nodes) node.pause()
      await expect(sendThere(command('rpush', '{one}refused', 'x'))).rejects.toThrow('timed out')
      // Whatever is sent again goes in the order in which it went first: once this is there, so is the one before.
      const next = sendThere(command('rpush', '{one}next', 'x'))
      await turn()
      // Nodes that were never asked are not connected.
      for (const { status, stream } of toCluster.nodes('all')) {
        if (status === 'ready') stream.destroy()
      }
      for (const node of cluster.nodes) node.resume()
      await next
      // What was on its way when it was refused may have been done: once.
      expect(await length('refused')).toBeLessThanOrEqual(1)
    } finally {
      toCluster.disconnect()
      await cluster.stop()
    }
  })
})
