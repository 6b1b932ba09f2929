/**
 * A server that answers what a test tells it to, over real HTTP and WebSocket on loopback. It stands in for broken and hostile
 * servers, which the services of the fixture are not.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { isTokenShaped, type ServerFrame, TOKEN_BODY_LENGTH } from '../../client/src/wire/index.ts'

/** Answers one request; the body has been read. */
export type Respond = (request: {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly body: string
}) => void

/** The server; every behaviour may be replaced while it runs. */
export interface ScriptedServer {
  readonly issuer: string
  /** Answers `/introspect` and the batch. */
  respond: Respond
  /** Changes the metadata document. */
  metadata: (document: Record<string, unknown>) => unknown
  /** Meets a new feed connection; by default says `start` for one partition and grants every probe. */
  greet: (socket: WebSocket) => void
  /** Bodies of the requests to introspection so far. */
  readonly asked: readonly string[]
  readonly sockets: ReadonlySet<WebSocket>
  /** Sends a frame, or any text, to every socket. */
  send(frame: ServerFrame | string): void
  close(): Promise<void>
}

const TOKEN_PREFIX = 'cc_at_'

/** A text of the shape of a token, from a name without a trailing underscore. */
export function shaped(name: string): string {
  return TOKEN_PREFIX + name.padEnd(TOKEN_BODY_LENGTH, '_')
}

/** The name in a token made by {@link shaped}; any other text is its own name. */
export function nameOf(token: string): string {
  return isTokenShaped(token) ? token.slice(TOKEN_PREFIX.length).replace(/_+$/, '') : token
}

/** An active answer for a token name; `exp` far ahead. */
export function activeAnswer(
  name: string,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    active: true,
    iss: 'i',
    sub: `sub-${name}`,
    client_id: 'web',
    aud: ['r'],
    token_type: 'Bearer',
    iat: 1,
    exp: Math.floor(Date.now() / 1_000) + 3_600,
    jti: `jti-${name}`,
    grant_id: `grant-${name}`,
    ...more,
  }
}

/** Answers every token as active at position `seq` of partition 0. */
export function answerActive(seq = 0): Respond {
  return ({ req, res, body }) => {
    const isBatch = req.url?.endsWith('/batch') === true
    const tokens = isBatch
      ? (JSON.parse(body) as { tokens: string[] }).tokens
      : [new URLSearchParams(body).get('token') ?? '']
    const answers = tokens.map((token) => activeAnswer(nameOf(token)))
    res.setHeader('content-type', 'application/json')
    res.setHeader('claimcheck-freshness', tokens.map(() => `0:e1:${seq}`).join(','))
    res.end(JSON.stringify(isBatch ? { results: answers } : answers[0]))
  }
}

/** A `start` for one partition. */
export const START: ServerFrame = { type: 'start', partitions: [['reset', 'e1', 0]] }

/** Starts a server that behaves well until told otherwise. */
export async function startScriptedServer(): Promise<ScriptedServer> {
  const asked: string[] = []
  const sockets = new Set<WebSocket>()
  const http = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    if (req.url?.startsWith('/.well-known') === true) {
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify(server.metadata(documentOf(server.issuer))))
      return
    }
    asked.push(body)
    server.respond({ req, res, body })
  })
  const feed = new WebSocketServer({ server: http, path: '/feed' })
  feed.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    server.greet(socket)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo

  const server: ScriptedServer = {
    issuer: `http://127.0.0.1:${port}`,
    respond: answerActive(),
    metadata: (document) => document,
    greet: grantEverything,
    asked,
    sockets,
    send(frame) {
      const text = typeof frame === 'string' ? frame : JSON.stringify(frame)
      for (const socket of sockets) socket.send(text)
    },
    async close() {
      for (const socket of sockets) socket.terminate()
      feed.close()
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

/** Greets with {@link START} and grants every probe. */
export function grantEverything(socket: WebSocket): void {
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as { type: string; n?: number }
    if (frame.type === 'hello') socket.send(JSON.stringify(START))
    if (frame.type === 'probe') socket.send(JSON.stringify({ type: 'lease', n: frame.n }))
  })
}

function documentOf(issuer: string): Record<string, unknown> {
  return {
    issuer,
    introspection_endpoint: `${issuer}/introspect`,
    claimcheck_introspection_batch_endpoint: `${issuer}/introspect/batch`,
    claimcheck_feed_endpoint: `${issuer}/feed`,
  }
}
