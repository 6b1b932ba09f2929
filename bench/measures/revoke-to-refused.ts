/**
 * From a revocation to the moment when the slowest of many clients refuses the token, beside a bare broadcast to as many
 * sockets; and how much of it is the feed's.
 */
import { basic } from '../../test/fixture/requests.ts'
import { type Figure, figureOf, quantile } from '../figure.ts'
import { startBroadcaster } from '../fleet/broadcaster.ts'
import { startFleet } from '../fleet/fleet.ts'
import { type Place, type RunSamples, runRounds, type Taken, tokensOf } from '../fleet/run.ts'
import { type Installation, issueTokens, startInstallation } from '../installation.ts'
import { type Loader, postRequest, type Stretch, startLoader } from '../load.ts'
import type { Bench, Finding, Measure, Row, Table } from '../measure.ts'
import type { TargetId } from '../targets.ts'

/** The measure. */
export const revokeToRefused: Measure = {
  name: 'revoke-to-refused',
  title: 'From a revocation to the last refusal',
  run,
}

/** How many revocations for a fleet of a size: without load, and under it. */
interface FleetSize {
  readonly clients: number
  readonly idle: number
  readonly loaded: number
}

const QUICK: readonly FleetSize[] = [
  { clients: 1, idle: 20, loaded: 10 },
  { clients: 10, idle: 50, loaded: 10 },
  { clients: 100, idle: 20, loaded: 10 },
]
const FULL: readonly FleetSize[] = [
  { clients: 1, idle: 100, loaded: 50 },
  { clients: 10, idle: 300, loaded: 50 },
  { clients: 100, idle: 100, loaded: 50 },
  { clients: 1_000, idle: 30, loaded: 15 },
]
/** Introspections a second, of one token after the other. */
const LOAD_RATE = 500
const LOAD_CONNECTIONS = 8
const LOADED_TOKENS = 1_000
/** From so many members on it is messages that keep a fleet busy. */
const MANY = 100
const CHANNEL = 'bench:broadcast'
/** What the feed tells of a revoked token. */
const TEXT = JSON.stringify({
  type: 'event',
  partition: 42,
  epoch: '9f86d081884c7d65',
  seq: 1_234,
  event: { type: 'token', jti: 'AxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxA' },
})

/** What was seen of a fleet of one size. */
interface Seen {
  readonly clients: number
  readonly idle: RunSamples
  readonly loaded: RunSamples
}

async function run(bench: Bench): Promise<Finding> {
  bench.step('starting')
  const ours = await startInstallation(bench.machine, { withIssuer: true })
  try {
    return findingOf(await seeFleets(bench, ours))
  } finally {
    await ours.stop()
  }
}

async function seeFleets(bench: Bench, ours: Installation): Promise<readonly Seen[]> {
  const { machine, isQuick } = bench
  const plan = { text: TEXT, redisUrl: ours.redis.url, channel: CHANNEL }
  const bare = await startBroadcaster(machine, plan)
  const loader = startLoader(machine)
  try {
    const stretch = await introspectionsOf(ours)
    const seen: Seen[] = []
    for (const size of isQuick ? QUICK : FULL) {
      seen.push(await seeFleet(bench, { ours, bare }, loader, stretch, size))
    }
    return seen
  } finally {
    await Promise.all([loader.stop(), bare.stop()])
  }
}

async function introspectionsOf({ store, resourceServer }: Installation): Promise<Stretch> {
  const tokens = await issueTokens(store, LOADED_TOKENS)
  return {
    connections: LOAD_CONNECTIONS,
    rate: LOAD_RATE,
    seconds: 1,
    requests: tokens.map((token) =>
      postRequest('/introspect', basic(resourceServer), `token=${token}`),
    ),
    expect: '"active":true',
    status: 200,
  }
}

async function seeFleet(
  { machine, step }: Bench,
  place: Omit<Place, 'fleet'>,
  loader: Loader,
  stretch: Stretch,
  { clients, idle, loaded }: FleetSize,
): Promise<Seen> {
  const { ours, bare } = place
  const tell = (text: string): void => step(`${clients} clients: ${text}`)
  tell('connecting')
  const fleet = await startFleet(machine, {
    size: clients,
    issuer: ours.issuerUrl,
    clientId: ours.resourceServer.client_id,
    clientSecret: ours.resourceServer.client_secret,
    bareUrl: bare.url,
    redisUrl: ours.redis.url,
  })
  try {
    tell('filling the caches')
    const tokens = await issueTokens(ours.store, tokensOf(idle) + tokensOf(loaded))
    await fleet.warm(tokens)
    const [forIdle, forLoaded] = [tokens.slice(0, tokensOf(idle)), tokens.slice(tokensOf(idle))]
    const measured = (rounds: number, part: readonly string[], what: string) =>
      runRounds({ ...place, fleet }, rounds, part, CHANNEL, (text) => tell(`${what}, ${text}`))
    return {
      clients,
      idle: await measured(idle, forIdle, 'idle'),
      loaded: await underLoad(place, loader, stretch, () =>
        measured(loaded, forLoaded, 'under load'),
      ),
    }
  } finally {
    await fleet.stop()
  }
}

/** Asks about tokens for as long as something runs. */
async function underLoad<Result>(
  { ours }: Pick<Place, 'ours'>,
  loader: Loader,
  stretch: Stretch,
  act: () => Promise<Result>,
): Promise<Result> {
  let isOver = false
  const keepLoading = async (): Promise<void> => {
    while (!isOver) await loader.load(ours.introspect, stretch)
  }
  const loading = keepLoading()
  const acting = act().finally(() => {
    isOver = true
  })
  const [result] = await Promise.all([acting, loading])
  return result
}

