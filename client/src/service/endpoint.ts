/**
 * Sends one request to the service. Its time and the size of its answer are bounded. Redirects are not followed, because they
 * could send the client's secret to another host. Every status but 200 becomes an error; the body is left to the caller.
 */
import { ClaimcheckError } from '../errors.ts'

/** A successful answer. */
export interface EndpointAnswer {
  readonly headers: Headers
  readonly text: string
}

/** A request. */
interface EndpointRequest {
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
      if (closing.aborted) throw failure('CLOSED', 'the client is closed')
      if (late.aborted) {
        throw failure('TIMEOUT', `the service did not answer within ${timeoutMs} ms`, { cause })
      }
      throw failure('UNREACHABLE', 'the service cannot be reached', { cause })
    }
  }
}

/** The `Authorization` header for HTTP Basic. Both parts are form-encoded (RFC 6749 §2.3.1). */
export function basicAuthorization(clientId: string, clientSecret: string): string {
  return `Basic ${btoa(`${formEncode(clientId)}:${formEncode(clientSecret)}`)}`
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function statusError(status: number): ClaimcheckError {
  if (status === 401 || status === 403) {
    const advice = 'check clientId, clientSecret and the registration'
    return failure('UNAUTHORIZED', `the service refused this client (${status}): ${advice}`)
  }
  if (status === 429 || status >= 500) {
    return failure('UNREACHABLE', `the service cannot answer now (${status})`)
  }
  return failure('BAD_RESPONSE', `the service answered with status ${status}`)
}

function failure(
  code: 'BAD_RESPONSE' | 'CLOSED' | 'TIMEOUT' | 'UNAUTHORIZED' | 'UNREACHABLE',
  message: string,
  options?: ErrorOptions,
): ClaimcheckError {
  return new ClaimcheckError(`ERR_CLAIMCHECK_${code}`, message, options)
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > MAX_BODY_BYTES) {
      throw failure('BAD_RESPONSE', 'the answer of the service is too large')
    }
    text += decode(decoder, chunk)
  }
  return text + decode(decoder)
}

/** Decodes a chunk, or the end without one. Invalid UTF-8 is a mistake of the server, so another attempt would not help. */
function decode(decoder: InstanceType<typeof TextDecoder>, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true })
  } catch {
    throw failure('BAD_RESPONSE', 'the answer of the service is not UTF-8')
  }
}
