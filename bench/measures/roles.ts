/** A role check for a subject who holds a million roles, beside one who holds a single one. */
import { basic } from '../../test/fixture/requests.ts'
import { type Installation, startInstallation } from '../harness/installation.ts'
import { figureOfLoaded, type Loaded, startLoader } from '../harness/load.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { readKeyspace, settled } from '../harness/redis-work.ts'
import { CONNECTIONS, type Question, requestText } from '../harness/requests.ts'
import { interleave } from '../harness/rounds.ts'
import { ratioOf } from '../report/figure.ts'
import type { Finding, Row } from '../report/finding.ts'
import { ROLE } from '../roles/assignment-lines.ts'
import { anyContext, createHolders, type Holder } from '../roles/holders.ts'
import { defineRole } from '../roles/stream.ts'

/** The measure. */
export const roles: Measure = { name: 'roles', title: 'Roles, held by the million', run }

const FULL = { held: [1, 1_000, 1_000_000], rounds: 6, seconds: 0.8 }
const QUICK: typeof FULL = { held: [1, 1_000, 10_000], rounds: 2, seconds: 0.3 }
/** Contexts to ask about, drawn beforehand. */
const CONTEXTS = 10_000

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  const { held, rounds, seconds } = isQuick ? QUICK : FULL
  const most = Math.max(...held).toLocaleString('en')
  step('starting')
  const ours = await startInstallation(bench, { withIssuer: true })
  const { direct } = ours.redis
  await defineRole(ours)
  const before = await readKeyspace(direct)
  step(`giving a subject ${most} roles`)
  const holders = await createHolders(ours, held)
  const bytes = (await readKeyspace(direct)).bytes - before.bytes
  await settled(direct)
  const loader = startLoader(bench, ours.redisPid)
  const contenders = holders.map((holder) => {
    const stretch = { ...checksOf(ours, holder), seconds }
    return [nameOf(holder), () => loader.load(ours.introspect, stretch)] as const
  })
  const samples = await interleave(rounds, Object.fromEntries(contenders), step)
  const each = bytes / held.reduce((sum, count) => sum + count, 0)
  return findingOf(holders, samples, isQuick, [
    'The context of each request is drawn at random from those in which the subject holds the role, and every answer must contain the role.',
    `A role of a subject who holds ${most} takes ${Math.round(each)} bytes of Redis, in all indexes together, without the log.`,
    'The target is the ratio of the median latencies, million beside one, round by round.',
  ])
}

function nameOf({ held }: Holder): string {
  return `${held.toLocaleString('en')} held, one context asked for`
}

function checksOf({ resourceServer }: Installation, holder: Holder): Question {
  const authorization = basic(resourceServer)
  const requests = Array.from({ length: CONTEXTS }, () => {
    const form = `token=${holder.token}&context=${encodeURIComponent(anyContext(holder))}`
    return requestText('/introspect', authorization, form)
  })
  return { connections: CONNECTIONS, requests, expect: `:["${ROLE}"]}`, status: 200 }
}

function findingOf(
  holders: readonly Holder[],
  samples: Readonly<Record<string, readonly Loaded[]>>,
  isQuick: boolean,
  notes: readonly string[],
): Finding {
  const figure = (holder: Holder, value: keyof Loaded) =>
    figureOfLoaded(samples[nameOf(holder)] as readonly Loaded[], value)
  const besideOne = (holder: Holder) =>
    ratioOf(figure(holder, 'p50'), figure(holders[0] as Holder, 'p50'))
  const rows = holders.map((holder): Row => {
    const values = ['perSecond', 'p50', 'p99', 'cpu', 'redisCpu'] as const
    const cells = values.map((value) => figure(holder, value))
    return { name: nameOf(holder), cells: [...cells, besideOne(holder)] }
  })
  const millionRoles = besideOne(holders.at(-1) as Holder).median
  return {
    tables: [
      {
        title: `POST /introspect at ${CONNECTIONS} connections, by roles held`,
        columns: [
          'requests/s',
          'p50, µs',
          'p99, µs',
          'CPU of the service, µs each',
          'CPU of Redis, µs each',
          'p50 beside one role',
        ],
        rows,
      },
    ],
    notes,
    ...(isQuick ? {} : { reached: { millionRoles } }),
  }
}
