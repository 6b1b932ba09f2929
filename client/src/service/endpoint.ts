/**
 * One request to the service and back: bounded in time and size, never following a redirect, which could carry our
 * secret elsewhere. Statuses become errors here; what a body means is decided by whoever asked.
 */
import { ClaimcheckError } from '../errors.ts'

/** A successful answer. */
export interface EndpointAnswer {
  readonly headers: Headers
  readonly text: string
}

/** A request. */
export interface EndpointRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** How requests are bounded. */
export interface EndpointOptions {
  readonly fetch: typeof fetch
  readonly timeoutMs: number
  /** Aborted when the client is closed. */
  readonly closing: AbortSignal
}

/** Sends one request. @throws {ClaimcheckError} for anything but a 200 that arrived whole and in time */
export type Send = (request: EndpointRequest) => Promise<EndpointAnswer>

const MAX_BODY_BYTES = 4 * 1_048_576

/** Makes the sender of a client. */
export function createSend({ fetch, timeoutMs, closing }: EndpointOptions): Send {
  return async ({ url, method, headers, body }) => {
    const late = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'error',
        signal: AbortSignal.any([late, closing]),
        ...(body === undefined ? {} : { body }),
      })
      if (response.status !== 200) {
        await response.body?.cancel()
        throw statusError(response.status)
      }
      return { headers: response.headers, text: await readText(response) }
    } catch (cause) {
      if (cause instanceof ClaimcheckError) throw cause
      if (closing.aborted)
        throw new ClaimcheckError('ERR_CLAIMCHECK_CLOSED', 'the client is closed')
      if (late.aborted) {
        throw new ClaimcheckError('ERR_CLAIMCHECK_TIMEOUT', `no answer within ${timeoutMs} ms`, {
          cause,
        })
      }
      throw new ClaimcheckError('ERR_CLAIMCHECK_UNREACHABLE', 'the service cannot be reached', {
        cause,
      })
    }
  }
}

/** HTTP Basic with both halves form-encoded (RFC 6749 §2.3.1). */
export function basicAuthorization(clientId: string, clientSecret: string): string {
  return `Basic ${btoa(`${formEncode(clientId)}:${formEncode(clientSecret)}`)}`
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function statusError(status: number): ClaimcheckError {
  if (status === 401 || status === 403) {
    return new ClaimcheckError(
      'ERR_CLAIMCHECK_UNAUTHORIZED',
      `the service refused our own credentials (${status}): check clientId, clientSecret and the registration`,
    )
  }
  if (status === 429 || status >= 500) {
    return new ClaimcheckError(
      'ERR_CLAIMCHECK_UNREACHABLE',
      `the service cannot answer now (${status})`,
    )
  }
  return new ClaimcheckError('ERR_CLAIMCHECK_BAD_RESPONSE', `the service answered ${status}`)
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > MAX_BODY_BYTES) {
      throw new ClaimcheckError('ERR_CLAIMCHECK_BAD_RESPONSE', 'the answer is too large')
    }
    text += decode(decoder, chunk)
  }
  return text + decode(decoder)
}

/** Decodes a piece, or without one the end. What is no UTF-8 is the server's mistake; asking again would not help. */
function decode(decoder: InstanceType<typeof TextDecoder>, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
  } catch {
    throw new ClaimcheckError('ERR_CLAIMCHECK_BAD_RESPONSE', 'the answer is not UTF-8')
  }
}
