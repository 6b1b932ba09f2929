/**
 * The CPU time of an introspection, node and Redis together: of tokens that are asked about again and again (hot), and of
 * tokens that no node has seen before (a first look).
 */
import { issueTokens, startInstallation } from '../harness/installation.ts'
import { figureOfLoaded, type Loaded, type Stretch, startLoader } from '../harness/load.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { introspections } from '../harness/requests.ts'
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
/** Requests of a sample: as many tokens are looked at for the first time. Alone, each takes much longer. */
const REQUESTS = { together: 2_000, alone: 500 }
/** None of the samples takes as long; it ends when all requests are answered. */
const LONGEST_SECONDS = 60
const CONNECTIONS = [1, 64, 256] as const
const BUSY = 64

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  step('starting')
  const ours = await startInstallation(bench)
  const tokens = await issueTokens(ours.store, HOT_TOKENS)
  const loader = startLoader(bench, ours.redisPid)
  const load = (stretch: Stretch): Promise<Loaded> => loader.load(ours.introspect, stretch)
  step('warm-up')
  // Node compiles hot code for seconds, and the samples are short.
  await load({ ...introspections(ours, tokens, BUSY), seconds: isQuick ? 2 : 5 })
  const contenders = CONNECTIONS.flatMap((connections) => {
    const count = connections === 1 ? REQUESTS.alone : REQUESTS.together
    const ask = (about: readonly string[]): Promise<Loaded> =>
      load({ ...introspections(ours, about, connections), count, seconds: LONGEST_SECONDS })
    return [
      [hotName(connections), () => ask(tokens)] as const,
      [firstName(connections), async () => ask(await issueTokens(ours.store, count))] as const,
    ]
  })
  const all = Object.fromEntries(contenders)
  const samples = await interleave(isQuick ? 2 : 7, all, step)
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
        rows: CONNECTIONS.flatMap(rowsOf),
      },
    ],
    notes: NOTES,
    reached: {
      redisCpuAt1: hotRedis(1).median,
      redisCpuAt64: hotRedis(64).median,
      redisCpuAt256: hotRedis(256).median,
      introspectionCpu: together(hotName(BUSY)).median,
      firstLook: ratioOf(together(firstName(BUSY)), together(hotName(BUSY))).median,
    },
  }
}

const NOTES = [
  `CPU time is read from the threads of each process (\`/proc/<pid>/task/*/schedstat\`), over ${REQUESTS.together.toLocaleString('en')} requests a sample, ${REQUESTS.alone} one at a time. ${HOT_TOKENS.toLocaleString('en')} tokens are hot.`,
  'A first look always runs the introspection script in Redis: what a hot introspection costs Redis beside it shows how much a node keeps.',
  'Today a node keeps nothing, so a first look is compared with a hot introspection. Once nodes have a cache, the reference must be a node whose cache is off.',
  'One request at a time costs more CPU than one of many: each request wakes two processes, whose data has left the processor caches in the meantime.',
]
