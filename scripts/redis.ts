// The Redis of `npm start`: the one that CLAIMCHECK_REDIS_URL names, or a private server that keeps
// its append-only file in the data directory and is reached through a unix socket only.
//
// The private server has no port and its socket is for this user alone, so it needs no password. The
// caller holds the start lock of the data directory; a server found on the socket is therefore an
// orphan of a killed start, and is shut down before its files are opened again.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectRedis, type RedisConnection } from '../store/redis/connection.ts'
import type { Child, Children } from './children.ts'
import { redisServerBinary } from './redis-binary.ts'
import { socketPath } from './socket-path.ts'

const TIMEOUT_MS = 3_000
// A large append-only file takes long to load.
const READY_TIMEOUT_MS = 60_000
const POLL_MS = 50

export interface RedisPlace {
  readonly url: string
  readonly description: string
}

export function redisServerArgs(socket: string, folder: string): readonly string[] {
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    daemonize: 'no',
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

/** A Redis URL without user and password, fit to be shown. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^@/]*@/g, '//')
}

/**
 * Makes sure there is a Redis that answers.
 *
 * @throws {Error} that says which Redis does not answer, or why none can be started.
 */
export async function findOrStartRedis(options: {
  readonly url: string | undefined
  readonly dataDir: string
  readonly children: Children
}): Promise<RedisPlace> {
  if (options.url === undefined) return startRedis(options.dataDir, options.children)
  const problem = await ping(options.url)
  if (problem !== undefined) {
    throw new Error(`CLAIMCHECK_REDIS_URL (${shownUrl(options.url)}) does not answer: ${problem}`)
  }
  return { url: options.url, description: shownUrl(options.url) }
}

async function startRedis(dataDir: string, children: Children): Promise<RedisPlace> {
  const binary = await redisServerBinary()
  const folder = join(dataDir, 'redis')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const socket = socketPath(dataDir, 'redis.sock')
  await shutDownOrphan(socket)
  const child = children.start({
    name: 'redis',
    command: binary,
    args: redisServerArgs(socket, folder),
    env: { PATH: process.env.PATH },
    isShown: false,
    stopsLast: true,
  })
  await untilReady(child, socket)
  return { url: `unix:${socket}`, description: `private, data in ${folder}` }
}

async function untilReady(child: Child, socket: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const problem = await ping(`unix:${socket}`)
    if (!child.isRunning()) {
      await child.ended
      throw new Error(`Redis did not start; its output was\n${child.lastLines().join('\n')}`)
    }
    if (problem === undefined) return
    if (performance.now() >= deadline) throw new Error(`Redis does not get ready: ${problem}`)
    await delay(POLL_MS)
  }
}

async function shutDownOrphan(socket: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  const isAlive = async (): Promise<boolean> =>
    withRedis(`unix:${socket}`, (redis) => redis.ping()).then(
      () => true,
      (error: unknown) => !/ENOENT|ECONNREFUSED/.test(String(error)),
    )
  while (await isAlive()) {
    if (performance.now() >= deadline) {
      throw new Error(`the Redis of an earlier start is still running on ${socket}; stop it`)
    }
    // The server closes the connection instead of answering; the next attempt sees whether it is gone.
    await withRedis(`unix:${socket}`, (redis) => redis.call('SHUTDOWN')).catch(() => undefined)
    await delay(POLL_MS)
  }
}

async function ping(url: string): Promise<string | undefined> {
  try {
    await withRedis(url, (redis) => redis.ping())
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function withRedis<Result>(
  url: string,
  work: (redis: RedisConnection) => Promise<Result>,
): Promise<Result> {
  // ioredis tells the reason to the listener; the rejected promise only says "closed".
  let reason: Error | undefined
  const onError = (error: Error): void => {
    reason = error
  }
  try {
    const redis = await connectRedis({ url, commandTimeoutMs: TIMEOUT_MS, onError })
    try {
      return await work(redis)
    } finally {
      redis.disconnect()
    }
  } catch (error) {
    throw reason ?? error
  }
}
