/**
 * A process of a fleet. Clients and bare sockets use the same WebSocket, that of Node. A client has seen a revocation once it
 * has handled a frame and its cache no longer returns the token.
 */
import { once } from 'node:events'
import { type Client, createClient } from '../../client/src/index.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import { machineMs } from './machine-clock.ts'

/** What the clients and the bare sockets connect to. */
export interface FleetPlan {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** A server that sends the same text to all bare sockets. */
  readonly bareUrl: string
}

/** An order; each is answered with one message. */
export type FleetOrder =
  /** Opens so many clients, and as many bare sockets. */
  | { readonly kind: 'open'; readonly size: number; readonly plan: FleetPlan }
  | { readonly kind: 'warm'; readonly tokens: readonly string[] }
  | { readonly kind: 'watch token'; readonly token: string }
  | { readonly kind: 'watch bare' }
  /** Answered with the time when all have seen what is watched for. */
  | { readonly kind: 'await' }
  /** Answered with the status of a request with the token at one of the clients. */
  | { readonly kind: 'status'; readonly token: string }

/** Clients that connect, or look up, at the same time. */
const GROUP = 20
/** Tokens of one request. */
const BATCH = 100
/** Opening a thousand clients keeps the node busy. */
const OPEN_TIMEOUT_MS = 30_000
/** The answer to an order without a result. */
const DONE = 'done'

type Notified = (member: number) => void

const clients: Client[] = []
let clientNotified: Notified = () => undefined
let bareNotified: Notified = () => undefined
let seenByAllAt: Promise<number> | undefined

/** A WebSocket that also reports when its owner has handled a message. */
function reportingWebSocket(member: number): typeof WebSocket {
  return class extends WebSocket {
    override addEventListener(
      ...[type, listener]: Parameters<WebSocket['addEventListener']>
    ): void {
      const handle = listener as (event: Event) => void // this client passes functions
      if (type !== 'message') super.addEventListener(type, handle)
      else {
        super.addEventListener(type, (event: Event) => {
          handle(event)
          clientNotified(member)
        })
      }
    }
  }
}

async function inGroups(count: number, act: (member: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += GROUP) {
    const members = Array.from({ length: Math.min(GROUP, count - first) }, (_, n) => first + n)
    await Promise.all(members.map(act))
  }
}

async function open(size: number, { bareUrl, ...options }: FleetPlan): Promise<void> {
  await inGroups(size, async (member) => {
    const client = createClient({ ...options, WebSocket: reportingWebSocket(member) })
    clients[member] = client
    await waitFor(() => client.health().state === 'fresh', OPEN_TIMEOUT_MS)
  })
  await inGroups(size, async (member) => {
    const socket = new WebSocket(bareUrl)
    socket.addEventListener('message', () => bareNotified(member))
    await once(socket, 'open')
  })
}

async function warm(tokens: readonly string[]): Promise<void> {
  await inGroups(clients.length, async (member) => {
    const client = clients[member] as Client
    for (let first = 0; first < tokens.length; first += BATCH) {
      const batch = tokens.slice(first, first + BATCH)
      await Promise.all(batch.map((token) => client.introspect(token)))
      const kept = batch.filter((token) => isInCache(member, token))
      if (kept.length < batch.length) throw new Error(`client ${member} did not keep every token`)
    }
  })
}

function isInCache(member: number, token: string): boolean {
  return clients[member]?.peek(token)?.active === true
}

/** Waits until every member has been notified and the condition holds for it. */
function watchAll(isSeen: (member: number) => boolean): Notified {
  const { promise, resolve } = Promise.withResolvers<number>()
  seenByAllAt = promise
  const hasSeen = new Uint8Array(clients.length)
  let left = clients.length
  return (member) => {
    if (hasSeen[member] === 1 || !isSeen(member)) return
    hasSeen[member] = 1
    left--
    if (left === 0) resolve(machineMs())
  }
}

function watchToken(token: string): void {
  for (const member of clients.keys()) {
    if (!isInCache(member, token)) throw new Error(`client ${member} lost a token before its time`)
  }
  clientNotified = watchAll((member) => !isInCache(member, token))
}

async function statusOf(token: string): Promise<number> {
  const client = clients[Math.floor(Math.random() * clients.length)] as Client
  const decision = await client.authorize(token, {})
  return decision.ok ? 200 : decision.status
}

async function obey(order: FleetOrder): Promise<unknown> {
  switch (order.kind) {
    case 'open':
      return open(order.size, order.plan)
    case 'warm':
      return warm(order.tokens)
    case 'watch token':
      return watchToken(order.token)
    case 'watch bare':
      bareNotified = watchAll(() => true)
      return
    case 'await':
      return seenByAllAt
    case 'status':
      return statusOf(order.token)
  }
}

process.on('message', async (order: FleetOrder) => {
  process.send?.((await obey(order)) ?? DONE)
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
