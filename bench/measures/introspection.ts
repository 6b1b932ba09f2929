/**
 * What a service that asks gets: one process of ours on a real Redis, beside a handler of node:http, the same in Koa, and
 * oidc-provider on the same Redis. Then the same at half of what ours can do, for the tail.
 */
import { basic, introspectText } from '../../test/fixture/requests.ts'
import { type Figure, figureOf, ratioOf } from '../figure.ts'
import { type Installation, issueTokens, SCOPE, startInstallation } from '../installation.ts'
import { askEach, CONNECTIONS, type Question } from '../introspection/questions.ts'
import { type Loader, postRequest, startLoader } from '../load.ts'
import type { Bench, Finding, Measure, Table } from '../measure.ts'
import { type LoadedServer, startPeer } from '../peers.ts'
import { interleave } from '../rounds.ts'
import { figureOfServed, loadServed, type Served } from '../served.ts'

const OURS = 'Claimcheck'
const HTTP = 'bare node:http'
const KOA = 'bare koa + @koa/router'
const OIDC = 'oidc-provider'
const TOKENS = 10_000
const OIDC_TOKENS = 2_000
const ISSUED_AT_ONCE = 50
/** Node compiles what is hot for seconds; nobody's first ones count. */
const WARM_UPS = 4

/** The measure. */
export const introspection: Measure = {
  name: 'introspection',
  title: 'Introspection beside others',
  run,
}

/** Who is loaded with what. */
type Contenders = Readonly<Record<string, { server: LoadedServer; question: Question }>>

