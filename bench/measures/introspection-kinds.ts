/** The same endpoint asked in other ways: two processes, a hundred tokens at once, junk, a revoked token. */
import { randomBytes } from 'node:crypto'
import { ratioOf } from '../figure.ts'
import { type Installation, issueTokens, startInstallation } from '../installation.ts'
import { askBatches, askEach, CONNECTIONS, type Question } from '../introspection/questions.ts'
import { type Loader, startLoader } from '../load.ts'
import type { Bench, Finding, Measure } from '../measure.ts'
import type { LoadedServer } from '../peers.ts'
import { interleave } from '../rounds.ts'
import { figureOfServed, loadServed, type Served } from '../served.ts'

const TOKENS = { quick: 2_000, full: 10_000 } as const
const BATCH = 100
const REVOKED_AT_ONCE = 200
const PLAIN = 'one token a request'
const BATCHES = `${BATCH} tokens a request`
const INACTIVE = '{"active":false}'

/** The measure. */
export const introspectionKinds: Measure = {
  name: 'introspection-kinds',
  title: 'Introspection asked in other ways',
  run,
}

async function run(bench: Bench): Promise<Finding> {
  const { machine, step } = bench
  step('starting')
  const ours = await startInstallation(machine, { introspects: 2 })
  const loader = startLoader(machine)
  try {
    return await measure(bench, ours, loader)
  } finally {
    await loader.stop()
    await ours.stop()
  }
}

/** How it is asked, of which processes, and how many tokens an answer is about. */
interface Kind {
  readonly name: string
  readonly server: LoadedServer
  readonly question: Question
  readonly tokens: number
}

async function kindsOf(ours: Installation, count: number): Promise<readonly Kind[]> {
  const live = await issueTokens(ours.store, count)
  const revoked = await issueTokens(ours.store, count, (n) => `revoked-${n}`)
  for (let first = 0; first < count; first += REVOKED_AT_ONCE) {
    const some = revoked.slice(first, first + REVOKED_AT_ONCE)
    await Promise.all(some.map((token) => revoke(ours, token)))
  }
  const { ports, pids } = ours.introspect
  const one: LoadedServer = { ...ours.introspect, ports: ports.slice(0, 1), pids: pids.slice(0, 1) }
  const kind = (name: string, question: Question, tokens = 1, server = one): Kind => ({
    name,
    question,
    tokens,
    server,
  })
  return [
    kind(PLAIN, askEach(ours, live)),
    kind('the same, two processes', askEach(ours, live), 1, ours.introspect),
    kind(BATCHES, askBatches(ours, live, BATCH), BATCH),
    kind('a revoked token', askEach(ours, revoked, INACTIVE)),
    kind('junk in the shape of a token', askEach(ours, live.map(spoil), INACTIVE)),
    kind('junk of another shape', askEach(ours, live.map(junk), INACTIVE)),
  ]
}

async function revoke({ store }: Installation, token: string): Promise<void> {
  const located = await store.locate(token)
  if (located === undefined) throw new Error('a token of ours is not known as one')
  await store.revocations.revokePresented(located, { by: 'bench' })
}

/** Another last character: it has no place of ours in it any more. */
function spoil(token: string): string {
  return token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
}

function junk(): string {
  return randomBytes(32).toString('hex')
}

async function measure(
  { isQuick, step }: Bench,
  ours: Installation,
  loader: Loader,
): Promise<Finding> {
  const kinds = await kindsOf(ours, isQuick ? TOKENS.quick : TOKENS.full)
  const samples = await interleave(
    isQuick ? 2 : 5,
    kinds.map(({ name, server, question }) => ({
      name,
      sample: () => loadServed(ours, loader, server, { ...question, seconds: isQuick ? 0.5 : 1.5 }),
    })),
    step,
  )
  const of = (name: string, value: keyof Served) =>
    figureOfServed(samples[name] as readonly Served[], value)
  const plain = of(PLAIN, 'perSecond')
  return {
    tables: [
      {
        title: `POST /introspect and /introspect/batch, ${CONNECTIONS} connections`,
        columns: [
          'requests/s',
          'beside one token a request',
          'p50, µs',
          'p99, µs',
          'CPU of the service, µs each',
          'CPU of Redis, µs each',
        ],
        rows: kinds.map(({ name }) => ({
          name,
          cells: [
            of(name, 'perSecond'),
            ratioOf(of(name, 'perSecond'), plain),
            of(name, 'p50'),
            of(name, 'p99'),
            of(name, 'cpu'),
            of(name, 'redisCpu'),
          ],
        })),
      },
    ],
    notes: [
      `A request for ${BATCH} tokens counts as one; multiply to compare.`,
      'Two processes share the one core of the server: what they show is what it costs to have two, not how it grows.',
      'Junk is turned away by its MAC before Redis is asked about it; what Redis does then is read the registration of the caller.',
    ],
  }
}
