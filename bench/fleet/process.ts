/**
 * The process of a fleet. Clients and bare sockets use the same WebSocket, that of Node; times are taken where things
 * happen. A client counts as told once it has dealt with a frame and its cache no longer gives the token away.
 */
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { type Client, createClient } from '../../client/src/index.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import { machineMs } from './machine-clock.ts'
import type { BareReading, FleetOrder, FleetPlan, Sight } from './orders.ts'

/** Clients that are opened, or looked up for, at a time. */
const GROUP = 20
/** Tokens of one request. */
const BATCH = 100
/** Opening a thousand keeps the node busy. */
const PATIENCE_MS = 30_000

/** What an order is answered with that asks for nothing. */
const DONE = 'done'

type Told = (member: number, text?: unknown) => void

const clients: Client[] = []
let clientTold: Told = () => undefined
let bareTold: Told = () => undefined
let sight: Promise<Sight> | undefined
let publishedAt: number | undefined

/** A WebSocket that tells when its owner has dealt with a message; nothing is added to a message but a call. */
function tellingWebSocket(member: number): typeof WebSocket {
  return class extends WebSocket {
    override addEventListener(
      ...[type, listener]: Parameters<WebSocket['addEventListener']>
    ): void {
      const hears = listener as (event: Event) => void // this client gives functions
      if (type !== 'message') super.addEventListener(type, hears)
      else {
        super.addEventListener(type, (event: Event) => {
          hears(event)
          clientTold(member)
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

async function open({ size, bareUrl, redisUrl, ...options }: FleetPlan): Promise<void> {
  await watchPublications(redisUrl)
  await inGroups(size, async (member) => {
    const WebSocket = tellingWebSocket(member)
    const client = createClient({ ...options, WebSocket })
    clients.push(client)
    await waitFor(() => client.health().state === 'fresh', PATIENCE_MS)
  })
  await inGroups(size, async (member) => {
    const socket = new WebSocket(bareUrl)
    socket.addEventListener('message', ({ data }) => bareTold(member, data))
    await once(socket, 'open')
  })
}

async function watchPublications(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl)
  redis.on('pmessage', () => {
    publishedAt ??= machineMs()
  })
  await redis.psubscribe('*')
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

/** Waits until every member has been told, and the condition holds for it. */
function watchAll(isSeen: (...told: Parameters<Told>) => boolean): Told {
  const { promise, resolve } = Promise.withResolvers<Sight>()
  sight = promise
  publishedAt = undefined
  const busyBefore = busyMs()
  const hasSeen = new Uint8Array(clients.length)
  let left = clients.length
  return (member, text) => {
    if (hasSeen[member] === 1 || !isSeen(member, text)) return
    hasSeen[member] = 1
    left--
    if (left > 0) return
    const seen = { seenByAllAt: machineMs(), busyMs: busyMs() - busyBefore }
    resolve(publishedAt === undefined ? seen : { ...seen, publishedAt })
  }
}

/** How long this process has not waited. Asking the system for its processor time would take most of a millisecond. */
function busyMs(): number {
  return performance.eventLoopUtilization().active
}

function watchBare(reading: BareReading): void {
  bareTold = watchAll((_, text) => reading === 'ignored' || isEvent(String(text)))
}

function isEvent(text: string): boolean {
  return (JSON.parse(text) as { type?: unknown }).type === 'event'
}

function watchToken(token: string): void {
  for (const member of clients.keys()) {
    if (!isInCache(member, token)) throw new Error(`client ${member} lost a token before its time`)
  }
  clientTold = watchAll((member) => !isInCache(member, token))
}

async function statusOf(token: string): Promise<number> {
  const client = clients[Math.floor(Math.random() * clients.length)] as Client
  const decision = await client.authorize(token, {})
  return decision.ok ? 200 : decision.status
}

async function obey(order: FleetOrder): Promise<unknown> {
  switch (order.kind) {
    case 'open':
      return open(order.plan)
    case 'warm':
      return warm(order.tokens)
    case 'watch token':
      return watchToken(order.token)
    case 'watch bare':
      return watchBare(order.reading)
    case 'await':
      return sight
    case 'status':
      return statusOf(order.token)
  }
}

process.on('message', async (order: FleetOrder) => {
  process.send?.((await obey(order)) ?? DONE)
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
