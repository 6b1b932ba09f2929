/**
 * What a token costs a service that has seen it before: a look-up in the client's cache, beside the verification of a JWT,
 * which costs the same each time, and beside caches that check nothing. And the memory of the full cache.
 */
import { join } from 'node:path'
import { startAnsweringServer } from '../client-hit/answering.ts'
import type { Filled, Question } from '../client-hit/process.ts'
import type { Timed } from '../client-hit/timers.ts'
import { type BenchChild, startChild } from '../harness/child.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { interleave, type Samples } from '../harness/rounds.ts'
import { type Figure, figureOf, ratioOf } from '../report/figure.ts'
import type { Finding, Table } from '../report/finding.ts'
import { barChart } from '../report/plot.ts'

/** The measure. */
export const clientHit: Measure = { name: 'client-hit', title: 'A client hit', run }

const ENTRIES = 100_000
const BYTES_PER_MB = 1e6
/** Calls of a sample are so many times fewer than those of `peek`: all samples take about as long. */
const SLOWER = { verification: 150, service: 100 }

const LOOK_UPS = {
  peek: 'peek',
  introspect: 'introspect',
  authorize: 'authorize, a role in a context',
  map: 'Map, checks nothing',
  'map-clocks': 'Map, the answer touched and both clocks read',
  'lru-cache': 'lru-cache, checks nothing',
  'lru-cache-ttl': 'lru-cache with a time to live',
} as const
const VERIFICATIONS = {
  RS256: 'jwtVerify of jose, RS256, 10 roles',
  ES256: 'jwtVerify of jose, ES256, 10 roles',
} as const
const AT_THE_SERVICE = {
  'look-up': 'a look-up of a token that is not in the cache',
  live: '`live` on a token that is in the cache',
} as const

type Figures = Readonly<Record<Timed, Figure>>

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  step(`a client with ${ENTRIES} entries`)
  const issuer = await startAnsweringServer(bench)
  const module = join(import.meta.dirname, '..', 'client-hit', 'process.ts')
  const child = startChild(bench, module, { part: 'server', nodeOptions: ['--expose-gc'] })
  const { bytes } = await ask<Filled>(child, { ask: 'fill', issuer, entries: ENTRIES })
  const samples = await timeAll(child, isQuick, step)
  const entries = Object.entries(samples) as [Timed, readonly number[]][]
  const figures = entries.map(([timed, values]) => [timed, figureOf(values)])
  return findingOf(Object.fromEntries(figures) as Figures, bytes)
}

function ask<Answer>(child: BenchChild, question: Question): Promise<Answer> {
  return child.ask<Answer>(question)
}

function timeAll(
  child: BenchChild,
  isQuick: boolean,
  step: Bench['step'],
): Promise<Samples<Timed, number>> {
  const calls = isQuick ? 20_000 : 50_000
  const sampler = (slower: number) => (timed: string) => {
    const question = {
      ask: 'time',
      timed: timed as Timed,
      calls: Math.round(calls / slower),
    } as const
    return [timed, () => ask<number>(child, question)] as const
  }
  const contenders = Object.fromEntries([
    ...Object.keys(LOOK_UPS).map(sampler(1)),
    ...Object.keys(VERIFICATIONS).map(sampler(SLOWER.verification)),
    ...Object.keys(AT_THE_SERVICE).map(sampler(SLOWER.service)),
  ]) as Readonly<Record<Timed, () => Promise<number>>>
  return interleave(isQuick ? 3 : 7, contenders, step)
}

function findingOf(figures: Figures, bytes: number): Finding {
  const { peek, RS256, ES256, live } = figures
  const besideMap = ratioOf(peek, figures['map-clocks'])
  const liveBesideLookUp = ratioOf(live, figures['look-up'])
  const names = { ...LOOK_UPS, ...VERIFICATIONS }
  return {
    tables: [
      tableOf(
        `A look-up, random among ${ENTRIES.toLocaleString('en')} entries, and the verification of a JWT`,
        ['µs a call', 'beside peek'],
        Object.entries(names).map(([timed, name]) => {
          const figure = figures[timed as Timed]
          return [name, figure, ratioOf(figure, peek)]
        }),
      ),
      tableOf(
        'Asking the service, one call after another',
        ['CPU of the caller, µs a call', 'beside a look-up'],
        [
          [AT_THE_SERVICE['look-up'], figures['look-up'], ''],
          [AT_THE_SERVICE.live, live, liveBesideLookUp],
        ],
      ),
      tableOf(
        `Memory of a client with ${ENTRIES.toLocaleString('en')} entries`,
        ['MB', 'bytes an entry'],
        [
          [
            'one context role in an answer',
            figureOf([bytes / BYTES_PER_MB]),
            figureOf([bytes / ENTRIES]),
          ],
        ],
      ),
    ],
    pictures: [
      {
        name: 'client-hit',
        alt: 'Microseconds of a look-up in the cache beside the verification of a JWT',
        svg: barChart({
          title: 'A token that was seen before',
          label: 'µs a call, median and range',
          bars: Object.entries(names).map(([timed, name]) => ({
            name,
            figure: figures[timed as Timed],
          })),
        }),
      },
    ],
    notes: notesOf(figures),
    reached: {
      peek: peek.median,
      peekBesideMap: besideMap.median,
      peekBesideEs256: ratioOf(ES256, peek).median,
      peekBesideRs256: ratioOf(RS256, peek).median,
      liveBesideLookUp: liveBesideLookUp.median,
      clientMemory: bytes / BYTES_PER_MB,
    },
  }
}

function tableOf(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly [name: string, ...cells: (Figure | string)[]])[],
): Table {
  return { title, columns, rows: rows.map(([name, ...cells]) => ({ name, cells })) }
}

function notesOf(figures: Figures): readonly string[] {
  const median = (timed: Timed): string => figures[timed].median.toFixed(2)
  return [
    'The look-ups run one after another in their own process. Tokens are drawn at random and presented as new strings, as from a header: each time, their hash has to be computed and their characters compared. Every answer is checked, outside the timed part. Before each sample, as many look-ups run that do not count.',
    `Caches that check nothing are faster: a Map takes ${median('map')} µs and lru-cache ${median('lru-cache')} µs, but they know no lease, no expiry and no revocation. Expiry needs one clock, and staleness after a suspended machine needs a second one: with both, and with the answer touched, the Map takes ${median('map-clocks')} µs.`,
    'introspect and authorize are asynchronous: each takes some turns of the microtask queue, and authorize decides anew each time.',
    'jose gets CryptoKey objects made beforehand; 16 verifications run at once, so that jose never waits for the threads it verifies on (they share the core of the process). The JWT carries 10 roles in `context_roles`, as in the measure wire-size.',
    'A service could keep verified JWTs in an lru-cache, too. It would find them as fast, and they would be as stale.',
    'The service is a small server in another process, on loopback. CPU of the caller is that of all threads of its process.',
    'Memory is the growth of the heap and of the memory outside it, after garbage collection, tokens included (MB = 10⁶ bytes), in a process where another client has asked before: what Node loads for its own fetch and WebSocket, some 6 MB, does not count. An answer is that of a user with a session, a user name, one role everywhere and one context role.',
  ]
}
