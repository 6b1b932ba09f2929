/**
 * Listens to a channel until closed, on a separate connection. ioredis reconnects. This file renews the subscription after
 * every reconnect and at intervals, because a dead connection looks like a quiet channel.
 *
 * States: connecting (tried again until there is a connection) → listening → closed. A renewal that fails drops the
 * connection, and ioredis opens another.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connectSubscriber, type RedisConnection } from './connection.ts'

/** What happens on a channel. */
interface ChannelListener {
  message(text: string): void
  /** Called when listening begins, or begins again after messages may have been missed, and at each renewal. */
  subscribed(): void
}

/** Listens until closed. */
export interface Subscription {
  close(): void
}

/** Starts listening. */
export type OpenSubscription = (channel: string, listener: ChannelListener) => Subscription

const RETRY_MS = 250
const RENEW_MS = 5_000
/** Longer than a command may take; ioredis has no time-out for subscriptions on a Cluster. */
const RENEW_TIMEOUT_MS = 3_000

/** Makes the opener for a Redis. */
export function createSubscriptionOpener(options: ConnectionOptions): OpenSubscription {
  return (channel, listener) => {
    const closing = new AbortController()
    void listen(options, channel, listener, closing.signal)
    return { close: () => closing.abort() }
  }
}

async function listen(
  options: ConnectionOptions,
  channel: string,
  listener: ChannelListener,
  closed: AbortSignal,
): Promise<void> {
  const connection = await connectPatiently(options, closed)
  if (connection === undefined) return
  connection.on('message', (_channel: string, text: string) => listener.message(text))
  const renew = () => renewSubscription(connection, channel, listener, closed)
  connection.on('ready', renew)
  const timer = setInterval(renew, RENEW_MS)
  closed.addEventListener('abort', () => {
    clearInterval(timer)
    connection.disconnect()
  })
  await renew()
}

async function connectPatiently(
  options: ConnectionOptions,
  closed: AbortSignal,
): Promise<RedisConnection | undefined> {
  while (!closed.aborted) {
    try {
      const connection = await connectSubscriber(options)
      if (!closed.aborted) return connection
      connection.disconnect()
    } catch {
      // options.onError was called already.
      await delay(RETRY_MS)
    }
  }
  return undefined
}

/** A repeated SUBSCRIBE changes nothing, and its answer shows that the connection works. */
async function renewSubscription(
  connection: RedisConnection,
  channel: string,
  listener: ChannelListener,
  closed: AbortSignal,
): Promise<void> {
  if (connection.status !== 'ready' || closed.aborted) return
  const late = new AbortController()
  try {
    const timeout = delay(RENEW_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error('the subscription was not renewed in time')
    })
    await Promise.race([connection.subscribe(channel), timeout])
    if (!closed.aborted) listener.subscribed()
  } catch {
    // The connection is broken; the next one begins with a renewal.
    if (!closed.aborted) connection.disconnect(true)
  } finally {
    late.abort()
  }
}