async function run(bench: Bench): Promise<Finding> {
  const { machine, step } = bench
  step('starting')
  const stops: (() => Promise<void>)[] = []
  try {
    const ours = await startInstallation(machine)
    stops.push(ours.stop)
    const loader = startLoader(machine)
    stops.push(loader.stop)
    const contenders = await startContenders(bench, ours, stops)
    return await measure(bench, ours, loader, contenders)
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

async function startContenders(
  { machine }: Bench,
  ours: Installation,
  stops: (() => Promise<void>)[],
): Promise<Contenders> {
  const peer = async (...options: [Parameters<typeof startPeer>[1], ...string[]]) => {
    const server = await startPeer(machine, ...options)
    stops.push(server.stop)
    return server
  }
  const { client_id, client_secret } = ours.application
  const oidc = await peer('oidc-provider', ours.redis.url, client_id, client_secret)
  const tokens = await issueTokens(ours.store, TOKENS)
  const question = askEach(ours, tokens)
  const [node] = ours.introspect.ports
  const answer = await introspectText(
    `http://127.0.0.1:${node}`,
    ours.resourceServer,
    tokens[0] as string,
  )
  const authorization = basic(ours.application)
  const theirs = (await issueAtOidcProvider(oidc, authorization)).map((token) =>
    postRequest(
      '/token/introspection',
      authorization,
      `token=${token}&token_type_hint=access_token`,
    ),
  )
  return {
    [OURS]: { server: ours.introspect, question },
    [HTTP]: { server: await peer('bare-http', answer), question },
    [KOA]: { server: await peer('bare-koa', answer), question },
    [OIDC]: { server: oidc, question: { ...question, requests: theirs } },
  }
}

async function issueAtOidcProvider(
  { ports }: LoadedServer,
  authorization: string,
): Promise<readonly string[]> {
  const issue = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${ports[0]}/token`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE }),
    })
    if (!response.ok) throw new Error(`oidc-provider answered ${response.status}`)
    return ((await response.json()) as { access_token: string }).access_token
  }
  const tokens: string[] = []
  while (tokens.length < OIDC_TOKENS) {
    tokens.push(...(await Promise.all(Array.from({ length: ISSUED_AT_ONCE }, issue))))
  }
  return tokens
}

async function measure(
  { isQuick, step }: Bench,
  ours: Installation,
  loader: Loader,
  contenders: Contenders,
): Promise<Finding> {
  // Many short rounds rather than few long ones: a machine that others share changes its pace from second to second.
  const rounds = isQuick ? 3 : 15
  const seconds = isQuick ? 0.5 : 0.8
  const contender = (name: string, rate?: number) => {
    const { server, question } = contenders[name] as Contenders[string]
    const stretch = { ...question, seconds, ...(rate === undefined ? {} : { rate }) }
    return { name, sample: () => loadServed(ours, loader, server, stretch) }
  }
  const names = Object.keys(contenders)
  const full = await interleave(
    rounds,
    names.map((name) => contender(name)),
    (text) => step(`all they can, ${text}`),
    WARM_UPS,
  )
  const rate = Math.round(figureOfServed(full[OURS] as readonly Served[], 'perSecond').median / 2)
  const half = await interleave(
    rounds,
    [OURS, HTTP, KOA].map((name) => contender(name, rate)),
    (text) => step(`${rate} a second, ${text}`),
  )
  const p99 = (name: string) => figureOfServed(half[name] as readonly Served[], 'p99')
  const beside = (name: string): Figure =>
    ratioOf(
      figureOfServed(full[OURS] as readonly Served[], 'perSecond'),
      figureOfServed(full[name] as readonly Served[], 'perSecond'),
    )
  return {
    tables: [fullTable(names, full), halfTable(rate, half)],
    notes: NOTES,
    reached: {
      introspectionBesideKoa: beside(KOA).median,
      introspectionBesideOidcProvider: beside(OIDC).median,
      introspectionP99: ratioOf(p99(OURS), p99(KOA)).median,
    },
  }
}

type Samples = Readonly<Record<string, readonly Served[]>>

function fullTable(names: readonly string[], samples: Samples): Table {
  const ours = figureOf((samples[OURS] as readonly Served[]).map(({ perSecond }) => perSecond))
  return {
    title: `As many requests as they answer, ${CONNECTIONS} connections`,
    columns: [
      'requests/s',
      'Claimcheck beside it',
      'p50, µs',
      'p99, µs',
      'CPU of the server, µs each',
      'CPU of Redis, µs each',
      'load process, share of a core',
    ],
    rows: names.map((name) => {
      const figure = (value: keyof Served) =>
        figureOfServed(samples[name] as readonly Served[], value)
      const perSecond = figure('perSecond')
      return {
        name,
        cells: [
          perSecond,
          name === OURS ? '' : ratioOf(ours, perSecond),
          figure('p50'),
          figure('p99'),
          figure('cpu'),
          name === HTTP || name === KOA ? '' : figure('redisCpu'),
          figure('loadShare'),
        ],
      }
    }),
  }
}

function halfTable(rate: number, samples: Samples): Table {
  return {
    title: `${rate.toLocaleString('en')} requests a second, some each millisecond: half of what Claimcheck can do`,
    columns: ['p50, µs', 'p99, µs', 'CPU of the server, µs each'],
    rows: Object.entries(samples).map(([name, served]) => ({
      name,
      cells: [
        figureOfServed(served, 'p50'),
        figureOfServed(served, 'p99'),
        figureOfServed(served, 'cpu'),
      ],
    })),
  }
}

const NOTES = [
  'Every answer is looked at: its status, and that it says `"active":true`.',
  '`POST /introspect` of ours goes round Koa, through the same frame and handler (http/pipeline/shortcut.ts): node:http is what it stands on, Koa what it is held to.',
  'The bare handlers read the body and answer one of our answers, always the same; they judge nothing and ask nobody.',
  'oidc-provider 9 has opaque tokens, its client in memory, autopipelining, and is told with `token_type_hint` where to look: two `MGET`s for a client’s token, since it keeps them apart from those of users. It has no roles and no registration of the caller to look up.',
  `${TOKENS.toLocaleString('en')} tokens of as many subjects are asked about in turn, ${OIDC_TOKENS.toLocaleString('en')} at oidc-provider.`,
  'At a fixed rate the time of an answer counts from when its request was due.',
  'On two cores Redis and the load share one: what they use together bounds Claimcheck and oidc-provider, but not the bare handlers, which have no Redis. The processor time of the server does not depend on that.',
]
