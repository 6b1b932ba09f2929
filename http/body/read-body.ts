/**
 * Reads a request body into memory, bounded in bytes and in time.
 *
 * The rest of a refused body is received and discarded, so that the client can read the answer; beyond a bound the socket is
 * closed. Compressed bodies are refused, so there are no decompression bombs.
 */
import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { invalidRequest, type OAuthError } from '../errors/oauth-error.ts'

export interface BodyLimits {
  /** Largest body, in bytes. */
  readonly maxBytes: number
  /** Longest time from the call until the last byte, in milliseconds. */
  readonly timeoutMs: number
}

export const BODY_LIMITS: BodyLimits = Object.freeze({ maxBytes: 64 * 1024, timeoutMs: 10_000 })

/** A well-behaved client stops soon after the 413; any other is disconnected here. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024

/**
 * The whole body.
 * @throws {OAuthError} `invalid_request` with 413 (too large), 415 (encoded), 408 (too slow) or 400 (cut short).
 */
export function readBody(req: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const refusal = isEncoded(req) ? encoded() : req.destroyed ? cutShort() : undefined
  if (refusal !== undefined) return Promise.reject(refusal)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let receivedBytes = 0
    let isSettled = false

    // Takes a function: 'close' follows every body, and creating an unused error would cost as much as the reading.
    const refuse = (makeError: (limits: BodyLimits) => OAuthError): void => {
      if (isSettled) return
      isSettled = true
      clearTimeout(timer)
      chunks.length = 0
      reject(makeError(limits))
    }
    const timer = setTimeout(refuse, limits.timeoutMs, tooSlow)

    // The listeners stay after a refusal: a flowing stream is what discards the rest.
    req.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length
      if (isSettled) {
        if (receivedBytes > MAX_DISCARDED_BYTES) req.destroy()
      } else if (receivedBytes > limits.maxBytes) refuse(tooLarge)
      else chunks.push(chunk)
    })
    req.on('end', () => {
      if (isSettled) return
      isSettled = true
      clearTimeout(timer)
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    })
    req.on('error', () => refuse(cutShort))
    req.on('close', () => refuse(cutShort))
    if (Number(req.headers['content-length']) > limits.maxBytes) refuse(tooLarge)
  })
}

/** Whether the body is compressed. */
export function isEncoded(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding']
  return encoding !== undefined && encoding.toLowerCase() !== 'identity'
}

/** The refusal of a compressed body. */
export function encoded(): OAuthError {
  return invalidRequest('the body must not be encoded', { status: 415 })
}

function tooLarge({ maxBytes }: BodyLimits): OAuthError {
  return invalidRequest(`the body must not exceed ${maxBytes} bytes`, { status: 413 })
}

/** The refusal of a body that takes too long. */
export function tooSlow(): OAuthError {
  // Closes the connection, which would otherwise wait for the rest of the body.
  return invalidRequest('the body took too long to arrive', {
    status: 408,
    headers: { Connection: 'close' },
  })
}

/** The refusal of a body whose sender disconnected. */
export function cutShort(): OAuthError {
  return invalidRequest('the body was cut short')
}