const TARGET_OF: Readonly<Record<number, TargetId>> = {
  10: 'refusedBeside10',
  100: 'refusedBeside100',
  1000: 'refusedBeside1000',
}

function findingOf(seen: readonly Seen[]): Finding {
  const reached: Partial<Record<TargetId, number>> = {}
  for (const { clients, idle } of seen) {
    const target = TARGET_OF[clients]
    if (target !== undefined) reached[target] = medianOf(idle.revocation) / medianOf(idle.bare)
    if (clients === 10) reached.refusedP99Of10 = p99Of(idle.revocation).median
  }
  return {
    tables: [
      wholeTable('Idle: milliseconds, median (least–most)', seen, ({ idle }) => idle),
      wholeTable(
        `Beside ${LOAD_RATE} introspections a second at the same node`,
        seen,
        ({ loaded }) => loaded,
      ),
      partsTable(seen),
      feedTable(seen),
      clientTable(seen),
    ],
    notes: NOTES,
    reached,
  }
}

function wholeTable(
  title: string,
  seen: readonly Seen[],
  samplesOf: (seen: Seen) => RunSamples,
): Table {
  const columns = [
    'bare ws broadcast',
    'p99',
    'revocation: the call has returned',
    'the slowest client refuses',
    'p99',
    'beside bare, ×',
    'beside durable bare, ×',
  ]
  return {
    title,
    columns,
    rows: rowsOf(seen, (one) => {
      const { bare, durable, revocation } = samplesOf(one)
      return [
        figureOfAll(bare),
        p99Of(bare),
        figureOfAll(revocation, ({ returned }) => returned),
        figureOfAll(revocation),
        p99Of(revocation),
        ratioOfMedians(revocation, bare),
        ratioOfMedians(revocation, durable),
      ]
    }),
  }
}

/** What the script and the feed add to the least that a durable and published change takes. */
function partsTable(seen: readonly Seen[]): Table {
  return {
    title: 'Without the API, idle: milliseconds from a call of the store',
    columns: [
      'a durable field of Redis, published and broadcast bare',
      'a revocation by the store',
      '×',
      'a revocation by the API',
    ],
    rows: rowsOf(seen, ({ idle: { durable, stored, revocation } }) => [
      figureOfAll(durable),
      figureOfAll(stored),
      ratioOfMedians(stored, durable),
      figureOfAll(revocation),
    ]),
  }
}

/** What the feed adds to a bare broadcast. */
function feedTable(seen: readonly Seen[]): Table {
  const parts = [({ spread }: Taken) => spread, ({ written }: Taken) => written] as const
  return {
    title: 'The part of the feed, idle: milliseconds from the publication of the change',
    columns: [
      'bare: until the last socket has it',
      'feed: until the slowest client has it',
      '×',
      'bare: until the last is written to',
      'feed: until the last is written to',
      '×',
    ],
    rows: rowsOf(seen, ({ idle: { bare, durable, stored } }) =>
      parts.flatMap((partOf, n) => {
        const reference = figureOfAll(n === 0 ? durable : bare, partOf)
        const feed = figureOfAll(stored, partOf)
        return [reference, feed, figureOf([feed.median / reference.median])]
      }),
    ),
  }
}

/** What the process of all clients works for one of them, in which the clients of an installation do not share. */
function clientTable(seen: readonly Seen[]): Table {
  // With few, being told what to watch for is most of it.
  const many = seen.filter(({ clients }) => clients >= MANY)
  return {
    title: 'The process of the fleet was busy for each of its members: microseconds a message',
    columns: ['bare sockets', 'bare sockets that parse the text', 'clients'],
    rows: rowsOf(many, ({ clients, idle: { bare, parsed, stored } }) =>
      [bare, parsed, stored].map((samples) =>
        figureOfAll(samples, ({ busy }) => (busy * 1_000) / clients),
      ),
    ),
  }
}

function rowsOf(seen: readonly Seen[], cellsOf: (seen: Seen) => readonly Figure[]): Row[] {
  return seen.map((one) => ({
    name: one.clients === 1 ? '1 client' : `${one.clients.toLocaleString('en')} clients`,
    cells: cellsOf(one),
  }))
}

function figureOfAll(
  samples: readonly Taken[],
  partOf: (taken: Taken) => number | undefined = ({ total }) => total,
): Figure {
  return figureOf(samples.map((taken) => partOf(taken) ?? Number.NaN))
}

function medianOf(samples: readonly Taken[]): number {
  return figureOfAll(samples).median
}

function p99Of(samples: readonly Taken[]): Figure {
  const sorted = samples.map(({ total }) => total).toSorted((a, b) => a - b)
  return figureOf([quantile(sorted, 0.99)])
}

function ratioOfMedians(one: readonly Taken[], other: readonly Taken[]): Figure {
  return figureOf([medianOf(one) / medianOf(other)])
}

const NOTES = [
  'A revocation is `POST /admin/v1/revocations` of one access token, to an issuer in a process of its own, on a Redis that has every write on the disk before it answers. It is over when the cache of the last client gives the token away no more; after each, a request with the token at one of the clients has to be refused with 401.',
  'All clients (the published library), and as many bare sockets, live in one process on the core of the load: their work adds up, which that of the clients of an installation does not. How much it is stands in the last table. Bare sockets and clients use the same WebSocket, that of Node.',
  'The bare server sends a text as long as that of the feed to each of its sockets with `ws`, uncompressed, and does nothing else. It does not wait for a disk, an HTTP request or Redis, so with few clients its time is not one that a revocation could take; beside it stands the same broadcast behind a write of one field to the same Redis, published by a script.',
  'Issuer, feed node and bare server share a core where there are two: the answer to a revocation waits for the broadcast it has caused, so that with many clients the call returns late.',
  'Ratios are those of medians. The samples of a run are taken in turn.',
]
