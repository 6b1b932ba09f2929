/** Role checks over HTTP, many at a time: what one service process and Redis do for holders of few and of many roles. */
import { basic } from '../../test/fixture/requests.ts'
import { type Figure, ratioOf } from '../figure.ts'
import type { Installation } from '../installation.ts'
import { type Loader, postRequest, type Stretch } from '../load.ts'
import type { Row, Table } from '../measure.ts'
import { interleave } from '../rounds.ts'
import { figureOfServed, loadServed, type Served } from '../served.ts'
import { anyContext, type Holder } from './holders.ts'
import { ROLE } from './names.ts'

/** How much to measure. */
export interface CheckPlan {
  readonly holders: readonly Holder[]
  readonly connections: number
  readonly rounds: number
  readonly seconds: number
}

/** What came of it. */
export interface Checks {
  readonly table: Table
  /** Median latency of a check in one context: the last holder's beside the first's. */
  readonly lastBesideFirst: Figure
}

/** Names of contexts asked about are drawn beforehand; then they come round again. */
const CONTEXTS = 10_000
/** Of all roles, an answer that was asked for none in particular holds at most so many. */
const MOST_TOLD = 100
const TOLD = `:["${ROLE}"]}`

/** Checks for each holder, with a context asked for and with none. */
export async function loadChecks(
  ours: Installation,
  loader: Loader,
  { holders, connections, rounds, seconds }: CheckPlan,
  tell: (text: string) => void,
): Promise<Checks> {
  const common = { connections, seconds, status: 200 }
  const kinds = [
    { kind: 'one context asked for', stretchOf: (holder: Holder) => oneContext(ours, holder) },
    { kind: 'no context asked for', stretchOf: (holder: Holder) => noContext(ours, holder) },
  ]
  const contenders = kinds.flatMap(({ kind, stretchOf }) =>
    holders.map((holder) => {
      const stretch: Stretch = { ...common, ...stretchOf(holder) }
      const name = nameOf(holder, kind)
      return { name, sample: () => loadServed(ours, loader, ours.introspect, stretch) }
    }),
  )
  const samples = await interleave(rounds, contenders, tell)
  const figure = (holder: Holder, kind: string, value: keyof Served): Figure =>
    figureOfServed(samples[nameOf(holder, kind)] as readonly Served[], value)
  const besideFirst = (holder: Holder, kind: string): Figure =>
    ratioOf(figure(holder, kind, 'p50'), figure(holders[0] as Holder, kind, 'p50'))
  const row = (holder: Holder, kind: string): Row => ({
    name: nameOf(holder, kind),
    cells: [
      ...(['perSecond', 'p50', 'p99', 'cpu', 'redisCpu'] as const).map((value) =>
        figure(holder, kind, value),
      ),
      besideFirst(holder, kind),
    ],
  })
  return {
    table: {
      title: `POST /introspect at ${connections} connections, by roles held`,
      columns: [
        'requests/s',
        'p50, µs',
        'p99, µs',
        'CPU of the service, µs each',
        'CPU of Redis, µs each',
        'p50 beside one role',
      ],
      rows: kinds.flatMap(({ kind }) => holders.map((holder) => row(holder, kind))),
    },
    lastBesideFirst: besideFirst(holders.at(-1) as Holder, 'one context asked for'),
  }
}

function nameOf({ held }: Holder, kind: string): string {
  return `${held.toLocaleString('en')} held, ${kind}`
}

function oneContext({ resourceServer }: Installation, holder: Holder) {
  const authorization = basic(resourceServer)
  const requests = Array.from({ length: CONTEXTS }, () => {
    const form = `token=${holder.token}&context=${encodeURIComponent(anyContext(holder))}`
    return postRequest('/introspect', authorization, form)
  })
  return { requests, expect: TOLD }
}

function noContext({ resourceServer }: Installation, { token, held }: Holder) {
  const requests = [postRequest('/introspect', basic(resourceServer), `token=${token}`)]
  return { requests, expect: held <= MOST_TOLD ? TOLD : '"context_roles_complete":false' }
}
