/**
 * A world around the client's cache, small enough to be obviously right: partitions with a log and a history, a feed node
 * that follows them, one socket, look-ups in flight. Every step is one thing that can happen; nothing happens by itself.
 * The truth is kept beside it: what was revoked, and when.
 */
import { createAnswers, type Moment } from '../../client/src/answers.ts'
import { createEntryCache } from '../../client/src/entry-cache.ts'
import { createFreshness } from '../../client/src/freshness.ts'
import { createNegativeCache } from '../../client/src/negative-cache.ts'
import type { Reply } from '../../client/src/reply.ts'
import type {
  ActiveToken,
  FeedEvent,
  PartitionStart,
  ServerFrame,
} from '../../client/src/wire/index.ts'

export const BOUND_MS = 300
export const PARTITIONS = 2
/** Far enough away that nothing expires unless a test wants it to. */
const FAR_FUTURE_SECONDS = 4_000_000_000

/** A token of the world; its groups overlap with those of others. */
export interface WorldToken {
  readonly key: string
  readonly partition: number
  readonly sub: string
  readonly grantId: string
  readonly clientId: string
}

interface Change {
  readonly event: FeedEvent
  readonly committedAt: number
  readonly voids: (token: WorldToken) => boolean
}

/** One partition of the server: an epoch, and the changes of its history. */
interface History {
  epoch: number
  changes: Change[]
  /** The log keeps changes above this position. */
  floor: number
  /** How far the feed node has read, and in which epoch. */
  nodeEpoch: number
  nodePosition: number
}

interface Flight {
  readonly token: WorldToken
  readonly askedAt: number
  reply?: Reply
}

interface LeaseRead {
  readonly n: number
  readonly heads?: readonly { epoch: number; seq: number }[]
}

/** Tokens: two subjects, two grants each, two clients, spread over two partitions. */
export const TOKENS: readonly WorldToken[] = Array.from({ length: 8 }, (_, i) => ({
  key: `token-${i}`,
  partition: i % PARTITIONS,
  sub: `sub-${i % 4}`,
  grantId: `grant-${i % 4}-${i >> 2}`,
  clientId: `client-${(i >> 1) % 2}`,
}))

/** Ways to revoke; each makes the event and says which tokens it voids. */
export const REVOCATIONS: readonly ((token: WorldToken) => Omit<Change, 'committedAt'>)[] = [
  ({ key }) => ({ event: { type: 'token', jti: key }, voids: (t) => t.key === key }),
  ({ grantId }) => ({
    event: { type: 'grant', grant_id: grantId },
    voids: (t) => t.grantId === grantId,
  }),
  ({ sub }) => ({ event: { type: 'subject', sub }, voids: (t) => t.sub === sub }),
  ({ sub, clientId }) => ({
    event: { type: 'subject_client', sub, client_id: clientId },
    voids: (t) => t.sub === sub && t.clientId === clientId,
  }),
  ({ clientId, partition }) => ({
    event: { type: 'client', client_id: clientId },
    voids: (t) => t.clientId === clientId && t.partition === partition,
  }),
  ({ partition }) => ({ event: { type: 'all' }, voids: (t) => t.partition === partition }),
  // A type of a later version voids nothing we know, and must be taken for everything.
  ({ partition }) => ({
    event: { type: 'something-new' } as unknown as FeedEvent,
    voids: (t) => t.partition === partition,
  }),
]

/** The world and its steps. Steps that cannot happen now do nothing. */
export interface World {
  tick(ms: number): void
  revoke(token: WorldToken, how: number): void
  /** A failover that loses the last change of a partition. */
  failover(partition: number): void
  trim(partition: number): void
  nodeReads(partition: number): void
  replaceNode(lag: number): void
  ask(token: WorldToken): void
  serverAnswers(flight: number): void
  replyArrives(flight: number): void
  connect(): void
  disconnect(): void
  deliver(): void
  probe(): void
  nodeReadsHeads(): void
  nodeWritesLease(): void
  /** Looks into the cache for every token; returns what is wrong, if anything. */
  check(): string | undefined
  /** Lets everything that is under way arrive, and leases be granted. */
  calm(): void
  /** Whether a token that was looked up a moment ago is served from the cache. */
  isServed(token: WorldToken): boolean
  isVoid(token: WorldToken): boolean
  readonly hits: number
}

