/**
 * Revocations and bare broadcasts in turn, over one fleet: what each took, and where it went. A run is idle, or beside a
 * load of introspections that goes on through all of its rounds.
 */
import type { Installation } from '../installation.ts'
import { type Contender, interleave } from '../rounds.ts'
import type { Broadcaster } from './broadcaster.ts'
import type { Fleet, Watch } from './fleet.ts'
import { machineMs } from './machine-clock.ts'
import type { BareReading } from './orders.ts'

/** What takes part in a run. */
export interface Place {
  readonly ours: Installation
  readonly fleet: Fleet
  readonly bare: Broadcaster
}

/** What one sample took, in milliseconds; what does not apply is absent. */
export interface Taken {
  /** From its beginning until the last client refuses, or the last bare socket has the text. */
  readonly total: number
  /** From its beginning until the call had returned. */
  readonly returned?: number
  /** From the publication of the change to the end of `total`. */
  readonly spread?: number
  /** From when the server knew what to send until it had written to the last socket. */
  readonly written?: number
  /** How long the process of clients and sockets was busy. */
  readonly busy: number
}

/** The samples of a run, by contender. */
export type RunSamples = Readonly<Record<ContenderName, readonly Taken[]>>

/**
 * `bare` and `parsed`: a broadcast, to sockets that do nothing with it or read it. `durable`: the broadcast follows the
 * publication of a change that was made durable first. `stored`: a revocation written by a store, hence the same with our
 * script, our feed and our clients. `revocation`: by the issuer's API.
 */
type ContenderName = 'bare' | 'parsed' | 'durable' | 'stored' | 'revocation'

/** Stands for a change that the reference makes before it broadcasts: as durable, and as published. */
const DURABLE_SCRIPT = `redis.call('HINCRBY', KEYS[1], 'seq', 1) redis.call('PUBLISH', ARGV[1], ARGV[2])`
const DURABLE_KEY = 'bench:durable'
const BY_BENCH = { by: 'bench' }

/** How many tokens a run of so many rounds takes: two a round, and those of the warm-up. */
export function tokensOf(rounds: number): number {
  return 2 * (rounds + 1)
}

/**
 * Takes samples of each in turn.
 *
 * @param tokens as many as `tokensOf` tells, in the cache of every client
 */
export async function runRounds(
  place: Place,
  rounds: number,
  tokens: readonly string[],
  bareChannel: string,
  tell: (text: string) => void,
): Promise<RunSamples> {
  const left = tokens.values()
  const next = (): string => left.next().value as string
  const contenders: readonly (Contender<Taken> & { readonly name: ContenderName })[] = [
    { name: 'bare', sample: () => sampleBare(place, 'ignored') },
    { name: 'parsed', sample: () => sampleBare(place, 'parsed') },
    { name: 'durable', sample: () => sampleDurable(place, bareChannel) },
    { name: 'stored', sample: () => sampleStored(place, next()) },
    { name: 'revocation', sample: () => sampleRevocation(place, next()) },
  ]
  return (await interleave(rounds, contenders, tell)) as RunSamples
}

async function sampleBare({ fleet, bare }: Place, reading: BareReading): Promise<Taken> {
  const watch = await fleet.watchBare(reading)
  const { startedAt, writtenAt } = await bare.broadcast()
  const { seenByAllAt, busyMs } = await watch.seenByAll()
  return { total: seenByAllAt - startedAt, written: writtenAt - startedAt, busy: busyMs }
}

async function sampleDurable({ fleet, ours }: Place, channel: string): Promise<Taken> {
  const watch = await fleet.watchBare('ignored')
  const { direct } = ours.redis
  return timeCall(watch, () => direct.eval(DURABLE_SCRIPT, 1, DURABLE_KEY, channel, 'now'))
}

async function sampleStored({ fleet, ours }: Place, token: string): Promise<Taken> {
  const { store } = ours
  const located = await store.locate(token)
  if (located === undefined) throw new Error('a token of the bench is none')
  const writtenBefore = await broadcastMs(ours)
  const watch = await fleet.watchToken(token)
  const taken = await timeCall(watch, () => store.revocations.revokePresented(located, BY_BENCH))
  await assertRefused(fleet, token)
  return { ...taken, written: (await broadcastMs(ours)) - writtenBefore }
}

async function sampleRevocation({ fleet, ours }: Place, token: string): Promise<Taken> {
  const watch = await fleet.watchToken(token)
  const taken = await timeCall(watch, () => ours.callAdmin('POST', '/revocations', { token }))
  await assertRefused(fleet, token)
  return taken
}

async function timeCall(watch: Watch, call: () => Promise<unknown>): Promise<Taken> {
  const startedAt = machineMs()
  await call()
  const returned = machineMs() - startedAt
  const { publishedAt, seenByAllAt, busyMs } = await watch.seenByAll()
  if (publishedAt === undefined) throw new Error('a change was seen before it was published')
  const spread = seenByAllAt - publishedAt
  return { total: seenByAllAt - startedAt, returned, spread, busy: busyMs }
}

/** All that the node says it has spent so far between the arrival of a change and its writing to the last socket. */
async function broadcastMs({ introspect }: Installation): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${introspect.ports[0]}/metrics`)).text()
  const seconds = /^claimcheck_feed_broadcast_seconds_sum(?:\{.*\})? (.+)$/m.exec(text)?.[1]
  return Number(seconds) * 1_000
}

async function assertRefused(fleet: Fleet, token: string): Promise<void> {
  const status = await fleet.statusOf(token)
  if (status !== 401) throw new Error(`a request with a revoked token was answered ${status}`)
}
