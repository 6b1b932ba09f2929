/**
 * Reads a request body of any length piece by piece. Nothing more is taken from the peer while a piece is worked on, so
 * that a slow reader slows the sender down and memory stays flat. There is no limit on the whole, in bytes or in time:
 * only on how long the peer may pause. Compressed bodies are refused, as in `body.ts`.
 */
import type { IncomingMessage } from 'node:http'
import { exemptFromBodyTimeout } from '../server/body-timeout-exempt.ts'
import { cutShort, encoded, isEncoded, tooSlow } from './read-body.ts'

/** How long the peer may pause, in milliseconds. */
export const PAUSE_LIMIT_MS = 30_000

/** How long a peer that was answered may go on sending before it is cut off, in milliseconds. */
const MAX_DISCARDING_MS = 60_000

/** How to read. */
export interface ChunkOptions {
  /** Default is {@link PAUSE_LIMIT_MS}. */
  readonly pauseLimitMs?: number
  /** Ends the reading at once; its reason is thrown. */
  readonly signal: AbortSignal
}

/**
 * The pieces of the body, in order. Whoever stops before the end calls {@link discardRest}.
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

  async function somethingNew(): Promise<void> {
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
      else await somethingNew()
    }
  } finally {
    req.off('data', onData)
    signal.removeEventListener('abort', onSignal)
  }
}

/**
 * Takes what still arrives of a body that nobody wants any more, so that a peer that sends everything before it reads
 * gets its answer. Resolves when the body is at its end or the peer was cut off.
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
