/**
 * What a token costs a service that has seen it before: a look-up in the client's cache, beside the verification of a JWT,
 * which costs the same each time, and beside caches that check nothing. And what the full cache takes of memory.
 */
import { join } from 'node:path'
import { type BenchChild, startChild } from '../child.ts'
import { startAnsweringServer } from '../client-hit/answering.ts'
import type { Algorithm } from '../client-hit/jwt.ts'
import type { Filled, JwtKind, LookUp, Question } from '../client-hit/question.ts'
import { type Figure, figureOf, ratioOf } from '../figure.ts'
import type { Machine } from '../machine.ts'
import type { Bench, Finding, Measure, Row, Table } from '../measure.ts'
import { barChart } from '../plot.ts'
import { type Contender, interleave } from '../rounds.ts'

/** The measure. */
export const clientHit: Measure = { name: 'client-hit', title: 'A client hit', run }

type Figures = Readonly<Record<string, Figure>>

const ENTRIES = 100_000
const BYTES_PER_MB = 1e6
const ALGORITHMS: readonly Algorithm[] = ['HS256', 'RS256', 'ES256', 'EdDSA']
const JWT_ROLES = [10, 500, 5_000] as const
/** Roles in an answer of the client whose look-ups are timed and whose memory is to be bounded. */
const ROLES = 1
/** Of further clients, for their memory alone. */
const OTHER_ROLES = [10] as const
const JWTS: readonly JwtKind[] = JWT_ROLES.flatMap((roles) =>
  ALGORITHMS.map((algorithm) => ({ algorithm, roles })),
)

/** What is looked up how, and its name in the report. */
const LOOK_UPS: Readonly<Record<LookUp, string>> = {
  peek: 'peek',
  introspect: 'introspect',
  'authorize-scope': 'authorize, a scope',
  'authorize-role': 'authorize, a role in a context',
  koa: 'middleware for Koa, a scope',
  map: 'Map, checks nothing',
  'map-clocks': 'Map, and both clocks read',
  'lru-cache': 'lru-cache, checks nothing',
  'lru-cache-ttl': 'lru-cache with a time to live',
}

async function run({ machine, isQuick, step }: Bench): Promise<Finding> {
  const memory: Record<number, number> = {}
  for (const roles of isQuick ? [] : OTHER_ROLES) {
    step(`a client with ${ENTRIES} entries of ${roles} roles`)
    memory[roles] = await withFilledClient(machine, roles, async (_child, { bytes }) => bytes)
  }
  step(`a client with ${ENTRIES} entries`)
  const figures = await withFilledClient(machine, ROLES, async (child, { bytes }) => {
    memory[ROLES] = bytes
    await ask(child, { ask: 'prepare', jwts: JWTS })
    return time(child, isQuick, step)
  })
  return findingOf(figures, memory)
}

async function withFilledClient<Result>(
  machine: Machine,
  roles: number,
  use: (child: BenchChild, filled: Filled) => Promise<Result>,
): Promise<Result> {
  const server = await startAnsweringServer(roles)
  const child = startChild(machine, join(import.meta.dirname, '..', 'client-hit', 'process.ts'), {
    part: 'server',
    nodeOptions: ['--expose-gc'],
  })
  try {
    const { issuer } = server
    return await use(child, await ask<Filled>(child, { ask: 'fill', issuer, entries: ENTRIES }))
  } finally {
    await child.stop()
    await server.close()
  }
}

function ask<Answer>(child: BenchChild, question: Question): Promise<Answer> {
  return child.ask<Answer>(question)
}

/** Microseconds a call, by the name of what was called. */
async function time(child: BenchChild, isQuick: boolean, step: Bench['step']): Promise<Figures> {
  const calls = isQuick ? 20_000 : 50_000
  const lookUps = (Object.keys(LOOK_UPS) as LookUp[]).map(
    (lookUp): Contender<number> => ({
      name: LOOK_UPS[lookUp],
      sample: () => ask(child, { ask: 'look-up', lookUp, calls }),
    }),
  )
  const verifications = JWTS.map(
    (jwt): Contender<number> => ({
      name: nameOf(jwt),
      sample: () => ask(child, { ask: 'verify', jwt, calls: verificationsOf(jwt, isQuick) }),
    }),
  )
  const samples = await interleave(isQuick ? 3 : 7, [...lookUps, ...verifications], step)
  return Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [name, figureOf(values)]),
  )
}

/** As many as take about as long. */
function verificationsOf({ roles }: JwtKind, isQuick: boolean): number {
  const calls = roles < 100 ? 320 : roles < 1_000 ? 96 : 32
  return isQuick ? calls / 2 : calls
}

