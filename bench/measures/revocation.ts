/**
 * What a revocation costs at each level of the lattice when one live token hangs on it, and when very many do: over HTTP, as
 * an operator waits for it, and in Redis alone.
 */
import { figureOf } from '../figure.ts'
import { APPLICATION, type Installation, RESOURCE, startInstallation } from '../installation.ts'
import type { Machine } from '../machine.ts'
import type { Bench, Finding, Measure, Row } from '../measure.ts'
import { assertActive, createHolder, type Holder } from '../revoking/holder.ts'
import { LEVELS, type Level, targetOf } from '../revoking/levels.ts'
import { keepIndex, undo } from '../revoking/undo.ts'
import { type Contender, interleave } from '../rounds.ts'

/** The measure. */
export const revocation: Measure = {
  name: 'revocation',
  title: 'Revoking at each level',
  run,
}

const FULL = { tokens: 100_000, ofGrant: 2_000, rounds: 15 }
const QUICK: typeof FULL = { tokens: 10_000, ofGrant: 200, rounds: 5 }
const LONELY_CLIENT = 'lonely-app'

/** What one call takes: milliseconds over HTTP, and microseconds of Redis for its scripts. */
interface Cost {
  readonly ms: number
  readonly redisUs: number
}

interface Compared {
  readonly level: Level
  /** Live tokens of the one that has many. */
  readonly held: number
  readonly one: readonly Cost[]
  readonly many: readonly Cost[]
}

async function run({ machine, isQuick, step }: Bench): Promise<Finding> {
  const size = isQuick ? QUICK : FULL
  step('starting')
  // Nothing is loaded here, and on one core the thread that frees what Redis dropped would be in the way of the answer.
  const unpinned: Machine = { ...machine, pin: () => undefined }
  const crowded = await startInstallation(unpinned, { introspects: 0, withIssuer: true })
  const lonely = await startInstallation(unpinned, { introspects: 0, withIssuer: true })
  try {
    step(`issuing ${count(size.tokens)} tokens`)
    const holders = await createHolders(crowded, lonely, size)
    const compared: Compared[] = []
    for (const level of LEVELS) {
      compared.push(await compare(level, holders, size.rounds, (text) => step(`${level}, ${text}`)))
    }
    const subject = compared.find(({ level }) => level === 'subject') as Compared
    return {
      tables: [
        {
          title: 'POST /admin/v1/revocations',
          columns: [
            'many',
            'one token, ms',
            'many, ms',
            'times as long',
            'one token, Redis µs',
            'many, Redis µs',
            'times as long',
          ],
          rows: compared.map(rowOf),
        },
      ],
      notes: notesOf(size),
      ...(isQuick ? {} : { reached: { revokeSubject: ratioOfMedians(subject, ({ ms }) => ms) } }),
    }
  } finally {
    await Promise.all([crowded.stop(), lonely.stop()])
  }
}

interface Holders {
  readonly one: Holder
  readonly many: Holder
  /** The only one of an installation of its own. */
  readonly alone: Holder
}

async function createHolders(
  crowded: Installation,
  lonely: Installation,
  { tokens, ofGrant }: typeof FULL,
): Promise<Holders> {
  const single = { held: 1, ofGrant: 1 }
  await crowded.callAdmin('PUT', `/clients/${LONELY_CLIENT}`, { default_resources: [RESOURCE] })
  const crowd = { sub: 'user-many', clientId: APPLICATION, held: tokens, ofGrant }
  const holders = {
    one: await createHolder(crowded, { sub: 'user-one', clientId: LONELY_CLIENT, ...single }),
    many: await createHolder(crowded, crowd),
    alone: await createHolder(lonely, { sub: 'user-one', clientId: APPLICATION, ...single }),
  }
  await Promise.all(Object.values(holders).map(keepIndex))
  return holders
}

async function compare(
  level: Level,
  { one, many, alone }: Holders,
  rounds: number,
  step: Bench['step'],
): Promise<Compared> {
  const few = level === 'all' ? alone : one
  const contenders: readonly Contender<Cost>[] = [
    { name: 'one', sample: () => revoke(level, few) },
    { name: 'many', sample: () => revoke(level, many) },
  ]
  const samples = await interleave(rounds, contenders, step)
  return {
    level,
    held: targetOf(level, many).held,
    one: samples.one as readonly Cost[],
    many: samples.many as readonly Cost[],
  }
}

/** @throws {Error} unless the tokens are active before and inactive after */
async function revoke(level: Level, holder: Holder): Promise<Cost> {
  const { installation } = holder
  const { direct } = installation.redis
  const target = targetOf(level, holder)
  await assertActive(installation, target.tokens, true)
  await direct.config('RESETSTAT')
  const startedAt = performance.now()
  await installation.callAdmin('POST', '/revocations', { ...target.body, reason: 'measured' })
  const ms = performance.now() - startedAt
  const stats = await direct.info('commandstats')
  await assertActive(installation, target.tokens, false)
  await undo(holder, target)
  return { ms, redisUs: Number(/^cmdstat_evalsha:calls=\d+,usec=(\d+)/m.exec(stats)?.[1]) }
}

function rowOf(compared: Compared): Row {
  const { level, held, one, many } = compared
  const cells = [({ ms }: Cost) => ms, ({ redisUs }: Cost) => redisUs].flatMap((of) => [
    figureOf(one.map(of)),
    figureOf(many.map(of)),
    figureOf([ratioOfMedians(compared, of)]),
  ])
  return { name: level, cells: [count(held), ...cells] }
}

function ratioOfMedians({ one, many }: Compared, of: (cost: Cost) => number): number {
  return figureOf(many.map(of)).median / figureOf(one.map(of)).median
}

function count(tokens: number): string {
  return tokens.toLocaleString('en')
}

function notesOf({ tokens, ofGrant, rounds }: typeof FULL): readonly string[] {
  return [
    `The many: ${count(tokens)} live tokens of one subject, one session and one client, on an installation that holds no others to speak of. A grant gets more tokens only by being refreshed, one after the other: that is why it has ${count(ofGrant)}.`,
    `${rounds} rounds, A B B A; the ratios are those of the medians. Redis has each revocation on the disk before it is answered; µs of Redis are those of the scripts.`,
    'Before each revocation 20 of the tokens are active, after it none is. It is then undone by hand in Redis (the cutoff is deleted, the index of the subject put back), and the same tokens are live again.',
    'Processes run wherever the system puts them, one call at a time.',
    'How many grants are made void is counted and told where a subject has at most 50: that is why one token may cost more than many.',
    '`client` and `all` write a cutoff into each of 64 partitions and return when all have it, whatever hangs on them.',
  ]
}
