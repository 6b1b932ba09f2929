/**
 * The client's real protocol machine and cache against the naive truth: whatever happens in whatever order, nothing is
 * served that was revoked, and no role that was given or taken, longer ago than the bound; and once things are calm, what
 * is good is served again.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWorld, type Hits, type World } from '../client/world.ts'
import {
  CONTEXTS,
  type Naming,
  PARTITIONS,
  QUESTIONS,
  REVOCATIONS,
  TOKENS,
  type WorldRole,
  type WorldToken,
} from '../client/world-truth.ts'

type Step = (world: World) => void

/** A family more often than others: a token that was exchanged twice. */
const token = fc.constantFrom(...TOKENS, ...TOKENS.filter(({ key }) => /[089]$/.test(key)))
const partition = fc.integer({ min: 0, max: PARTITIONS - 1 })
const flight = fc.integer({ min: 0, max: 3 })
const question = fc.constantFrom(...QUESTIONS)
const naming = fc.constantFrom<Naming[]>('it', 'it', 'it', 'it and another', 'none', 'too many')
/** `seconds` from now it ends. */
const held = fc.oneof(
  fc.constantFrom('for good', 'no more'),
  fc.record({ seconds: fc.integer({ min: 1, max: 4 }) }),
)

interface Exchange {
  readonly token: WorldToken
  readonly context: string
  readonly role: WorldRole
  readonly held: 'for good' | 'no more' | { readonly seconds: number }
  readonly naming: Naming
}

const roleChange: fc.Arbitrary<Exchange> = fc.record({
  token,
  context: fc.constantFrom('*', ...CONTEXTS, ...CONTEXTS),
  role: fc.constantFrom<WorldRole[]>('teacher', 'student'),
  held: held as fc.Arbitrary<Exchange['held']>,
  naming,
})

function changeRole(world: World, { token: one, context, role, held: how, naming: as }: Exchange) {
  const ends = typeof how === 'object' ? Math.ceil(world.now / 1_000) + how.seconds : how
  world.changeRole(one, { context, role, held: ends }, as)
}

/** Named steps, so that a counterexample reads as a story. */
const named = <Value>(
  name: string,
  value: fc.Arbitrary<Value>,
  step: (world: World, value: Value) => void,
) =>
  value.map((chosen) => {
    const run: Step = (world) => step(world, chosen)
    return Object.assign(run, { toString: () => `${name} ${JSON.stringify(chosen)}` })
  })
const none = fc.constant(undefined)

const way = fc.nat(REVOCATIONS.length - 1)
const revocation = named('revoke', fc.tuple(token, way), (w, [t, how]) => w.revoke(t, how))
const change = fc.oneof(named('change role', roleChange, changeRole), revocation)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: named('tick', fc.constantFrom(1, 50, 100, 299, 301, 900), (w, ms) => w.tick(ms)),
  },
  {
    weight: 6,
    arbitrary: named('ask', fc.tuple(token, question), (w, [t, contexts]) => w.ask(t, contexts)),
  },
  { weight: 6, arbitrary: named('server answers', flight, (w, i) => w.serverAnswers(i)) },
  { weight: 6, arbitrary: named('reply arrives', flight, (w, i) => w.replyArrives(i)) },
  { weight: 7, arbitrary: change },
  { weight: 6, arbitrary: named('renew', none, (w) => w.renew()) },
  { weight: 5, arbitrary: named('node reads', partition, (w, p) => w.nodeReads(p)) },
  { weight: 8, arbitrary: named('deliver', none, (w) => w.deliver()) },
  { weight: 4, arbitrary: named('probe', none, (w) => w.probe()) },
  { weight: 4, arbitrary: named('node reads heads', none, (w) => w.nodeReadsHeads()) },
  { weight: 6, arbitrary: named('node writes lease', none, (w) => w.nodeWritesLease()) },
  { weight: 2, arbitrary: named('connect', none, (w) => w.connect()) },
  { weight: 1, arbitrary: named('disconnect', none, (w) => w.disconnect()) },
  { weight: 1, arbitrary: named('failover', partition, (w, p) => w.failover(p)) },
  { weight: 1, arbitrary: named('trim', partition, (w, p) => w.trim(p)) },
  { weight: 1, arbitrary: named('replace node', fc.nat(2), (w, lag) => w.replaceNode(lag)) },
)

/** Enough to be connected and leased most of the time; what follows takes it apart. */
const opening: Step[] = [(w) => w.connect(), (w) => w.deliver()]

describe('the cache', () => {
  it('serves nothing that was revoked, or held otherwise, longer ago than the bound', () => {
    const hits: Hits = { plain: 0, inContexts: 0, exchanged: 0, ending: 0 }
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }),
        fc.constantFrom(
          { marks: 1, entries: 3 },
          { marks: 2, entries: 100 },
          { marks: 64, entries: 100 },
        ),
        (steps, limits) => {
          const world = createWorld(limits)
          for (const run of [...opening, ...steps]) {
            run(world)
            const wrong = world.check()
            if (wrong !== undefined) throw new Error(wrong)
          }
          for (const kind of Object.keys(hits) as (keyof Hits)[]) hits[kind] += world.hits[kind]
        },
      ),
      { numRuns: 5_000 },
    )
    for (const [kind, count] of Object.entries(hits)) expect(count, kind).toBeGreaterThan(500)
  })

  it('serves what is good once things are calm', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
        const world = createWorld({ marks: 2, entries: 100 })
        for (const run of [...opening, ...steps]) run(world)
        world.calm()
        for (const one of TOKENS) {
          for (const contexts of QUESTIONS) {
            const name = `${one.key} ${contexts}`
            expect([name, world.isServed(one, contexts)]).toEqual([name, !world.isVoid(one)])
          }
        }
        expect(world.check(0)).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })

  it('keeps nothing stale when it changes during a look-up in flight', () => {
    let kept = 0
    let refused = 0
    fc.assert(
      fc.property(
        fc.array(roleChange, { maxLength: 6 }),
        fc.tuple(token, question),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(4),
        fc.record({
          marks: fc.constantFrom(1, 3, 64),
          entries: fc.constant(100),
        }),
        (before, [one, contexts], during, told, limits) => {
          const world = createWorld(limits)
          world.connect()
          for (const made of before) changeRole(world, made)
          world.renew()
          world.tick(1)
          world.ask(one, contexts)
          world.serverAnswers(0)
          during.forEach((make, n) => {
            make(world)
            // Of some the client is told before the reply arrives, of the others after it.
            if (n < told) world.renew()
          })
          world.replyArrives(0)
          world.renew()
          expect(world.check(0)).toBeUndefined()
          if (world.hits.plain + world.hits.inContexts > 0) kept += 1
          else refused += 1
          for (let elapsed = 0; elapsed < 5_000; elapsed += 250) {
            world.tick(250)
            world.renew()
            expect(world.check(0)).toBeUndefined()
          }
        },
      ),
      { numRuns: 3_000 },
    )
    expect([kept > 500, refused > 500]).toEqual([true, true])
  })
})
