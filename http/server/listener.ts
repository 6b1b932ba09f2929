/**
 * The listener: HTTP or HTTPS, with limits on headers and time, JSON answers to requests that never reach Koa, and a drain.
 *
 * Draining stops accepting connections, closes idle ones, marks busy ones to close after their answer, and destroys what is
 * left at the timeout. Signals are not handled here; main.ts calls `close`.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { answerClientError } from './client-error.ts'

export interface ServerLimits {
  readonly headersTimeoutMs: number
  /** From the first byte of a request to its last. Longer than the limit on the body, whose answer says more. */
  readonly requestTimeoutMs: number
  /** Longer than the minute for which most load balancers keep a connection, so that they close it first. */
  readonly keepAliveTimeoutMs: number
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
}

export const SERVER_LIMITS: ServerLimits = Object.freeze({
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
})

/** PEM texts. With `clientCa`, clients must present a certificate signed by it. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string | undefined
}

/** Takes connections over from HTTP, for WebSockets. */
export interface UpgradeHandler {
  /** Whether to take over this request; all others are handled as ordinary requests, without an upgrade. */
  accepts(req: IncomingMessage): boolean
  /** Takes over the socket, its errors included. */
  handle(req: IncomingMessage, socket: Duplex, head: Buffer): void
}

export interface ListenOptions {
  readonly callback: RequestListener
  readonly upgrade?: UpgradeHandler | undefined
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  /** The setting to name when the port is in use. */
  readonly portSetting: string
  readonly log: Logger
  readonly tls?: TlsMaterial | undefined
  readonly limits?: ServerLimits
}

export interface RunningServer {
  readonly server: Server
  readonly port: number
  /** Such as `http://127.0.0.1:4000`. */
  readonly url: string
  /** Drains. Returns whether every request was answered or some were cut off at the timeout. */
  close(options: { readonly timeoutMs: number }): Promise<'drained' | 'cut-off'>
}

const IDLE_SWEEP_MS = 50

/** The connections of a server. */
interface Connections {
  /** Each open connection with the last answer on it; under TLS, the connection above the socket. */
  readonly answers: Map<Socket, ServerResponse | undefined>
  /** The sockets that keep the server from closing. */
  readonly sockets: Set<Socket>
  isDraining: boolean
}

/** Starts listening. @throws {ListenError} when the address cannot be opened. */
export async function listen(options: ListenOptions): Promise<RunningServer> {
  const { host, port, portSetting, log, tls, upgrade } = options
  const connections: Connections = { answers: new Map(), sockets: new Set(), isDraining: false }
  const server = createServer(options, (req, res) => {
    connections.answers.set(req.socket, res)
    if (connections.isDraining) res.setHeader('Connection', 'close')
    options.callback(req, res)
  })
  trackConnections(server, connections, tls === undefined ? 'connection' : 'secureConnection')
  if (upgrade !== undefined) handOverUpgrades(server, connections, upgrade)
  server.on('clientError', answerClientError)
  server.on('tlsClientError', (err) => log.debug({ err }, 'TLS handshake failed'))

  await opened(server, host, port, portSetting)
  const address = server.address() as AddressInfo
  const scheme = tls === undefined ? 'http' : 'https'
  let closing: Promise<'drained' | 'cut-off'> | undefined
  return {
    server,
    port: address.port,
    url: `${scheme}://${hostPort(host, address.port)}`,
    close({ timeoutMs }) {
      closing ??= drain(server, connections, timeoutMs)
      return closing
    },
  }
}

function trackConnections(
  server: Server,
  { answers, sockets }: Connections,
  connectionEvent: 'connection' | 'secureConnection',
): void {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on(connectionEvent, (socket: Socket) => {
    answers.set(socket, undefined)
    socket.once('close', () => answers.delete(socket))
  })
}

function handOverUpgrades(server: Server, { answers }: Connections, upgrade: UpgradeHandler): void {
  server.on('upgrade', (req, socket, head) => {
    // A pipelined upgrade arrives before the previous answer on the same socket has been written.
    const previous = answers.get(socket as Socket)
    if (previous !== undefined && !previous.writableFinished) socket.destroy()
    else upgrade.handle(req, socket, head)
  })
}

async function drain(
  server: Server,
  connections: Connections,
  timeoutMs: number,
): Promise<'drained' | 'cut-off'> {
  connections.isDraining = true
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  for (const [socket, res] of connections.answers) {
    // Node does not count a connection as idle before its first request.
    if (res === undefined) socket.destroy()
    else if (!res.headersSent) res.setHeader('Connection', 'close')
  }
  // A connection whose answer began before the drain becomes idle later, without an event.
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS)
  let outcome: 'drained' | 'cut-off' = 'drained'
  const deadline = setTimeout(() => {
    outcome = 'cut-off'
    for (const socket of connections.sockets) socket.destroy()
  }, timeoutMs)
  await closed
  clearInterval(sweep)
  clearTimeout(deadline)
  return outcome
}

function createServer(options: ListenOptions, callback: RequestListener): Server {
  const { tls, upgrade, limits = SERVER_LIMITS } = options
  const httpOptions = {
    shouldUpgradeCallback: (req: IncomingMessage) => upgrade?.accepts(req) ?? false,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // How often Node looks for overdue requests; its default of 30 s would stretch the limits above to three times.
    connectionsCheckingInterval: 1_000,
  }
  const server =
    tls === undefined
      ? createHttpServer(httpOptions, callback)
      : createHttpsServer({ ...httpOptions, ...tlsOptions(tls) }, callback)
  server.maxHeadersCount = limits.maxHeaders
  return server
}

function tlsOptions(tls: TlsMaterial) {
  const { cert, key, clientCa } = tls
  const base = { cert, key, minVersion: 'TLSv1.2' as const }
  if (clientCa === undefined) return base
  return { ...base, ca: clientCa, requestCert: true, rejectUnauthorized: true }
}

function opened(server: Server, host: string, port: number, portSetting: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onError = (cause: NodeJS.ErrnoException): void => {
    reject(new ListenError(hostPort(host, port), portSetting, cause))
  }
  server.once('error', onError)
  server.listen({ host, port }, () => {
    server.off('error', onError)
    resolve()
  })
  return promise
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The error of a listener that did not start; `cause` is the system's own. */
class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'ERR_CLAIMCHECK_LISTEN'

  constructor(address: string, portSetting: string, cause: NodeJS.ErrnoException) {
    super(messageOf(address, portSetting, cause), { cause })
  }
}

function messageOf(address: string, portSetting: string, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `${address} is taken by another process. Stop that one, or set ${portSetting} to a free port (0 picks one).`
    case 'EACCES':
      return `${address} may not be opened by this user. Set ${portSetting} to a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${address} is not an address of this machine. Set CLAIMCHECK_HOST to one that is.`
    default:
      return `${address} could not be opened (${cause.code ?? 'unknown reason'}).`
  }
}
