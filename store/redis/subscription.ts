/**
 * Listening to a channel for as long as somebody wants to, on a connection of its own. ioredis reconnects; this renews
 * the subscription after every reconnect and from time to time, because a connection that died silently looks exactly
 * like a quiet channel.
 *
 * States: connecting (no connection yet: tried again until there is one) → listening → closed. A renewal that fails
 * drops the connection, which makes ioredis open another.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connectSubscriber, type RedisConnection } from './connection.ts'

/** What happens on a channel. */
export interface ChannelListener {
  message(text: string): void
  /** Listening from now on, possibly after a time of missing everything. Also told at each renewal. */
  subscribed(): void
}

/** Something that listens until closed. */
export interface Subscription {
  close(): void
}

/** Starts listening. */
export type OpenSubscription = (channel: string, listener: ChannelListener) => Subscription

const RETRY_MS = 250
const RENEW_MS = 5_000
/** Longer than a command may take; Cluster knows no limit for subscriptions. */
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
      // Told to options.onError already.
      await delay(RETRY_MS)
    }
  }
  return undefined
}

/** SUBSCRIBE once more changes nothing, and its answer shows that the connection lives. */
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
    // The connection is of no use; the next one begins with a renewal.
    if (!closed.aborted) connection.disconnect(true)
  } finally {
    late.abort()
  }
}
