/**
 * The rules of the freshness protocol, searched for a late answer: in small worlds everything that can happen is tried, in
 * every order. The rules as they are must hold; every variant with one rule left out must fail.
 *
 * The worlds of every run are small. `CLAIMCHECK_TEST_MODEL_BOUND=large npx vitest run test/model` searches larger ones:
 * millions of states, two minutes of a free core, more of a busy one.
 *
 * The real state machine is compared with a naive model elsewhere (test/property); this is about the rules themselves.
 */
import { describe, expect, it } from 'vitest'
import { BREACH, createProtocol } from './protocol.ts'
import { type Finding, search } from './search.ts'
import type { World } from './state.ts'
import { type BrokenVariant, LEFT_OUT } from './variants.ts'

const PLAIN: World = {
  partitions: 1,
  bound: 1,
  commits: 2,
  kinds: ['token', 'other'],
  failovers: 1,
  canEvict: false,
  canJoin: true,
  isToldJudged: true,
}

/** One thing at a time: together they would be far more states and no other interplay than these. */
const SMALL: Readonly<Record<string, World>> = {
  'a failover': PLAIN,
  'evicted marks': { ...PLAIN, kinds: ['token', 'subject'], failovers: 0, canEvict: true },
  'a bound of two ticks': { ...PLAIN, bound: 2, failovers: 0 },
  'two partitions': { ...PLAIN, partitions: 2, kinds: ['token'], failovers: 0 },
  'two partitions with failovers': { ...PLAIN, partitions: 2, kinds: ['token'], commits: 1 },
}

const LARGE: Readonly<Record<string, World>> = {
  'three changes and a failover': { ...PLAIN, commits: 3 },
  'evicted marks and a failover': { ...PLAIN, kinds: ['token', 'subject'], canEvict: true },
  'three changes and evicted marks': {
    ...PLAIN,
    commits: 3,
    kinds: ['token', 'subject', 'other'],
    failovers: 0,
    canEvict: true,
  },
  'a bound of two ticks and two failovers': { ...PLAIN, bound: 2, kinds: ['token'], failovers: 2 },
  'two partitions with failovers, two changes': { ...PLAIN, partitions: 2, kinds: ['token'] },
}

/** Minutes, on a machine that does other things too. */
const LARGE_TIMEOUT_MS = 1_800_000

const isLarge = process.env.CLAIMCHECK_TEST_MODEL_BOUND === 'large'
const worlds = Object.entries(isLarge ? { ...SMALL, ...LARGE } : SMALL)

/**
 * Where each variant fails. It must break the bound itself, not merely lack what the client was told; all but `joiner`,
 * whose replies are never late, only known to be stale.
 */
const FAILING: Readonly<Record<BrokenVariant, Partial<World>>> = {
  noguard: {},
  placeholder: { kinds: ['token', 'subject'] },
  nofloor: { canEvict: true },
  joiner: { canJoin: true, isToldJudged: true },
  oldflight: { canJoin: true },
  noepoch: { commits: 2, failovers: 1 },
  nogap: {},
  flushonly: {},
  stepback: {},
  nodeswap: {},
  nodehead: {},
  noreader: {},
  nocursor: {},
  onepartition: { partitions: 2 },
  oneway: {},
}
const MUTANT: World = {
  ...PLAIN,
  commits: 1,
  kinds: ['token'],
  failovers: 0,
  canJoin: false,
  isToldJudged: false,
}

/** How often steps were taken whose label begins like this. */
function timesTaken({ taken }: Finding, beginning: string): number {
  let times = 0
  for (const [label, count] of taken) if (label.startsWith(beginning)) times += count
  return times
}

describe('the freshness protocol', () => {
  it.each(worlds)('is never late with %s', { timeout: LARGE_TIMEOUT_MS }, (_, world) => {
    const found = search(createProtocol(world, 'correct'))

    expect(found.breach, found.run.join('\n')).toBe('')
    expect(found.served).toBeGreaterThan(0)
    for (const step of ['reply arrives: store', 'reply arrives: stale', 'a lookup joins']) {
      expect(timesTaken(found, step), step).toBeGreaterThan(0)
    }
    for (const step of [
      'connected: reset',
      'connected: resume',
      'lease arrives',
      'event arrives',
    ]) {
      expect(timesTaken(found, step), step).toBeGreaterThan(0)
    }
  })

  it.each(worlds)(
    'serves no hit late with %s, if nodes start nobody behind the heads',
    {
      timeout: LARGE_TIMEOUT_MS,
    },
    (_, world) => {
      const found = search(createProtocol({ ...world, isToldJudged: false }, 'gated'))

      expect(found.breach, found.run.join('\n')).toBe('')
      expect(found.served).toBeGreaterThan(0)
    },
  )

  it('returns but does not keep what was read in another history', () => {
    const found = search(createProtocol({ ...MUTANT, failovers: 1 }, 'correct'))

    expect(timesTaken(found, 'reply arrives: pass')).toBeGreaterThan(0)
    expect(found.holds).toBe(true)
  })
})

describe('the search', () => {
  const variants = Object.entries(FAILING) as [BrokenVariant, Partial<World>][]

  it.each(variants)('finds %s late', (variant, differences) => {
    const world: World = { ...MUTANT, ...differences }
    const found = search(createProtocol(world, variant))

    expect(found.holds, LEFT_OUT[variant]).toBe(false)
    expect(found.breach).toBe(world.canJoin ? BREACH.lateJoiner : BREACH.lateHit)
    expect(found.run.length).toBeGreaterThan(3)
    // The same world is good enough to show that the rule, and not the world, makes the difference.
    expect(search(createProtocol(world, 'correct')).holds).toBe(true)
  })

  it('tells the shortest run in words', () => {
    const found = search(createProtocol(MUTANT, 'flushonly'))

    expect(found.run).toEqual([
      'lookup is sent and read (5)',
      'commit, token (1)',
      'a tick passes',
      'connected: reset (9, 19)',
      'probe is sent, heads are read (10)',
      'lease arrives (16)',
      'reply arrives: store (14)',
    ])
  })
})
