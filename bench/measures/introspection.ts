/**
 * Introspection as a busy resource server sees it: one process of ours on a real Redis, beside a bare Koa handler and
 * oidc-provider on the same Redis. Then at half of what ours can do, for the tail of the latency.
 */
import { basic, fetchToken, introspectText } from '../../test/fixture/requests.ts'
import {
  type Installation,
  issueTokens,
  SCOPE,
  startInstallation,
} from '../harness/installation.ts'
import {
  figureOfLoaded,
  type Loaded,
  type LoadedServer,
  type Loader,
  startLoader,
} from '../harness/load.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { startPeer } from '../harness/peers.ts'
import { CONNECTIONS, introspections, type Question, requestText } from '../harness/requests.ts'
import { interleave, type Samples } from '../harness/rounds.ts'
import { type Figure, ratioOf } from '../report/figure.ts'
import type { Finding, Table } from '../report/finding.ts'

const OURS = 'Claimcheck'
const KOA = 'bare koa + @koa/router'
const OIDC = 'oidc-provider'
const TOKENS = 10_000
const OIDC_TOKENS = 2_000
const ISSUED_AT_ONCE = 50
/** Node compiles hot code for seconds. */
const WARM_UPS = 4

/** The measure. */
export const introspection: Measure = {
  name: 'introspection',
  title: 'Introspection beside others',
  run,
}

interface Asked {
  readonly server: LoadedServer
  readonly question: Question
}

type Full = Samples<typeof OURS | typeof KOA | typeof OIDC, Loaded>
type Half = Samples<typeof OURS | typeof KOA, Loaded>

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  step('starting')
  const ours = await startInstallation(bench)
  const { claimcheck, koa, oidc } = await startServers(bench, ours)
  const loader = startLoader(bench, ours.redisPid)
  // Many short rounds rather than few long ones: the speed of a shared machine changes from second to second.
  const rounds = isQuick ? 3 : 15
  const stretch = { seconds: isQuick ? 0.5 : 0.8 }
  const full = await interleave(
    rounds,
    {
      [OURS]: sampler(loader, claimcheck, stretch),
      [KOA]: sampler(loader, koa, stretch),
      [OIDC]: sampler(loader, oidc, stretch),
    },
    (text) => step(`full speed, ${text}`),
    WARM_UPS,
  )
  const rate = Math.round(figureOfLoaded(full[OURS], 'perSecond').median / 2)
  const slower = { ...stretch, rate }
  const half = await interleave(
    rounds,
    { [OURS]: sampler(loader, claimcheck, slower), [KOA]: sampler(loader, koa, slower) },
    (text) => step(`${rate} a second, ${text}`),
  )
  const p99 = ratioOf(figureOfLoaded(half[OURS], 'p99'), figureOfLoaded(half[KOA], 'p99'))
  return {
    tables: [fullTable(full), halfTable(rate, half)],
    notes: NOTES,
    reached: {
      introspectionBesideKoa: oursBeside(full, KOA).median,
      introspectionBesideOidcProvider: oursBeside(full, OIDC).median,
      introspectionP99: p99.median,
    },
  }
}

function sampler(
  loader: Loader,
  { server, question }: Asked,
  stretch: { readonly seconds: number; readonly rate?: number },
): () => Promise<Loaded> {
  return () => loader.load(server, { ...question, ...stretch })
}

async function startServers(bench: Bench, ours: Installation) {
  const tokens = await issueTokens(ours.store, TOKENS)
  const question = introspections(ours, tokens)
  const url = `http://127.0.0.1:${ours.introspect.port}`
  const answer = await introspectText(url, ours.resourceServer, tokens[0] as string)
  const { client_id, client_secret } = ours.application
  const oidc = await startPeer(bench, 'oidc-provider', ours.redis.url, client_id, client_secret)
  return {
    claimcheck: { server: ours.introspect, question },
    koa: { server: await startPeer(bench, 'bare-koa', answer), question },
    oidc: { server: oidc, question: await askOidcProvider(oidc, ours, question) },
  }
}

/** The same question about tokens of oidc-provider. */
async function askOidcProvider(
  { port }: LoadedServer,
  { application }: Installation,
  question: Question,
): Promise<Question> {
  const issue = () => fetchToken(`http://127.0.0.1:${port}`, application, { scope: SCOPE })
  const tokens: string[] = []
  while (tokens.length < OIDC_TOKENS) {
    tokens.push(...(await Promise.all(Array.from({ length: ISSUED_AT_ONCE }, issue))))
  }
  const requests = tokens.map((token) =>
    requestText(
      '/token/introspection',
      basic(application),
      `token=${token}&token_type_hint=access_token`,
    ),
  )
  return { ...question, requests }
}

/** Our requests a second for one of the other's. */
function oursBeside(samples: Full, other: keyof Full): Figure {
  return ratioOf(
    figureOfLoaded(samples[OURS], 'perSecond'),
    figureOfLoaded(samples[other], 'perSecond'),
  )
}

function fullTable(samples: Full): Table {
  return {
    title: `Full speed, ${CONNECTIONS} connections`,
    columns: [
      'requests/s',
      'Claimcheck beside it',
      'p50, µs',
      'p99, µs',
      'CPU of the server, µs each',
      'CPU of Redis, µs each',
      'load process, share of a core',
    ],
    rows: ([OURS, KOA, OIDC] as const).map((name) => {
      const figure = (value: keyof Loaded) => figureOfLoaded(samples[name], value)
      return {
        name,
        cells: [
          figure('perSecond'),
          name === OURS ? '' : oursBeside(samples, name),
          figure('p50'),
          figure('p99'),
          figure('cpu'),
          name === KOA ? '' : figure('redisCpu'),
          figure('loadShare'),
        ],
      }
    }),
  }
}

function halfTable(rate: number, samples: Half): Table {
  return {
    title: `Half of what Claimcheck can do: ${rate.toLocaleString('en')} requests a second, sent once a millisecond`,
    columns: ['p50, µs', 'p99, µs', 'CPU of the server, µs each'],
    rows: ([OURS, KOA] as const).map((name) => {
      const values = ['p50', 'p99', 'cpu'] as const
      return { name, cells: values.map((value) => figureOfLoaded(samples[name], value)) }
    }),
  }
}

const NOTES = [
  'Every answer is checked: its status, and that it says `"active":true`.',
  'Our `POST /introspect` bypasses Koa (http/pipeline/shortcut.ts): it runs on node:http, and Koa is the reference.',
  'The Koa handler reads the body and always answers with one of our answers. It decides nothing and asks Redis nothing.',
  'oidc-provider 9 has opaque tokens, its client in memory and autopipelining; `token_type_hint` tells it where to look. It needs two reads for a token of a client, because it stores them apart from those of users. It has no roles, and it does not look up the registration of the caller.',
  `${TOKENS.toLocaleString('en')} tokens of as many subjects are introspected in turn, ${OIDC_TOKENS.toLocaleString('en')} at oidc-provider.`,
  'At a fixed rate the time of an answer counts from when its request was due.',
  'On two cores Redis and the load share one: their work together limits Claimcheck and oidc-provider, but not the Koa handler, which has no Redis. The CPU time of the server does not depend on that.',
]
