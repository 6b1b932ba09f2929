/**
 * A simulated world around the client's cache, small enough to be obviously right: partitions with a log and a history, a
 * feed node that follows them, one socket, look-ups in flight. It starts no services, because a property test must decide
 * about every single step. The truth is kept in world-truth.ts: what was revoked, who held which role, and when.
 */
import { createAnswers, entryKey, type Moment } from '../../client/src/cache/answers.ts'
import { createEntryCache, type Entry } from '../../client/src/cache/entry-cache.ts'
import { createFreshness } from '../../client/src/cache/freshness.ts'
import { createNegativeCache } from '../../client/src/cache/negative-cache.ts'
import type { Reply } from '../../client/src/cache/reply.ts'
import type { ActiveToken, PartitionStart, ServerFrame } from '../../client/src/wire/index.ts'
import {
  answerAfter,
  type Change,
  type Changes,
  changeOfRole,
  endsIn,
  isRightAfter,
  isVoidAfter,
  type Naming,
  PARTITIONS,
  QUESTIONS,
  REVOCATIONS,
  type RoleChange,
  TOKENS,
  type WorldToken,
} from './world-truth.ts'

const MAX_STALENESS_MS = 300
/** How far the clocks of this machine and of the node are behind: what a partition says must not need them. */
const BEHIND_MS = { client: 3_600_000, node: 60_000 }

/** What was true from a moment on. */
interface Snapshot {
  readonly at: number
  readonly changes: Changes
}

/** One partition of the server: an epoch, and the changes of its history. */
interface History {
  epoch: number
  changes: Changes
  /** What the primary would have said at any time, failovers included; never empty. */
  readonly past: Snapshot[]
  /** The log keeps changes above this position. */
  floor: number
  /** How far the feed node has read, and in which epoch. */
  nodeEpoch: number
  nodePosition: number
}

interface Flight {
  readonly token: WorldToken
  readonly contexts: string
  readonly askedAt: number
  reply?: Reply
}

interface LeaseRead {
  readonly n: number
  readonly heads?: readonly { epoch: number; seq: number }[]
}

/** How the cache is bounded. */
export interface Limits {
  readonly marks: number
  readonly entries: number
}

/** What was served, by what it took to be right. */
export interface Hits {
  plain: number
  inContexts: number
  exchanged: number
  /** With a role that ends by itself. */
  ending: number
}

/** The world and its steps. Steps that cannot happen now do nothing. */
export interface World {
  tick(ms: number): void
  revoke(token: WorldToken, how: number): void
  /** A role of its subject is held or lost. */
  changeRole(token: WorldToken, change: RoleChange, naming: Naming): void
  /** A failover that loses the last change of a partition. */
  failover(partition: number): void
  trim(partition: number): void
  nodeReads(partition: number): void
  replaceNode(lag: number): void
  /** @param contexts in which to resolve roles, space-separated; '' for none */
  ask(token: WorldToken, contexts: string): void
  serverAnswers(flight: number): void
  replyArrives(flight: number): void
  connect(): void
  disconnect(): void
  deliver(): void
  probe(): void
  nodeReadsHeads(): void
  nodeWritesLease(): void
  /** Everything that is on its way to the client goes through, a lease last. */
  renew(): void
  /**
   * Looks into the cache for every token and question; returns what is wrong, if anything: what is served must have been
   * right at some moment since `boundMs` ago.
   */
  check(boundMs?: number): string | undefined
  /** Lets everything that is under way arrive, and leases be granted. */
  calm(): void
  /** Whether a token that was looked up a moment ago is served from the cache. */
  isServed(token: WorldToken, contexts: string): boolean
  isVoid(token: WorldToken): boolean
  readonly now: number
  readonly hits: Hits
}

