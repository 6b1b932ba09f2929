/**
 * `GET /feed`: who may open a WebSocket here. Authenticated exactly like `/introspect`, with the Authorization header
 * alone; refused with the same answers. What is then said on the socket is `feed-connection.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Router } from '@koa/router'
import { type WebSocket, WebSocketServer } from 'ws'
import type { AuditTrail } from '../../http/audit/audit-trail.ts'
import {
  type PresentedCredentials,
  presentedCredentials,
} from '../../http/auth/client-credentials.ts'
import { NO_FORM } from '../../http/body/form.ts'
import { invalidRequest, OAuthError } from '../../http/errors/oauth-error.ts'
import { toOAuthError } from '../../http/errors/oauth-response.ts'
import type { RequestState } from '../../http/pipeline/request-context.ts'
import { requestIdFrom } from '../../http/pipeline/request-id.ts'
import { sourceAddress } from '../../http/pipeline/source-address.ts'
import type { UpgradeHandler } from '../../http/server/listener.ts'
import type { Logger } from '../../http/telemetry/logger.ts'
import type { Metrics } from '../../http/telemetry/metrics.ts'
import type { Store } from '../../store/store.ts'
import { authenticateCaller } from '../caller.ts'
import type { FeedLimits } from './limits.ts'
import { refuseUpgrade } from './upgrade-refusal.ts'

/** A socket, and who is at its other end. */
export interface FeedCaller {
  readonly clientId: string
  readonly presented: PresentedCredentials
}

export interface FeedEndpointOptions {
  /** Such as `/feed`, with the prefix of the service. */
  readonly path: string
  readonly store: Pick<Store, 'clients' | 'failures'>
  readonly limits: FeedLimits
  readonly log: Logger
  readonly metrics: Metrics
  readonly trail: Pick<AuditTrail, 'refused'>
  readonly trustProxy: boolean
  /** How many sockets are open. */
  readonly connections: () => number
  /** Whether new ones are welcome; false once the node is about to stop. */
  readonly isOpen: () => boolean
  readonly connected: (socket: WebSocket, caller: FeedCaller) => void
}

const FULL_RETRY_SECONDS = '5'

/** Makes the handler of upgrades. */
export function createFeedEndpoint(options: FeedEndpointOptions): UpgradeHandler {
  const { path, store, limits, log, metrics, trail, trustProxy } = options
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Frames are small, and what is told to all must not be packed for each.
    perMessageDeflate: false,
    // Above our own limit, which has our own close code.
    maxPayload: 2 * limits.maxFrameBytes,
  })
  webSockets.on('wsClientError', (error, socket, req) => {
    const refusal = invalidRequest(`the WebSocket handshake is malformed: ${error.message}`, {
      headers: { 'Sec-WebSocket-Version': '13' },
    })
    refuse(req, socket, refusal, { requestId: requestIdOf(req), source: '' })
  })
  let authenticating = 0
  /** Open feeds by client, so that one cannot take the places of all. */
  const held = new Map<string, number>()

  function hold(clientId: string, opened: WebSocket): void {
    held.set(clientId, (held.get(clientId) ?? 0) + 1)
    opened.once('close', () => {
      const left = (held.get(clientId) ?? 1) - 1
      if (left === 0) held.delete(clientId)
      else held.set(clientId, left)
    })
  }

  async function admit(req: IncomingMessage, state: RequestState): Promise<FeedCaller> {
    if (!options.isOpen()) throw unavailable('the node is about to stop', '0')
    if (options.connections() + authenticating > limits.maxConnections) {
      throw unavailable('the node holds as many feeds as it may', FULL_RETRY_SECONDS)
    }
    const presented = presentedCredentials(req, NO_FORM)
    const { client_id } = await authenticateCaller(presented, store, state)
    if ((held.get(client_id) ?? 0) >= limits.maxConnectionsPerClient) {
      throw unavailable(
        'this client holds as many feeds of this node as it may',
        FULL_RETRY_SECONDS,
      )
    }
    return { clientId: client_id, presented }
  }

  function refuse(req: IncomingMessage, socket: Duplex, error: unknown, state: RequestState): void {
    const refusal = toOAuthError(error, state.requestId)
    if (refusal.error === 'invalid_client') metrics.authFailed(path)
    trail.refused(state, path, refusal)
    if (refusal.error === 'server_error')
      log.error({ request_id: state.requestId, err: error }, 'request failed')
    logUpgrade(state, refusal.status, refusal.error)
    try {
      refuseUpgrade(req, socket, refusal, state.requestId)
    } catch (err) {
      // A refusal that cannot be written must end the socket, not the process.
      log.warn({ request_id: state.requestId, err }, 'the refusal could not be written')
      socket.destroy()
    }
  }

  function logUpgrade(state: RequestState, status: number, error?: string): void {
    const { requestId, source, clientId } = state
    const line = { request_id: requestId, method: 'GET', route: path, status, source }
    log[status >= 500 ? 'warn' : 'info']({ ...line, client_id: clientId, error }, 'request')
  }

  async function handle(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const state = { requestId: requestIdOf(req), source: sourceAddress(req, trustProxy) }
    // Nobody else listens while the client is being looked up; an error without a listener ends the process.
    socket.on('error', () => undefined)
    authenticating++
    try {
      const caller = await admit(req, state)
      webSockets.handleUpgrade(req, socket, head, (opened) => {
        logUpgrade(state, 101)
        hold(caller.clientId, opened)
        options.connected(opened, caller)
      })
    } catch (error) {
      refuse(req, socket, error, state)
    } finally {
      authenticating--
    }
  }

  return {
    accepts: (req) => req.method === 'GET' && pathOf(req) === path && wantsWebSocket(req),
    handle: (req, socket, head) => void handle(req, socket, head),
  }
}

/** Adds the answer for those who come to the feed with an ordinary request. */
export function addFeedHint(router: Router<RequestState>): void {
  router.get('/feed', () => {
    throw invalidRequest('the feed is a WebSocket', {
      status: 426,
      headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
    })
  })
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
