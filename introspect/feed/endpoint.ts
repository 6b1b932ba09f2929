/**
 * `GET /feed`: decides who may open a WebSocket. A client authenticates exactly as for `/introspect`, but by the
 * Authorization header alone, and is refused with the same answers. `connection.ts` speaks on the open socket.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Router } from '@koa/router'
import { WebSocketServer } from 'ws'
import type { AuditTrail } from '../../http/audit/audit-trail.ts'
import { presentedCredentials } from '../../http/auth/client-credentials.ts'
import { NO_FORM } from '../../http/body/form.ts'
import { invalidRequest, OAuthError } from '../../http/errors/oauth-error.ts'
import { sendOAuthError, toOAuthError } from '../../http/errors/oauth-response.ts'
import {
  type RequestState,
  requestIdFrom,
  sourceAddress,
} from '../../http/pipeline/request-context.ts'
import type { UpgradeHandler } from '../../http/server/listener.ts'
import type { Logger } from '../../http/telemetry/logger.ts'
import type { Metrics } from '../../http/telemetry/metrics.ts'
import type { Store } from '../../store/store.ts'
import { authenticateCaller } from '../caller.ts'
import type { FeedCaller, FeedConnections } from './connections.ts'
import type { FeedLimits } from './limits.ts'

export interface FeedEndpointOptions {
  /** Such as `/feed`, with the prefix of the service. */
  readonly path: string
  readonly store: Pick<Store, 'clients' | 'failures'>
  readonly limits: FeedLimits
  readonly log: Logger
  readonly metrics: Metrics
  readonly trail: Pick<AuditTrail, 'refused'>
  readonly trustProxy: boolean
  readonly connections: Pick<FeedConnections, 'size' | 'isOpen' | 'countOf' | 'add'>
}

const FULL_RETRY_SECONDS = '5'

/** Makes the handler of upgrades. */
export function createFeedEndpoint(options: FeedEndpointOptions): UpgradeHandler {
  const { path, limits, log, metrics, trail, trustProxy, connections } = options
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Frames are small, and a broadcast frame must not be compressed once per socket.
    perMessageDeflate: false,
    // Above the limit of the feed, so that the feed closes with a code that says why.
    maxPayload: 2 * limits.maxFrameBytes,
  })
  webSockets.on('wsClientError', (error, socket, req) => {
    const refusal = invalidRequest(`the WebSocket handshake is malformed: ${error.message}`, {
      headers: { 'Sec-WebSocket-Version': '13' },
    })
    refuse(req, socket, refusal, { requestId: requestIdOf(req), source: '' })
  })
  let authenticating = 0

  async function handle(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const state = { requestId: requestIdOf(req), source: sourceAddress(req, trustProxy) }
    // Nothing else listens while the client is looked up, and an error without a listener ends the process.
    socket.on('error', () => undefined)
    authenticating++
    try {
      const caller = await admit(options, authenticating, req, state)
      webSockets.handleUpgrade(req, socket, head, (opened) => {
        logUpgrade(state, 101)
        connections.add(opened, caller)
      })
    } catch (error) {
      refuse(req, socket, error, state)
    } finally {
      authenticating--
    }
  }

  function refuse(req: IncomingMessage, socket: Duplex, error: unknown, state: RequestState): void {
    const { requestId } = state
    const refusal = toOAuthError(error, requestId)
    if (refusal.error === 'invalid_client') metrics.authFailed(path)
    trail.refused(state, path, refusal)
    if (refusal.error === 'server_error')
      log.error({ request_id: requestId, err: error }, 'request failed')
    logUpgrade(state, refusal.status, refusal.error)
    try {
      sendRefusal(req, socket, refusal, requestId)
    } catch (err) {
      // A refusal that cannot be written must end the socket and not the process.
      log.warn({ request_id: requestId, err }, 'the refusal could not be written')
      socket.destroy()
    }
  }

  function logUpgrade(
    { requestId, source, clientId }: RequestState,
    status: number,
    error?: string,
  ) {
    const line = { request_id: requestId, method: 'GET', route: path, status, source }
    log[status >= 500 ? 'warn' : 'info']({ ...line, client_id: clientId, error }, 'request')
  }

  return {
    accepts: (req) => req.method === 'GET' && pathOf(req) === path && wantsWebSocket(req),
    handle: (req, socket, head) => void handle(req, socket, head),
  }
}

/** Adds the answer to an ordinary request for the feed. */
export function addFeedHint(router: Router<RequestState>): void {
  router.get('/feed', () => {
    throw invalidRequest('the feed is a WebSocket', {
      status: 426,
      headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
    })
  })
}

async function admit(
  { connections, limits, store }: FeedEndpointOptions,
  authenticating: number,
  req: IncomingMessage,
  state: RequestState,
): Promise<FeedCaller> {
  if (!connections.isOpen) throw unavailable('the node is about to stop', '0')
  if (connections.size + authenticating > limits.maxConnections) {
    throw unavailable('the node holds as many feeds as it may', FULL_RETRY_SECONDS)
  }
  const presented = presentedCredentials(req, NO_FORM)
  const { client_id: clientId } = await authenticateCaller(presented, store, state)
  if (connections.countOf(clientId) >= limits.maxConnectionsPerClient) {
    throw unavailable('this client holds as many feeds of this node as it may', FULL_RETRY_SECONDS)
  }
  return { clientId, presented }
}

/** Answers with the status, headers and body of an ordinary HTTP answer, on a socket that Node no longer handles. */
function sendRefusal(
  req: IncomingMessage,
  socket: Duplex,
  refusal: OAuthError,
  requestId: string,
): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const res = new ServerResponse(req)
  // An HTTP server always passes a net or TLS socket; only its type says Duplex.
  const connection = socket as Socket
  res.assignSocket(connection)
  res.shouldKeepAlive = false
  res.once('finish', () => {
    res.detachSocket(connection)
    connection.destroySoon()
  })
  res.setHeader('X-Request-Id', requestId)
  sendOAuthError({ res }, refusal)
}

function pathOf(req: IncomingMessage): string | undefined {
  return req.url?.split('?', 1)[0]
}

function wantsWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === 'websocket'
}

function requestIdOf(req: IncomingMessage): string {
  return requestIdFrom(req.headers['x-request-id'])
}

function unavailable(description: string, retryAfterSeconds: string): OAuthError {
  return new OAuthError('temporarily_unavailable', description, {
    headers: { 'Retry-After': retryAfterSeconds },
  })
}