/** Makes a world at time 0, not connected. */
export function createWorld(limits: Limits): World {
  let now = 0
  const hits: Hits = { plain: 0, inContexts: 0, exchanged: 0, ending: 0 }
  const endingAnswers = new WeakSet<ActiveToken>()
  let socket: ServerFrame[] | undefined
  let started = false
  let flights: Flight[] = []
  let leases: LeaseRead[] = []
  let probes: number[] = []
  const histories: History[] = Array.from({ length: PARTITIONS }, () => ({
    epoch: 1,
    changes: [],
    past: [{ at: 0, changes: [] }],
    floor: 0,
    nodeEpoch: 1,
    nodePosition: 0,
  }))
  const freshness = createFreshness({ boundMs: MAX_STALENESS_MS, marksPerPartition: limits.marks })
  const entries = createEntryCache({ maxEntries: limits.entries, maxBytes: 1e6 })
  const answers = createAnswers({
    entries,
    negatives: createNegativeCache(4),
    freshness,
    boundMs: MAX_STALENESS_MS,
    clientId: 'resource-server',
    mode: () => 'feed',
  })
  const moment = (): Moment => ({ elapsed: now, wall: now - BEHIND_MS.client })
  const history = (partition: number): History => histories[partition] as History

  function rewrite(partition: number, changes: Changes): void {
    const at = history(partition)
    at.changes = changes
    at.past.push({ at: now, changes })
  }

  function commit(partition: number, change: Change): void {
    rewrite(partition, [...history(partition).changes, change])
  }

  /** Whether an answer was right at some moment since a time. */
  function wasRight(token: WorldToken, contexts: string, entry: Entry, since: number): boolean {
    const { past } = history(token.partition)
    const first = Math.max(
      0,
      past.findLastIndex(({ at }) => at <= since),
    )
    return past.slice(first).some(({ at, changes }, index) => {
      const from = Math.max(at, since)
      const to = past[first + index + 1]?.at ?? now
      const times = [from, to, ...endsIn(changes).filter((end) => from < end && end < to)]
      return times.some((time) => isRightAfter(changes, token, contexts, entry.answer, time))
    })
  }

  function countHit(token: WorldToken, contexts: string, entry: Entry): void {
    hits[contexts === '' ? 'plain' : 'inContexts'] += 1
    if (token.origins.length > 0) hits.exchanged += 1
    if (endingAnswers.has(entry.answer)) hits.ending += 1
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

  function replyTo(token: WorldToken, contexts: string): Reply {
    const { partition } = token
    const { epoch, changes } = history(partition)
    // A header tells whole seconds.
    const serverTimeMs = now - (now % 1_000) - BEHIND_MS.node
    if (isVoidAfter(changes, token)) {
      return { answer: { active: false }, stamp: undefined, bytes: 10, serverTimeMs }
    }
    const { answer, ...left } = answerAfter(changes, token, contexts, now)
    if (left.leftMs !== undefined) endingAnswers.add(answer)
    const stamp = { partition, epoch: String(epoch), seq: changes.length, ...left }
    return { answer, stamp, bytes: 100, serverTimeMs }
  }

  function drain(): void {
    while (socket !== undefined && socket.length > 0) world.deliver()
  }

  const world: World = {
    tick(ms) {
      now += ms
    },

    revoke(token, how) {
      const revocation = REVOCATIONS[how % REVOCATIONS.length] as (typeof REVOCATIONS)[number]
      commit(token.partition, revocation(token))
    },

    changeRole(token, change, naming) {
      commit(token.partition, changeOfRole(token, change, naming))
    },

    failover(partition) {
      const at = history(partition)
      rewrite(partition, at.changes.slice(0, -1))
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

    ask(token, contexts) {
      if (flights.length < 4) flights.push({ token, contexts, askedAt: now })
    },

    serverAnswers(index) {
      const flight = flights[index % (flights.length || 1)]
      if (flight !== undefined && flight.reply === undefined) {
        flight.reply = replyTo(flight.token, flight.contexts)
      }
    },

    replyArrives(index) {
      const flight = flights[index % (flights.length || 1)]
      if (flight?.reply === undefined) return
      flights = flights.filter((other) => other !== flight)
      const { token, contexts, reply, askedAt } = flight
      answers.settle(token.key, { reply, askedAt }, moment(), contexts)
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

    renew() {
      histories.forEach((_, partition) => {
        while (nodeStep(partition));
      })
      drain()
      world.probe()
      world.nodeReadsHeads()
      for (const _ of [...leases]) world.nodeWritesLease()
      drain()
    },

    check(boundMs = MAX_STALENESS_MS) {
      for (const token of TOKENS) {
        for (const contexts of QUESTIONS) {
          const entry = answers.find(entryKey(token.key, contexts), moment())
          if (entry === undefined) continue
          countHit(token, contexts, entry)
          if (!wasRight(token, contexts, entry, now - boundMs)) {
            return `${token.key} is served in "${contexts}" ${boundMs} ms after that was right`
          }
        }
      }
      return undefined
    },

    calm() {
      // Beyond the end of every role that ends.
      now += 10_000
      world.disconnect()
      while (flights.length > 0) {
        world.serverAnswers(0)
        world.replyArrives(0)
      }
      world.connect()
      world.renew()
    },

    isServed(token, contexts) {
      now += 1
      const reply = replyTo(token, contexts)
      answers.settle(token.key, { reply, askedAt: now }, moment(), contexts)
      return answers.find(entryKey(token.key, contexts), moment()) !== undefined
    },

    isVoid: (token) => isVoidAfter(history(token.partition).changes, token),

    get now() {
      return now
    },

    get hits() {
      return hits
    },
  }
  return world
}
