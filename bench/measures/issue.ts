/**
 * What POST /token costs: tokens of a client itself, and refreshing with rotation, beside oidc-provider on the same Redis
 * and a Koa route that does nothing. First as both have to run if nothing that was answered may be lost; then with one write
 * to the disk a second, which shows the work without the disk's share.
 */
import { type Figure, figureOf, ratioOf } from '../figure.ts'
import { startInstallation } from '../installation.ts'
import { type Issuing, issuers, KOA, OURS, refreshers, THEIRS } from '../issuing/contenders.ts'
import { startLoader } from '../load.ts'
import type { Bench, Finding, Measure, Table } from '../measure.ts'
import { startPeer } from '../peers.ts'
import { type Contender, interleave } from '../rounds.ts'
import type { Served } from '../served.ts'

/** The measure. */
export const issue: Measure = {
  name: 'issue',
  title: 'Issuing and refreshing tokens beside others',
  run,
}

interface Sizes {
  readonly rounds: number
  /** Of a stretch of issuing. */
  readonly seconds: number
  /** Tokens refreshed in a stretch. */
  readonly refreshed: number
}

const QUICK: Sizes = { rounds: 2, seconds: 0.6, refreshed: 1_000 }
const FULL: Sizes = { rounds: 4, seconds: 0.7, refreshed: 1_500 }

const ALWAYS = 'each write on the disk before it is answered (appendfsync always)'
const EVERY_SECOND = 'one write to the disk a second (appendfsync everysec)'

type Samples = Readonly<Record<string, readonly Served[]>>

async function run({ machine, isQuick, step }: Bench): Promise<Finding> {
  const sizes = isQuick ? QUICK : FULL
  step('starting')
  const ours = await startInstallation(machine, { introspects: 0, withIssuer: true })
  const { client_id, client_secret } = ours.application
  const oidc = await startPeer(machine, 'oidc-provider', ours.redis.url, client_id, client_secret)
  const koa = await startPeer(machine, 'bare-koa')
  const loader = startLoader(machine)
  const issuing: Issuing = { ours, oidc, koa, loader }
  try {
    const [issue, refresh] = await measure(issuing, sizes, step)
    const tables = [issueTable(issue, ALWAYS), refreshTable(refresh, ALWAYS)]
    if (!isQuick) {
      await ours.redis.direct.config('SET', 'appendfsync', 'everysec')
      const [issue, refresh] = await measure(issuing, sizes, step)
      tables.push(issueTable(issue, EVERY_SECOND), refreshTable(refresh, EVERY_SECOND))
    }
    return {
      tables,
      notes: notesOf(sizes),
      ...(isQuick ? {} : { reached: { issueBesideOidcProvider: besideOf(issue, THEIRS).median } }),
    }
  } finally {
    await Promise.all([loader.stop(), oidc.stop(), koa.stop()])
    await ours.stop()
  }
}

async function measure(
  issuing: Issuing,
  { rounds, seconds, refreshed }: Sizes,
  step: Bench['step'],
): Promise<readonly [Samples, Samples]> {
  const inTurn = (what: string, contenders: readonly Contender<Served>[]) =>
    interleave(rounds, contenders, (text) => step(`${what}, ${text}`))
  return [
    await inTurn('issuing', issuers(issuing, seconds)),
    await inTurn('refreshing', refreshers(issuing, refreshed)),
  ]
}

const COLUMNS = [
  'requests/s',
  'p50, ms',
  'p99, ms',
  'CPU of the server, µs each',
  'CPU of Redis, µs each',
  'Claimcheck, times as many requests/s',
]

function issueTable(samples: Samples, durability: string): Table {
  return tableOf('grant_type=client_credentials', samples, durability)
}

function refreshTable(samples: Samples, durability: string): Table {
  return tableOf('grant_type=refresh_token with rotation', samples, durability)
}

function tableOf(what: string, samples: Samples, durability: string): Table {
  const rows = Object.entries(samples).map(([name, taken]) => {
    const figure = (of: (sample: Served) => number): Figure => figureOf(taken.map(of))
    return {
      name,
      cells: [
        figure(({ perSecond }) => perSecond),
        figure(({ p50 }) => p50 / 1_000),
        figure(({ p99 }) => p99 / 1_000),
        figure(({ cpu }) => cpu),
        name === KOA ? '' : figure(({ redisCpu }) => redisCpu),
        name === OURS ? '' : besideOf(samples, name),
      ],
    }
  })
  return { title: `POST /token, ${what}: ${durability}`, columns: COLUMNS, rows }
}

/** Our requests a second for one of the other's, round by round. */
function besideOf(samples: Samples, other: string): Figure {
  const perSecond = (name: string): Figure =>
    figureOf((samples[name] ?? []).map(({ perSecond }) => perSecond))
  return ratioOf(perSecond(OURS), perSecond(other))
}

function notesOf({ rounds, seconds, refreshed }: Sizes): readonly string[] {
  return [
    `64 connections, one server process each, one Redis for all. ${rounds} rounds: ${seconds} s of issuing, or ${refreshed.toLocaleString('en')} refresh tokens of as many grants and users, each used once.`,
    'The line of the list is that of appendfsync always.',
    'oidc-provider: opaque tokens, the client in memory, every feature off that is not needed, commands of one tick in one pipeline. Of each token of ours Redis checks at the moment of issue that client and resource are still registered; it takes no such look.',
    'The Koa route reads the body and answers a text of the length of an introspection, without Redis.',
  ]
}
