// `npm run measure:roles`: what a check costs somebody who holds a million roles, beside somebody who holds one; and what an
// assignment costs in Redis. Issuer and introspection run in this process on a Redis of their own.
//
// The two are asked in turn, A B B A, so that whatever else the machine does meets both. It prints and promises nothing.

import type { AssignmentChange } from '../store/assignments.ts'
import type { Store } from '../store/store.ts'
import type { TestClient, TestServices } from '../test/services.ts'
import { redisServerBinary } from './redis-binary.ts'

const MILLION = 1_000_000
const SUBJECTS = 100_000
/** More than a page, for lists: a page of one would not be the same work. */
const FEW = 101
const PAGE = 100
const ROUNDS = 3_000
const HTTP_ROUNDS = 1_500
const WARM_UP = 300
const LOADED_AT_ONCE = 5_000
const LOADS_IN_FLIGHT = 8
/** A load keeps every partition busy; none of its calls is to fail for the wait. */
const PATIENCE_MS = 60_000
const RESOURCE = 'https://grades.test'
const APPLICATION = 'web-app'
const ROLE = 'teacher'

// Read when the module is loaded, hence before it is.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { startRedis } = await import('../test/redis-server.ts')
const { startServices, postForm } = await import('../test/services.ts')
const { createPartitions } = await import('../store/partitions.ts')

/** Somebody, and how many contexts they have a role in. */
interface Holder {
  readonly sub: string
  readonly held: number
  readonly token: string
}

const contextOf = (n: number): string => `course:${n}`
const anyContext = ({ held }: Holder): string => contextOf(Math.floor(Math.random() * held))
const redis = await startRedis()

async function usedBytes(): Promise<number> {
  // The log ages out by itself; what it holds for the time being is no part of an assignment.
  const logs = await redis.direct.keys('cc{*}l')
  if (logs.length > 0) await redis.direct.unlink(...logs)
  return Number(/^used_memory:(\d+)/m.exec(await redis.direct.info('memory'))?.[1])
}

async function load(
  { assignments }: Store,
  what: string,
  count: number,
  changeOf: (n: number) => AssignmentChange,
): Promise<void> {
  const before = await usedBytes()
  const startedAt = performance.now()
  let next = 0
  const loader = async (): Promise<void> => {
    while (next < count) {
      const first = next
      next += LOADED_AT_ONCE
      const size = Math.min(LOADED_AT_ONCE, count - first)
      await assignments.apply(Array.from({ length: size }, (_, n) => changeOf(first + n)))
    }
  }
  await Promise.all(Array.from({ length: LOADS_IN_FLIGHT }, loader))
  const seconds = (performance.now() - startedAt) / 1_000
  const bytes = ((await usedBytes()) - before) / count
  const rate = Math.round(count / seconds).toLocaleString('en')
  console.log(
    `${what}: ${seconds.toFixed(1)} s, ${rate} a second, ${bytes.toFixed(0)} bytes of Redis each`,
  )
}

const assign = (sub: string, n: number): AssignmentChange => ({
  op: 'assign',
  sub,
  context: contextOf(n),
  role: ROLE,
})

/** Times one call, in microseconds. */
async function time(call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await call()
  return (performance.now() - startedAt) * 1_000
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] as number
}

async function compare(
  what: string,
  rounds: number,
  one: Holder,
  other: Holder,
  call: (holder: Holder, round: number) => Promise<unknown>,
): Promise<void> {
  const times = new Map<Holder, number[]>([
    [one, []],
    [other, []],
  ])
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const turn = round % 2 === 0 ? [one, other] : [other, one]
    for (const holder of turn) {
      const us = await time(() => call(holder, round))
      if (round >= WARM_UP) times.get(holder)?.push(us)
    }
  }
  const [few, many] = [times.get(one) as number[], times.get(other) as number[]]
  const cell = (all: readonly number[]) =>
    `${quantile(all, 0.5).toFixed(0).padStart(7)}${quantile(all, 0.99).toFixed(0).padStart(7)}`
  const ratio = quantile(many, 0.5) / quantile(few, 0.5)
  console.log(`  ${what.padEnd(44)}${cell(few)}  ${cell(many)}   ${ratio.toFixed(2)} ×`)
}