/** Makes a world at time 0, not connected. `limits` are those of the cache. */
export function createWorld(limits: { marks: number; entries: number }): World {
  let now = 0
  let hits = 0
  let socket: ServerFrame[] | undefined
  let started = false
  let flights: Flight[] = []
  let leases: LeaseRead[] = []
  let probes: number[] = []
  const histories: History[] = Array.from({ length: PARTITIONS }, () => ({
    epoch: 1,
    changes: [],
    floor: 0,
    nodeEpoch: 1,
    nodePosition: 0,
  }))
  const freshness = createFreshness({ boundMs: BOUND_MS, marksPerPartition: limits.marks })
  const entries = createEntryCache({ maxEntries: limits.entries, maxBytes: 1e6 })
  const answers = createAnswers({
    entries,
    negatives: createNegativeCache(4),
    freshness,
    boundMs: BOUND_MS,
    clientId: 'resource-server',
    mode: () => 'feed',
  })
  const moment = (): Moment => ({ elapsed: now, wall: now })
  const history = (partition: number): History => histories[partition] as History

  function isVoidAt(token: WorldToken, time: number): boolean {
    return history(token.partition).changes.some(
      (change) => change.committedAt <= time && change.voids(token),
    )
  }

  function push(frame: ServerFrame): void {
    if (started) socket?.push(frame)
  }

  /** The node moves on by one change, or to another epoch, and tells the socket. */
  function nodeStep(partition: number): boolean {
    const at = history(partition)
    const epoch = String(at.epoch)
    if (
      at.nodeEpoch !== at.epoch ||
      at.nodePosition > at.changes.length ||
      at.nodePosition < at.floor
    ) {
      at.nodeEpoch = at.epoch
      at.nodePosition = at.changes.length
      push({ type: 'reset', partition, epoch, seq: at.nodePosition })
      return true
    }
    const change = at.changes[at.nodePosition]
    if (change === undefined) return false
    at.nodePosition += 1
    push({ type: 'event', partition, epoch, seq: at.nodePosition, event: change.event })
    return true
  }

  function replyTo(
    { key, partition, sub, grantId, clientId }: WorldToken,
    token: WorldToken,
  ): Reply {
    const at = history(partition)
    if (isVoidAt(token, now)) {
      return { answer: { active: false }, stamp: undefined, bytes: 10, serverTimeMs: now }
    }
    const answer: ActiveToken = {
      active: true,
      iss: 'i',
      sub,
      client_id: clientId,
      aud: ['r'],
      token_type: 'Bearer',
      iat: 0,
      exp: FAR_FUTURE_SECONDS,
      jti: key,
      grant_id: grantId,
    }
    const stamp = { partition, epoch: String(at.epoch), seq: at.changes.length }
    return { answer, stamp, bytes: 100, serverTimeMs: now }
  }

  const world: World = {
    tick(ms) {
      now += ms
    },

    revoke(token, how) {
      const change = (REVOCATIONS[how % REVOCATIONS.length] as (typeof REVOCATIONS)[number])(token)
      history(token.partition).changes.push({ ...change, committedAt: now })
    },

    failover(partition) {
      const at = history(partition)
      at.changes.pop()
      at.epoch += 1
      at.floor = Math.min(at.floor, at.changes.length)
    },

    trim(partition) {
      const at = history(partition)
      at.floor = at.changes.length
    },

    nodeReads(partition) {
      nodeStep(partition)
    },

    // Another node has read less, or more, than the one before; nothing on the old socket arrives any more.
    replaceNode(lag) {
      world.disconnect()
      for (const at of histories) {
        at.nodeEpoch = at.epoch
        at.nodePosition = Math.max(at.floor, at.changes.length - lag)
      }
    },

    ask(token) {
      if (flights.length < 4) flights.push({ token, askedAt: now })
    },

    serverAnswers(index) {
      const flight = flights[index % (flights.length || 1)]
      if (flight !== undefined && flight.reply === undefined) {
        flight.reply = replyTo(flight.token, flight.token)
      }
    },

    replyArrives(index) {
      const flight = flights[index % (flights.length || 1)]
      if (flight?.reply === undefined) return
      flights = flights.filter((other) => other !== flight)
      answers.settle(flight.token.key, { reply: flight.reply, askedAt: flight.askedAt }, moment())
    },

    connect() {
      if (socket !== undefined) return
      const cursors = freshness.cursors()
      const partitions = histories.map((at, partition): PartitionStart => {
        const [epoch, seq] = cursors?.[partition] ?? ['', 0]
        const isGapless = at.floor <= seq && seq <= at.nodePosition
        if (epoch !== String(at.nodeEpoch) || !isGapless) {
          return ['reset', String(at.nodeEpoch), at.nodePosition]
        }
        return ['resume', epoch, at.nodePosition]
      })
      socket = [{ type: 'start', partitions }]
      started = true
      partitions.forEach(([how, epoch], partition) => {
        const seq = cursors?.[partition]?.[1] ?? 0
        if (how === 'reset') return
        const at = history(partition)
        at.changes.slice(seq, at.nodePosition).forEach(({ event }, index) => {
          push({ type: 'event', partition, epoch, seq: seq + index + 1, event })
        })
      })
    },

    disconnect() {
      socket = undefined
      started = false
      probes = []
      leases = []
      freshness.disconnected()
    },

    deliver() {
      const frame = socket?.shift()
      if (frame !== undefined) answers.apply(freshness.apply(frame, now))
    },

    probe() {
      if (socket === undefined || freshness.cursors() === undefined) return
      probes.push(freshness.probe(now))
    },

    nodeReadsHeads() {
      const heads = histories.map((at) => ({ epoch: at.epoch, seq: at.changes.length }))
      leases.push(...probes.map((n) => ({ n, heads })))
      probes = []
    },

    nodeWritesLease() {
      const [lease] = leases
      if (lease?.heads === undefined || socket === undefined) return
      const isReached = lease.heads.every(({ epoch, seq }, partition) => {
        const at = history(partition)
        return at.nodeEpoch === epoch && at.nodePosition >= seq
      })
      if (!isReached) return
      leases.shift()
      push({ type: 'lease', n: lease.n })
    },

    check() {
      for (const token of TOKENS) {
        const entry = answers.find(token.key, moment())
        if (entry === undefined) continue
        hits += 1
        if (isVoidAt(token, now - BOUND_MS))
          return `${token.key} is served ${BOUND_MS} ms after it was revoked`
      }
      return undefined
    },

    calm() {
      world.disconnect()
      while (flights.length > 0) {
        world.serverAnswers(0)
        world.replyArrives(0)
      }
      histories.forEach((_, partition) => {
        while (nodeStep(partition));
      })
      world.connect()
      const drain = (): void => {
        while (socket !== undefined && socket.length > 0) world.deliver()
      }
      drain()
      world.probe()
      world.nodeReadsHeads()
      world.nodeWritesLease()
      drain()
    },

    isServed(token) {
      now += 1
      const reply = replyTo(token, token)
      answers.settle(token.key, { reply, askedAt: now }, moment())
      return answers.find(token.key, moment()) !== undefined
    },

    isVoid: (token) => isVoidAt(token, now),

    get hits() {
      return hits
    },
  }
  return world
}
