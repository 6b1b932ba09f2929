/**
 * Refuses an upgrade with an ordinary HTTP answer: the same statuses, headers and bodies as the other endpoints give,
 * on a socket that Node has taken out of its hands.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { OAuthError } from '../../http/errors/oauth-error.ts'
import { sendOAuthError } from '../../http/errors/oauth-response.ts'

/** Answers and closes. */
export function refuseUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  error: OAuthError,
  requestId: string,
): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const res = new ServerResponse(req)
  // A Duplex only by its type: what an HTTP server hands over is a net or TLS socket.
  const connection = socket as Socket
  res.assignSocket(connection)
  res.shouldKeepAlive = false
  res.once('finish', () => {
    res.detachSocket(connection)
    connection.destroySoon()
  })
  res.setHeader('X-Request-Id', requestId)
  sendOAuthError({ res }, error)
}
