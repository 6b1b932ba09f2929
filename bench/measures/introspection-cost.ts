/** Where the microseconds of an introspection go: those of the service by kind of work, those of Redis, and the waiting. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kind, shareOut } from '../cpu-profile.ts'
import { type Figure, figureOf } from '../figure.ts'
import {
  type Installation,
  issueTokens,
  RESOURCE_SERVER,
  startInstallation,
} from '../installation.ts'
import { askEach, CONNECTIONS } from '../introspection/questions.ts'
import { type Loader, startLoader } from '../load.ts'
import type { Bench, Finding, Measure, Row } from '../measure.ts'
import { figureOfServed, loadServed, type Served } from '../served.ts'

const TOKENS = 10_000
const SAMPLE_US = 200
const CALLS = 1_000

const KINDS: readonly Kind[] = [
  { name: 'garbage', functionName: /^\(garbage collector\)$/ },
  {
    name: 'crypto: MAC, mask and hash of the token',
    url: /internal\/crypto|store\/hmac\.ts|store\/token\.ts/,
  },
  {
    name: 'Redis client: commands out, replies in',
    url: /ioredis|store\/(?:joined-writes|script-runner)\.ts/,
  },
  { name: 'framework: koa and its router', url: /node_modules\/(?:@?koa|on-finished|ee-first)/ },
  { name: 'framework: HTTP, streams and timers of Node', url: /^node:/ },
  { name: 'metrics', url: /prom-client|http\/metrics\.ts/ },
  { name: 'ours: form, caller, records, answer', url: /\/(?:http|introspect|store|client)\// },
  { name: 'system calls and what is native', url: /^$/ },
]

/** The measure. */
export const introspectionCost: Measure = {
  name: 'introspection-cost',
  title: 'Where the time of an introspection goes',
  run,
}

async function run(bench: Bench): Promise<Finding> {
  const { machine, step } = bench
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-profile-'))
  step('starting')
  const plain = await startInstallation(machine)
  const loader = startLoader(machine)
  let shares: ReadonlyMap<string, number>
  let loaded: Awaited<ReturnType<typeof loadPlain>>
  try {
    loaded = await loadPlain(bench, plain, loader)
    step('once more, with a profiler')
    shares = await profile(bench, loader, folder)
  } finally {
    await loader.stop()
    await plain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return findingOf(loaded, shares)
}

/** All it can do, and one request at a time. */
async function loadPlain({ isQuick, step }: Bench, ours: Installation, loader: Loader) {
  const tokens = await issueTokens(ours.store, TOKENS)
  const question = askEach(ours, tokens)
  const rounds = isQuick ? 2 : 5
  const seconds = isQuick ? 0.7 : 1.5
  const busy: Served[] = []
  const alone: Served[] = []
  const calls: number[] = []
  for (let round = -1; round < rounds; round++) {
    step(round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`)
    const together = await loadServed(ours, loader, ours.introspect, { ...question, seconds })
    const single = { ...question, connections: 1, seconds }
    const one = await loadServed(ours, loader, ours.introspect, single)
    const call = await timeCalls(ours, tokens)
    if (round < 0) continue
    busy.push(together)
    alone.push(one)
    calls.push(call)
  }
  return { busy, alone, calls }
}

/** What the service does of a request when it waits for Redis: median of calls of a store in this process, in microseconds. */
async function timeCalls({ store }: Installation, tokens: readonly string[]): Promise<number> {
  const times: number[] = []
  for (const token of tokens.slice(0, CALLS)) {
    const startedAt = performance.now()
    await store.tokens.introspect(token, RESOURCE_SERVER, 'all')
    times.push((performance.now() - startedAt) * 1_000)
  }
  return figureOf(times).median
}

async function profile(
  { machine, isQuick }: Bench,
  loader: Loader,
  folder: string,
): Promise<ReadonlyMap<string, number>> {
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_US}`]
  const profiled = await startInstallation(machine, { nodeOptions })
  try {
    const question = askEach(profiled, await issueTokens(profiled.store, TOKENS))
    const seconds = isQuick ? 2 : 10
    await loader.load(profiled.introspect, { ...question, seconds })
  } finally {
    // The profile is written when the process ends.
    await profiled.stop()
  }
  return shareOut(folder, KINDS)
}

function findingOf(
  { busy, alone, calls }: Awaited<ReturnType<typeof loadPlain>>,
  shares: ReadonlyMap<string, number>,
): Finding {
  const cpu = figureOfServed(busy, 'cpu')
  const rows: Row[] = [...shares].map(([name, share]) => ({
    name,
    cells: [scaled(cpu, share), `${(share * 100).toFixed(0)} %`],
  }))
  return {
    tables: [
      {
        title: `Processor time of the service for one request, ${CONNECTIONS} connections`,
        columns: ['µs', 'share'],
        rows: [{ name: 'all of it', cells: [cpu, '100 %'] }, ...rows],
      },
      {
        title: 'One request at a time',
        columns: ['µs'],
        rows: [
          {
            name: 'from the first byte of the request to the last of the answer, p50',
            cells: [figureOfServed(alone, 'p50')],
          },
          {
            name: 'waiting for Redis: the same call of a store alone, commands out to reply in',
            cells: [figureOf(calls)],
          },
          { name: 'processor time of the service', cells: [figureOfServed(alone, 'cpu')] },
          { name: 'processor time of Redis', cells: [figureOfServed(alone, 'redisCpu')] },
        ],
      },
    ],
    notes: [
      'The shares are those of a processor profile, taken in a run of their own because the profiler slows the service down; the microseconds are the shares of what it used without.',
      'One request at a time costs more processor time than one of many: each wakes two processes up, and what they need has left the caches meanwhile. Service, Redis and load overlap, so the parts do not add up to the whole.',
      'To look closer, start a service with `--cpu-prof` and open the file in the developer tools of a browser.',
    ],
  }
}

function scaled(figure: Figure, share: number): Figure {
  return figureOf(figure.values.map((value) => value * share))
}
