/** What POST /token costs for a token of a client itself, beside oidc-provider on the same Redis. */
import { type Installation, startInstallation } from '../harness/installation.ts'
import {
  figureOfLoaded,
  type Loaded,
  type LoadedServer,
  type Loader,
  startLoader,
} from '../harness/load.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { startPeer } from '../harness/peers.ts'
import { CONNECTIONS, issues } from '../harness/requests.ts'
import { interleave, type Samples } from '../harness/rounds.ts'
import { type Figure, figureOf, ratioOf } from '../report/figure.ts'
import type { Finding, Row } from '../report/finding.ts'

const OURS = 'Claimcheck'
const THEIRS = 'oidc-provider'
const QUICK = { rounds: 2, seconds: 0.6 }
const FULL = { rounds: 6, seconds: 0.8 }

/** The measure. */
export const issue: Measure = { name: 'issue', title: 'Issuing tokens beside oidc-provider', run }

type Issued = Samples<typeof OURS | typeof THEIRS, Loaded>

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  step('starting')
  const ours = await startInstallation(bench, { withIntrospect: false, withIssuer: true })
  const { client_id, client_secret } = ours.application
  const oidc = await startPeer(bench, 'oidc-provider', ours.redis.url, client_id, client_secret)
  const loader = startLoader(bench, ours.redisPid)
  const { rounds, seconds } = isQuick ? QUICK : FULL
  const sampler = (server: LoadedServer) => () => sample(ours, loader, server, seconds)
  const contenders = { [OURS]: sampler(ours.issuer), [THEIRS]: sampler(oidc) }
  const samples: Issued = await interleave(rounds, contenders, step)
  const perSecond = (name: keyof Issued): Figure => figureOfLoaded(samples[name], 'perSecond')
  const beside = ratioOf(perSecond(OURS), perSecond(THEIRS))
  return {
    tables: [
      {
        title:
          'POST /token, grant_type=client_credentials, each write on the disk before the answer',
        columns: [
          'requests/s',
          'p50, ms',
          'p99, ms',
          'CPU of the server, µs each',
          'CPU of Redis, µs each',
          'Claimcheck, times as many requests/s',
        ],
        rows: [rowOf(samples, OURS, ''), rowOf(samples, THEIRS, beside)],
      },
    ],
    notes: [
      `${CONNECTIONS} connections, one server process each, one Redis for both (appendfsync always). ${rounds} rounds of ${seconds} s.`,
      'oidc-provider has opaque tokens, its client in memory, every unneeded feature off, and sends the commands of one tick in one pipeline. For each token of ours Redis checks, at the moment of issue, that client and resource are still registered; oidc-provider does not.',
    ],
    ...(isQuick ? {} : { reached: { issueBesideOidcProvider: beside.median } }),
  }
}

/** @throws {Error} when fewer records were written than requests answered */
async function sample(
  ours: Installation,
  loader: Loader,
  server: LoadedServer,
  seconds: number,
): Promise<Loaded> {
  const { direct } = ours.redis
  const before = await direct.dbsize()
  const loaded = await loader.load(server, { ...issues(ours), seconds })
  const written = (await direct.dbsize()) - before
  if (written < loaded.answered) {
    throw new Error(`${loaded.answered} requests were answered, but only ${written} keys written`)
  }
  return loaded
}

function rowOf(samples: Issued, name: keyof Issued, beside: Figure | string): Row {
  const inMs = (value: 'p50' | 'p99'): Figure =>
    figureOf(samples[name].map((sample) => sample[value] / 1_000))
  const figure = (value: keyof Loaded): Figure => figureOfLoaded(samples[name], value)
  const times = [inMs('p50'), inMs('p99'), figure('cpu'), figure('redisCpu')]
  return { name, cells: [figure('perSecond'), ...times, beside] }
}