function nameOf({ algorithm, roles }: JwtKind): string {
  return `jwtVerify, ${algorithm}, ${roles.toLocaleString('en')} roles`
}

function findingOf(figures: Figures, memory: Readonly<Record<number, number>>): Finding {
  const figure = (name: string): Figure => figures[name] as Figure
  const peek = figure(LOOK_UPS.peek)
  const es256 = ratioOf(figure(nameOf({ algorithm: 'ES256', roles: 10 })), peek)
  const rs256 = ratioOf(figure(nameOf({ algorithm: 'RS256', roles: 10 })), peek)
  const clientMemory = (memory[ROLES] as number) / BYTES_PER_MB
  return {
    tables: [lookUpTable(figures, peek), verificationTable(figures, peek), memoryTable(memory)],
    plots: [
      {
        name: 'client-hit',
        alt: 'Microseconds of a look-up in the cache beside the verification of a JWT',
        svg: chartOf(figures),
      },
    ],
    notes: notesOf(figures),
    reached: {
      peek: peek.median,
      peekBesideEs256: es256.median,
      peekBesideRs256: rs256.median,
      clientMemory,
    },
  }
}

function lookUpTable(figures: Figures, peek: Figure): Table {
  const rows = Object.values(LOOK_UPS).map((name): Row => {
    const figure = figures[name] as Figure
    return { name, cells: [figure, ratioOf(figure, peek)] }
  })
  return {
    title: `A look-up, random among ${ENTRIES.toLocaleString('en')} entries`,
    columns: ['µs a call', 'beside peek'],
    rows,
  }
}

function verificationTable(figures: Figures, peek: Figure): Table {
  const rows = ALGORITHMS.map((algorithm): Row => {
    const each = JWT_ROLES.map((roles) => figures[nameOf({ algorithm, roles })] as Figure)
    return { name: algorithm, cells: [...each, ratioOf(each[0] as Figure, peek)] }
  })
  const counts = JWT_ROLES.map((roles) => `${roles.toLocaleString('en')} roles, µs`)
  return {
    title: 'jwtVerify of jose, with `iss` and `aud`',
    columns: [...counts, `${JWT_ROLES[0]} roles beside peek`],
    rows,
  }
}

function memoryTable(memory: Readonly<Record<number, number>>): Table {
  const rows = Object.entries(memory).map(([roles, bytes]): Row => {
    const cells = [bytes / BYTES_PER_MB, bytes / ENTRIES].map((value) => figureOf([value]))
    return { name: `${roles} context roles in an answer`, cells }
  })
  return {
    title: `Memory of a client with ${ENTRIES.toLocaleString('en')} entries`,
    columns: ['MB', 'bytes an entry'],
    rows,
  }
}

function chartOf(figures: Figures): string {
  return barChart({
    title: 'A token that was seen before',
    label: 'µs a call, median and range',
    bars: Object.entries(figures).map(([name, figure]) => ({ name, figure })),
  })
}

function notesOf(figures: Figures): readonly string[] {
  const median = (name: string): string => (figures[name] as Figure).median.toFixed(2)
  return [
    'One process of its own, the look-ups one after another. Tokens are drawn at random and presented as new texts, as from a header: their hash has to be computed and their characters compared. Every answer is checked, outside the time. Before each sample, as many look-ups are made that do not count: right after the verification of large JWTs, which leaves nothing of the cache near the processor, a look-up takes about twice as long.',
    `Others win where nothing is checked: a Map takes ${median(LOOK_UPS.map)} µs and lru-cache ${median(LOOK_UPS['lru-cache'])} µs, but neither knows of a lease, an expiry or a revocation. What ends by time cannot be kept without reading a clock, and what must not be served after a suspension not without two: with both, the Map takes ${median(LOOK_UPS['map-clocks'])} µs.`,
    'introspect and authorize are asynchronous: each takes some turns of the microtask queue, and authorize makes its decision anew each time.',
    'jose is given keys of the platform (CryptoKey), made beforehand; 16 verifications are under way at once, which spares it waiting for the threads it verifies on (they share the core of the process); one by one each takes a fifth to a quarter more. The JWT carries its roles in `context_roles`, as in the measure wire-size. It is one JWT again and again, as new text.',
    'A JWT that was verified could be kept in an lru-cache, too, and would then be found as quickly as there, and be as stale as that.',
    'Memory is the growth of the heap and of what lies outside it, after collection, tokens included (MB = 10⁶ bytes), in a process where another client has asked before: what Node loads for its own fetch and WebSocket, some 6 MB, is not counted. An answer is that of a user with a session, a user name, one role everywhere and the context roles that are named.',
  ]
}
