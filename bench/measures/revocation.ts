/**
 * What it costs to revoke a subject with one live token, and with very many: over HTTP, as an operator waits for it, and in
 * Redis alone.
 */

import { createKeys } from '../../store/keys.ts'
import {
  type Installation,
  issueTokens,
  PARTITIONS,
  startInstallation,
} from '../harness/installation.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { settled } from '../harness/redis-work.ts'
import { interleave, type Samples } from '../harness/rounds.ts'
import { figureOf } from '../report/figure.ts'
import type { Finding } from '../report/finding.ts'

/** The measure. */
export const revocation: Measure = { name: 'revocation', title: 'Revoking a subject', run }

const FULL = { tokens: 100_000, rounds: 15 }
const QUICK: typeof FULL = { tokens: 10_000, rounds: 5 }
/** Tokens that are introspected before and after each revocation. */
const CHECKED = 20
/** Where the index of a subject is kept while the subject is revoked. */
const KEPT = 'bench:index:'

/** One call: milliseconds over HTTP, and microseconds of Redis for its scripts. */
interface Cost {
  readonly ms: number
  readonly redisUs: number
}

interface Holder {
  readonly sub: string
  readonly checked: readonly string[]
}

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  const { tokens, rounds } = isQuick ? QUICK : FULL
  step('starting')
  // Nothing is loaded here. On one core, the thread that frees what Redis has dropped would delay the answer.
  const machine = { ...bench.machine, pin: () => undefined }
  const services = { withIntrospect: false, withIssuer: true }
  const ours = await startInstallation({ ...bench, machine }, services)
  step(`issuing ${tokens.toLocaleString('en')} tokens`)
  const one = await createHolder(ours, 'user-one', 1)
  const many = await createHolder(ours, 'user-many', tokens)
  const contenders = { one: () => revoke(ours, one), many: () => revoke(ours, many) }
  const samples = await interleave(rounds, contenders, step)
  const inMs = compare(samples, ({ ms }) => ms)
  const inRedis = compare(samples, ({ redisUs }) => redisUs)
  return {
    tables: [
      {
        title: 'POST /admin/v1/revocations with a subject',
        columns: [
          'one token, ms',
          'many, ms',
          'times as long',
          'one token, Redis µs',
          'many, Redis µs',
          'times as long',
        ],
        rows: [
          {
            name: `1 and ${tokens.toLocaleString('en')} live tokens`,
            cells: [...inMs.cells, ...inRedis.cells],
          },
        ],
      },
    ],
    notes: [
      `${rounds} rounds, A B B A; the ratios are those of the medians. Redis has each revocation on the disk before it is answered; µs of Redis are those of the scripts.`,
      `Before each revocation up to ${CHECKED} of the tokens are active, after it none. It is then undone by hand in Redis (the cutoff is deleted, the index of the subject restored), and the same tokens are live again.`,
      'The operating system places the processes; there is one call at a time.',
      'A subject with at most 50 grants is told how many a revocation makes void: that is why one token may cost more than many.',
    ],
    ...(isQuick ? {} : { reached: { revokeSubject: inMs.ratio } }),
  }
}

async function createHolder(ours: Installation, sub: string, count: number): Promise<Holder> {
  const tokens = await issueTokens(ours.store, count, () => sub)
  await ours.redis.direct.copy(keysOf(sub).index(sub), KEPT + sub, 'REPLACE')
  return { sub, checked: tokens.slice(-CHECKED) }
}

function keysOf(sub: string) {
  return createKeys('cc', PARTITIONS).partition(PARTITIONS.of(sub))
}

/** @throws {Error} unless the tokens are active before and inactive after */
async function revoke(ours: Installation, { sub, checked }: Holder): Promise<Cost> {
  const { direct } = ours.redis
  await assertActive(ours, checked, true)
  await direct.config('RESETSTAT')
  const startedAt = performance.now()
  await ours.callAdmin('POST', '/revocations', { subject: sub, reason: 'measured' })
  const ms = performance.now() - startedAt
  const stats = await direct.info('commandstats')
  await assertActive(ours, checked, false)
  await undo(ours, sub)
  return { ms, redisUs: Number(/^cmdstat_evalsha:calls=\d+,usec=(\d+)/m.exec(stats)?.[1]) }
}

async function assertActive(
  { store }: Installation,
  tokens: readonly string[],
  isActive: boolean,
): Promise<void> {
  const answers = await Promise.all(tokens.map((token) => store.tokens.introspect(token, '')))
  const active = answers.filter(({ state }) => state.kind === 'active').length
  const wanted = isActive ? tokens.length : 0
  if (active !== wanted) throw new Error(`of ${tokens.length} tokens ${active} are active`)
}

/** Makes the tokens live again: to issue a hundred thousand for each round would take minutes. */
async function undo({ redis: { direct } }: Installation, sub: string): Promise<void> {
  const { cutoff, index } = keysOf(sub)
  await direct.del(cutoff.subject(sub))
  if ((await direct.zcard(index(sub))) !== (await direct.zcard(KEPT + sub))) {
    await direct.copy(KEPT + sub, index(sub), 'REPLACE')
  }
  await settled(direct)
}

/** Both, and the ratio of their medians. */
function compare({ one, many }: Samples<'one' | 'many', Cost>, of: (cost: Cost) => number) {
  const [few, lots] = [figureOf(one.map(of)), figureOf(many.map(of))]
  const ratio = lots.median / few.median
  return { ratio, cells: [few, lots, figureOf([ratio])] }
}
