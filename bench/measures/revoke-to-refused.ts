/**
 * From a revocation to the moment when the slowest of many clients refuses the token, beside a durable write to Redis that is
 * published and broadcast to as many bare sockets.
 */
import { join } from 'node:path'
import type { BroadcasterPlan } from '../fleet/broadcaster.ts'
import { type Fleet, startFleet, type Watch } from '../fleet/fleet.ts'
import { machineMs } from '../fleet/machine-clock.ts'
import { startChild } from '../harness/child.ts'
import { type Installation, issueTokens, startInstallation } from '../harness/installation.ts'
import { type Bench, inScope, type Measure } from '../harness/measure.ts'
import { interleave, type Samples } from '../harness/rounds.ts'
import { figureOf, quantile } from '../report/figure.ts'
import type { Finding, Row } from '../report/finding.ts'
import type { TargetId } from '../report/targets.ts'

/** The measure. */
export const revokeToRefused: Measure = {
  name: 'revoke-to-refused',
  title: 'From a revocation to the last refusal',
  run,
}

/** How many revocations for a fleet of a size. */
interface FleetSize {
  readonly clients: number
  readonly rounds: number
}

/** What one sample took, in milliseconds from its beginning. */
interface Taken {
  /** Until the last client refuses, or the last bare socket has the text. */
  readonly total: number
  /** Until the call has returned. */
  readonly returned: number
}

interface Seen {
  readonly clients: number
  readonly samples: Samples<'durable' | 'revocation', Taken>
}

const QUICK: readonly FleetSize[] = [
  { clients: 10, rounds: 50 },
  { clients: 100, rounds: 20 },
]
const FULL: readonly FleetSize[] = [
  { clients: 10, rounds: 300 },
  { clients: 100, rounds: 100 },
  { clients: 1_000, rounds: 30 },
]
const CHANNEL = 'bench:broadcast'
/** The reference: a change as durable, and as published, as a revocation. */
const DURABLE_SCRIPT = `redis.call('HINCRBY', KEYS[1], 'seq', 1) redis.call('PUBLISH', ARGV[1], ARGV[2])`
const DURABLE_KEY = 'bench:durable'
/** As long as what the feed sends for a revoked token. */
const TEXT = JSON.stringify({
  type: 'event',
  partition: 42,
  epoch: '9f86d081884c7d65',
  seq: 1_234,
  event: { type: 'token', jti: 'AxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxA' },
})
const RATIO_TARGETS: Readonly<Record<number, TargetId>> = {
  10: 'refusedBeside10',
  100: 'refusedBeside100',
  1000: 'refusedBeside1000',
}
const P99_TARGETS: Readonly<Record<number, TargetId>> = {
  10: 'refusedP99Of10',
  1000: 'refusedP99Of1000',
}

async function run(bench: Bench): Promise<Finding> {
  bench.step('starting')
  const ours = await startInstallation(bench, { withIssuer: true })
  const module = join(import.meta.dirname, '..', 'fleet', 'broadcaster.ts')
  const plan: BroadcasterPlan = { redisUrl: ours.redis.url, channel: CHANNEL, text: TEXT }
  const port = await startChild(bench, module, { part: 'server' }).ask<number>(plan)
  const seen: Seen[] = []
  for (const size of bench.isQuick ? QUICK : FULL) {
    seen.push(
      await inScope(bench, (scope) => seeFleet(scope, ours, `ws://127.0.0.1:${port}`, size)),
    )
  }
  return findingOf(seen, bench.fleetProcesses)
}

async function seeFleet(
  bench: Bench,
  ours: Installation,
  bareUrl: string,
  { clients, rounds }: FleetSize,
): Promise<Seen> {
  const step = (text: string): void => bench.step(`${clients} clients: ${text}`)
  step('connecting')
  const { issuerUrl: issuer, resourceServer } = ours
  const { client_id: clientId, client_secret: clientSecret } = resourceServer
  const fleet = await startFleet(bench, clients, { issuer, clientId, clientSecret, bareUrl })
  step('filling the caches')
  // One for each round, and one for the warm-up.
  const tokens = await issueTokens(ours.store, rounds + 1)
  await fleet.warm(tokens)
  const left = tokens.values()
  const contenders = {
    durable: () => sampleDurable(ours, fleet),
    revocation: () => sampleRevocation(ours, fleet, left.next().value as string),
  }
  return { clients, samples: await interleave(rounds, contenders, step) }
}

