/**
 * The CPU time of an introspection, node and Redis together: of tokens that are asked about again and again (hot), and of
 * tokens that no node has seen before (a first look).
 */
import { introspectText } from '../../test/fixture/requests.ts'
import { issueTokens, startInstallation } from '../harness/installation.ts'
import { figureOfLoaded, type Loaded, type Stretch, startLoader } from '../harness/load.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { startPeer } from '../harness/peers.ts'
import { introspections, type Question } from '../harness/requests.ts'
import { interleave } from '../harness/rounds.ts'
import { type Figure, figureOf, ratioOf } from '../report/figure.ts'
import type { Finding, Row } from '../report/finding.ts'

/** The measure. */
export const introspectionCost: Measure = {
  name: 'introspection-cost',
  title: 'The CPU time of an introspection',
  run,
}

const HOT_TOKENS = 1_000
/** Requests of a sample: as many tokens are looked at for the first time. */
const REQUESTS = 2_000
/** None of the samples takes as long; it ends when all requests are answered. */
const LONGEST_SECONDS = 60
const CONNECTIONS = [1, 64, 256] as const
const BUSY = 64
const KOA = 'bare koa + @koa/router POST, 64 connections'
/** CPU of a first look, in POSTs of the bare Koa handler, in November 2026: a later version may not cost much more. */
const FIRST_LOOK_IN_KOA_POSTS = 2.48

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  step('starting')
  const ours = await startInstallation(bench)
  const tokens = await issueTokens(ours.store, HOT_TOKENS)
  const url = `http://127.0.0.1:${ours.introspect.port}`
  const answer = await introspectText(url, ours.resourceServer, tokens[0] as string)
  const koa = await startPeer(bench, 'bare-koa', answer)
  const loader = startLoader(bench, ours.redisPid)
  step('warm-up')
  // Node compiles hot code for seconds, and the samples are short.
  const question = introspections(ours, tokens, BUSY)
  const seconds = isQuick ? 2 : 5
  for (const server of [koa, ours.introspect]) await loader.load(server, { ...question, seconds })
  const ask = (about: readonly string[], connections: number): Promise<Loaded> =>
    loader.load(ours.introspect, sampleOf(introspections(ours, about, connections)))
  const contenders = CONNECTIONS.flatMap((connections) => [
    [hotName(connections), () => ask(tokens, connections)],
    [firstName(connections), async () => ask(await issueTokens(ours.store, REQUESTS), connections)],
  ])
  const all: Readonly<Record<string, () => Promise<Loaded>>> = {
    ...Object.fromEntries(contenders),
    [KOA]: () => loader.load(koa, sampleOf(question)),
  }
  const samples = await interleave(isQuick ? 2 : 7, all, step, 2)
  return findingOf((name) => samples[name] as readonly Loaded[])
}

function hotName(connections: number): string {
  return `hot, ${connectionsText(connections)}`
}

function firstName(connections: number): string {
  return `first look, ${connectionsText(connections)}`
}

function connectionsText(connections: number): string {
  return connections === 1 ? 'one request at a time' : `${connections} connections`
}

function sampleOf(question: Question): Stretch {
  return { ...question, seconds: LONGEST_SECONDS, count: REQUESTS }
}

function findingOf(samplesOf: (name: string) => readonly Loaded[]): Finding {
  const cpu = (name: string): Figure => figureOfLoaded(samplesOf(name), 'cpu')
  const redisCpu = (name: string): Figure => figureOfLoaded(samplesOf(name), 'redisCpu')
  const together = (name: string): Figure =>
    figureOf(samplesOf(name).map((sample) => sample.cpu + sample.redisCpu))
  const hotRedis = (connections: number): Figure =>
    ratioOf(redisCpu(hotName(connections)), redisCpu(firstName(connections)))
  const rowsOf = (connections: number): Row[] =>
    [firstName(connections), hotName(connections)].map((name) => {
      const beside = name === hotName(connections) ? hotRedis(connections) : ''
      return { name, cells: [cpu(name), redisCpu(name), together(name), beside] }
    })
  const firstLook = ratioOf(together(firstName(BUSY)), cpu(KOA))
  return {
    tables: [
      {
        title: 'CPU time of one introspection',
        columns: [
          'node, µs',
          'Redis, µs',
          'together, µs',
          'Redis of a hot one beside that of a first look',
        ],
        rows: [...CONNECTIONS.flatMap(rowsOf), { name: KOA, cells: [cpu(KOA), '', cpu(KOA), ''] }],
      },
    ],
    notes: notesOf(firstLook),
    reached: {
      redisCpuAt1: hotRedis(1).median,
      redisCpuAt64: hotRedis(64).median,
      redisCpuAt256: hotRedis(256).median,
      introspectionCpu: together(hotName(BUSY)).median,
      firstLook: firstLook.median / FIRST_LOOK_IN_KOA_POSTS,
    },
  }
}

function notesOf(firstLook: Figure): readonly string[] {
  const posts = firstLook.median.toFixed(2)
  return [
    `CPU time is read from the threads of each process (\`/proc/<pid>/task/*/schedstat\`), over ${REQUESTS.toLocaleString('en')} requests a sample. The hot tokens are ${HOT_TOKENS.toLocaleString('en')}.`,
    'A first look always runs the introspection script in Redis: what a hot introspection costs Redis beside it shows how much a node keeps.',
    `A first look costs as much CPU as ${posts} POSTs of the bare Koa handler. The target compares that with ${FIRST_LOOK_IN_KOA_POSTS}, the number of November 2026.`,
    'One request at a time costs more CPU than one of many: each request wakes two processes, whose data has left the processor caches in the meantime.',
  ]
}
