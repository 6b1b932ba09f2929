/**
 * Reads a request body of any length chunk by chunk. While a chunk is being processed the request is paused, so that a slow
 * reader slows the sender down and memory stays flat. Neither bytes nor total time are limited, only the pauses of the
 * sender. Compressed bodies are refused, as in `read-body.ts`.
 */
import type { IncomingMessage } from 'node:http'
import { exemptFromBodyTimeout } from '../server/body-timeout-exempt.ts'
import { cutShort, encoded, isEncoded, tooSlow } from './read-body.ts'

/** Longest pause of the sender, in milliseconds. */
const PAUSE_LIMIT_MS = 30_000

/** How long a sender that was already answered may go on before it is disconnected, in milliseconds. */
const MAX_DISCARDING_MS = 60_000

/** How to read. */
export interface ChunkOptions {
  /** Default is {@link PAUSE_LIMIT_MS}. */
  readonly pauseLimitMs?: number
  /** Aborts the reading at once; its reason is thrown. */
  readonly signal: AbortSignal
}

/**
 * The chunks of the body, in order. A caller that stops before the end must call {@link discardRest}.
 *
 * @throws {OAuthError} `invalid_request` with 415 (encoded), 408 (paused for too long) or 400 (cut short)
 */
export async function* readChunks(
  req: IncomingMessage,
  { pauseLimitMs = PAUSE_LIMIT_MS, signal }: ChunkOptions,
): AsyncGenerator<Buffer, void> {
  if (isEncoded(req)) throw encoded()
  exemptFromBodyTimeout(req)
  const arrived: Buffer[] = []
  let wake: () => void = () => {}
  const onSignal = (): void => wake()
  const onData = (chunk: Buffer): void => {
    arrived.push(chunk)
    req.pause()
    wake()
  }

  async function nextEvent(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    wake = resolve
    const timer = setTimeout(() => reject(tooSlow()), pauseLimitMs)
    req.resume()
    await promise.finally(() => clearTimeout(timer))
  }

  req.on('data', onData)
  for (const event of ['end', 'close', 'error']) req.on(event, onSignal)
  signal.addEventListener('abort', onSignal)
  try {
    for (;;) {
      signal.throwIfAborted()
      const chunk = arrived.shift()
      if (chunk !== undefined) yield chunk
      else if (req.readableEnded) return
      else if (req.destroyed) throw cutShort()
      else await nextEvent()
    }
  } finally {
    req.off('data', onData)
    signal.removeEventListener('abort', onSignal)
  }
}

/**
 * Discards the rest of a body, so that a client that sends everything before it reads gets its answer. Resolves when the
 * body has ended or the client was disconnected.
 */
export function discardRest(req: IncomingMessage): Promise<void> {
  if (req.readableEnded || req.destroyed) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(() => req.destroy(), MAX_DISCARDING_MS)
  for (const event of ['end', 'close']) req.once(event, () => resolve())
  req.on('error', () => resolve())
  req.resume()
  return promise.finally(() => clearTimeout(timer))
}