async function askOverHttp(
  { introspect }: TestServices,
  caller: TestClient,
  holder: Holder,
): Promise<void> {
  const context = anyContext(holder)
  const form = { token: holder.token, context }
  const response = await postForm(`${introspect[0]}/introspect`, caller, form)
  const answer = (await response.json()) as { context_roles?: Record<string, string[]> }
  if (answer.context_roles?.[context]?.[0] !== ROLE) throw new Error('a role is missing')
}

async function compareAll(
  services: TestServices,
  caller: TestClient,
  [one, few, million]: readonly [Holder, Holder, Holder],
): Promise<void> {
  const { store } = services
  const change = (op: 'assign' | 'remove', { sub, held }: Holder, round: number) =>
    store.assignments.apply([{ ...assign(sub, held + round), op }])
  const page = (holder: Holder) => {
    const cursor = { context: anyContext({ ...holder, held: holder.held - PAGE }), role: '' }
    const from = holder.held > FEW ? { cursor } : {}
    return store.assignments.ofSubject(holder.sub, { any: true }, { size: PAGE, ...from })
  }
  const head = '   p50    p99      p50    p99   ratio of p50'
  console.log(`\nMicroseconds, one call at a time${' '.repeat(14)}${head}`)
  console.log(`  ${''.padEnd(44)}      one role      a million roles`)
  await compare('introspect, one context', ROUNDS, one, million, (holder) =>
    store.tokens.introspect(holder.token, '', [anyContext(holder)]),
  )
  await compare('introspect, no context asked for', ROUNDS, one, million, (holder) =>
    store.tokens.introspect(holder.token, '', 'all'),
  )
  await compare('resolve by name, one context', ROUNDS, one, million, (holder) =>
    store.roles.resolve(holder.sub, [anyContext(holder)]),
  )
  await compare('assign', ROUNDS, one, million, (holder, n) => change('assign', holder, n))
  await compare('remove', ROUNDS, one, million, (holder, n) => change('remove', holder, n))
  await compare('POST /introspect with context', HTTP_ROUNDS, one, million, (holder) =>
    askOverHttp(services, caller, holder),
  )
  console.log(`  ${''.padEnd(44)}${String(FEW).padStart(8)} roles`)
  await compare(`list a page of ${PAGE}`, ROUNDS, few, million, page)
}

/** Names that stand in partitions of their own, so that one's million is nobody else's. */
function apart(count: number): string[] {
  const partitions = createPartitions(64)
  const names: string[] = []
  for (let n = 0; names.length < count; n++) {
    const name = `holder-${n}`
    const taken = names.map((other) => partitions.of(other))
    if (!taken.includes(partitions.of(name))) names.push(name)
  }
  return names
}

const services = await startServices({
  redisUrl: redis.url,
  store: { commandTimeoutMs: PATIENCE_MS },
})
try {
  const { store } = services
  const caller = await services.register('grades-api', { introspect: true, resources: [RESOURCE] })
  await services.register(APPLICATION, { default_resources: [RESOURCE] })
  await store.roleSchemas.put({ [ROLE]: { permissions: ['grade:write'], assumable: [] } })
  const holders: Holder[] = []
  for (const [index, sub] of apart(3).entries()) {
    const response = await services.callAdmin('POST', '/tokens', { sub, client_id: APPLICATION })
    const { access_token: token } = (await response.json()) as { access_token: string }
    const held = [1, FEW, MILLION][index] as number
    holders.push({ sub, held, token })
    await load(store, `${held.toLocaleString('en')} of one subject`, held, (n) => assign(sub, n))
  }
  await compareAll(services, caller, holders as unknown as readonly [Holder, Holder, Holder])
  const each = MILLION / SUBJECTS
  console.log('')
  await load(store, `1,000,000 of ${SUBJECTS.toLocaleString('en')} subjects`, MILLION, (n) =>
    assign(`user-${String(Math.floor(n / each)).padStart(8, '0')}`, n % each),
  )
} finally {
  await services.close()
  await redis.stop()
}
process.exit()
