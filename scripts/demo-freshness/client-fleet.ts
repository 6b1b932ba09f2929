// Many clients in a process of their own, beside as many bare WebSockets: a fleet is told what to watch for, and answers
// when the last of its members has seen it. Times are taken where things happen, by a clock that both processes share.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type Client, createClient } from '../../client/src/index.ts'
import { machineMs } from './distribution.ts'

/** How to open a fleet. */
export interface FleetPlan {
  readonly size: number
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** A server that sends the same text to all sockets. */
  readonly bareUrl: string
}

/** A fleet as the demo sees it. */
export interface Fleet {
  /** Looks tokens up at every client, until every cache holds them. */
  warm(tokens: readonly string[]): Promise<void>
  /** Resolves once watching, with the promise of when the last client no longer has the token in its cache. */
  watchToken(token: string): Promise<{ readonly gone: Promise<number> }>
  /** The same for the next text that all bare sockets receive. */
  watchBare(): Promise<{ readonly gone: Promise<number> }>
  /** The status that one of the clients answers a request with. */
  statusOf(token: string): Promise<number>
  close(): Promise<void>
}

type Order =
  | { readonly kind: 'open'; readonly plan: FleetPlan }
  | { readonly kind: 'warm'; readonly tokens: readonly string[] }
  | { readonly kind: 'watch token'; readonly token: string }
  | { readonly kind: 'watch bare' }
  | { readonly kind: 'status'; readonly token: string }

interface Report {
  readonly kind: 'done' | 'gone'
  readonly value: number
}

/** Clients that are opened or looked up for at a time. */
const GROUP = 20
/** Tokens of one request. */
const BATCH = 100

/** Starts the process and opens everything. */
export async function startFleet(plan: FleetPlan): Promise<Fleet> {
  const child = fork(import.meta.filename, [], { stdio: 'inherit' })
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) process.exitCode = 1
  })
  const waiting = new Map<Report['kind'], (value: number) => void>()
  const report = (kind: Report['kind']): Promise<number> =>
    new Promise((resolve) => void waiting.set(kind, resolve))
  child.on('message', ({ kind, value }: Report) => waiting.get(kind)?.(value))
  const order = (what: Order): Promise<number> => {
    const done = report('done')
    child.send(what)
    return done
  }
  const watch = async (what: Order) => {
    const gone = report('gone')
    await order(what)
    return { gone }
  }
  await order({ kind: 'open', plan })
  return {
    warm: async (tokens) => void (await order({ kind: 'warm', tokens })),
    watchToken: (token) => watch({ kind: 'watch token', token }),
    watchBare: () => watch({ kind: 'watch bare' }),
    statusOf: (token) => order({ kind: 'status', token }),
    async close() {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

// From here on: the process of the fleet.

const clients: Client[] = []
let seen = (_member: number): void => undefined
let bareSeen = (_member: number): void => undefined

/** A WebSocket that tells when its owner has dealt with a message. */
function tellingWebSocket(member: number): typeof WebSocket {
  return class extends WebSocket {
    constructor(...options: ConstructorParameters<typeof WebSocket>) {
      super(...options)
      // After all listeners of the same message have run.
      this.addEventListener('message', () => queueMicrotask(() => seen(member)))
    }
  }
}

async function inGroups(count: number, act: (member: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += GROUP) {
    const members = Array.from({ length: Math.min(GROUP, count - first) }, (_, n) => first + n)
    await Promise.all(members.map(act))
  }
}

async function open({ size, bareUrl, ...options }: FleetPlan): Promise<number> {
  await inGroups(size, async (member) => {
    const client = createClient({ ...options, WebSocket: tellingWebSocket(member) })
    clients.push(client)
    const { promise: fresh, resolve } = Promise.withResolvers<void>()
    const poll = setInterval(() => {
      if (client.health().state === 'fresh') resolve()
    }, 20)
    await fresh
    clearInterval(poll)
  })
  await inGroups(size, async (member) => {
    const socket = new WebSocket(bareUrl)
    socket.addEventListener('message', () => bareSeen(member))
    await once(socket, 'open')
  })
  return size
}

async function warm(tokens: readonly string[]): Promise<number> {
  await inGroups(clients.length, async (member) => {
    const client = clients[member] as Client
    for (let first = 0; first < tokens.length; first += BATCH) {
      const batch = tokens.slice(first, first + BATCH)
      await Promise.all(batch.map((token) => client.introspect(token)))
      const missing = batch.filter((token) => client.peek(token)?.active !== true)
      if (missing.length > 0)
        throw new Error(`client ${member} did not keep ${missing.length} tokens`)
    }
  })
  return tokens.length
}

/** Waits until every member has been told, and the condition holds for it. */
function watchAll(isGone: (member: number) => boolean): (member: number) => void {
  const left = new Set(clients.keys())
  return (member) => {
    if (!left.has(member) || !isGone(member)) return
    left.delete(member)
    if (left.size === 0) process.send?.({ kind: 'gone', value: machineMs() })
  }
}

async function obey(order: Order): Promise<number> {
  switch (order.kind) {
    case 'open':
      return open(order.plan)
    case 'warm':
      return warm(order.tokens)
    case 'watch token':
      seen = watchAll((member) => clients[member]?.peek(order.token)?.active !== true)
      return 0
    case 'watch bare':
      bareSeen = watchAll(() => true)
      return 0
    case 'status': {
      const member = Math.floor(Math.random() * clients.length)
      const decision = await (clients[member] as Client).authorize(order.token, {})
      return decision.ok ? 200 : decision.status
    }
  }
}

if (import.meta.main) {
  process.on('message', async (order: Order) => {
    process.send?.({ kind: 'done', value: await obey(order) })
  })
  process.on('disconnect', () => process.exit(0))
}