async function sampleDurable({ redis: { direct } }: Installation, fleet: Fleet): Promise<Taken> {
  const watch = await fleet.watchBare()
  return timeCall(watch, () => direct.eval(DURABLE_SCRIPT, 1, DURABLE_KEY, CHANNEL, 'now'))
}

async function sampleRevocation(ours: Installation, fleet: Fleet, token: string): Promise<Taken> {
  const watch = await fleet.watchToken(token)
  const taken = await timeCall(watch, () => ours.callAdmin('POST', '/revocations', { token }))
  const status = await fleet.statusOf(token)
  if (status !== 401) throw new Error(`a request with a revoked token was answered ${status}`)
  return taken
}

async function timeCall(watch: Watch, call: () => Promise<unknown>): Promise<Taken> {
  const startedAt = machineMs()
  await call()
  const returned = machineMs() - startedAt
  return { total: (await watch.seenByAllAt()) - startedAt, returned }
}

function findingOf(seen: readonly Seen[], processes: number): Finding {
  const reached: Partial<Record<TargetId, number>> = {}
  for (const { clients, samples } of seen) {
    const [ratio, p99] = [RATIO_TARGETS[clients], P99_TARGETS[clients]]
    if (ratio !== undefined) reached[ratio] = besideDurable(samples)
    if (p99 !== undefined) reached[p99] = p99Of(samples.revocation)
  }
  return {
    tables: [
      {
        title: 'Milliseconds, median (least–most)',
        columns: [
          'a durable write, published and broadcast bare',
          'revocation: the call has returned',
          'the slowest client refuses',
          'p99',
          'beside the durable write, ×',
        ],
        rows: seen.map(rowOf),
      },
    ],
    notes: notesOf(processes),
    reached,
  }
}

function rowOf({ clients, samples }: Seen): Row {
  const { durable, revocation } = samples
  return {
    name: `${clients.toLocaleString('en')} clients`,
    cells: [
      figureOf(durable.map(({ total }) => total)),
      figureOf(revocation.map(({ returned }) => returned)),
      figureOf(revocation.map(({ total }) => total)),
      figureOf([p99Of(revocation)]),
      figureOf([besideDurable(samples)]),
    ],
  }
}

function besideDurable({ durable, revocation }: Seen['samples']): number {
  const median = (samples: readonly Taken[]): number =>
    figureOf(samples.map(({ total }) => total)).median
  return median(revocation) / median(durable)
}

function p99Of(samples: readonly Taken[]): number {
  const sorted = samples.map(({ total }) => total).toSorted((a, b) => a - b)
  return quantile(sorted, 0.99)
}

function notesOf(processes: number): readonly string[] {
  return [
    'A revocation is `POST /admin/v1/revocations` of one access token, to an issuer in its own process, on a Redis that has every write on the disk before it answers. It is complete when the cache of the last client no longer returns the token; after each, a request with the token at one of the clients must be refused with 401.',
    `All clients (the published library), and as many bare sockets, run in ${processes === 1 ? 'one process' : `${processes} processes`} on the cores of the load (\`--fleet-processes\`): their work adds up, which that of the clients of an installation does not. Bare sockets and clients use the same WebSocket, that of Node.`,
    'The durable write increments one field in the same Redis and publishes it in one script. A bare server then sends a text as long as that of the feed to each of its sockets with `ws`, uncompressed, and does nothing else.',
    'Issuer, feed node and bare server share a core where there are only two: the answer to a revocation waits for the broadcast that it has caused, so with many clients the call returns late.',
    'Ratios are those of medians. The samples of a run take turns.',
  ]
}
