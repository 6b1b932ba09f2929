/**
 * Answers what is not a complete request: a malformed request line, headers that are too large, a request that did not arrive in
 * time. Koa never sees these, so the answer is written to the socket directly, as an OAuth error that quotes nothing of what
 * was sent.
 */
import { Buffer } from 'node:buffer'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { isExemptFromBodyTimeout } from './body-timeout-exempt.ts'

interface PossiblyAnswering {
  /** The answer being sent on this socket; Node's default handler reads the same member. */
  readonly _httpMessage?: { readonly _headerSent?: boolean; readonly req?: IncomingMessage } | null
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'the request is malformed',
  408: 'the request took too long to arrive',
  431: 'the request headers are too large',
}

/** Handler of a server's `clientError` event. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const answering = (socket as Duplex & PossiblyAnswering)._httpMessage
  // Node reports an overdue request only once, so ignoring it exempts the request.
  if (
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT' &&
    answering?.req &&
    isExemptFromBodyTimeout(answering.req)
  ) {
    return
  }
  if (error.code === 'ECONNRESET' || !socket.writable || answering?._headerSent === true) {
    socket.destroy(error)
    return
  }
  socket.end(rawAnswer(statusOf(error.code)), () => socket.destroy())
}

function statusOf(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
}

function rawAnswer(status: number): string {
  const body = JSON.stringify({
    error: 'invalid_request',
    error_description: DESCRIPTIONS[status],
  })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Pragma: no-cache',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
