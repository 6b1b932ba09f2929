/**
 * The client's real protocol machine and cache against the naive truth: whatever happens in whatever order, nothing is
 * served that was revoked longer ago than the bound; and once things are calm, what is good is served again.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWorld, PARTITIONS, TOKENS, type World, type WorldToken } from '../client/world.ts'

type Step = (world: World) => void

const token = fc.integer({ min: 0, max: TOKENS.length - 1 }).map((i) => TOKENS[i] as WorldToken)
const partition = fc.integer({ min: 0, max: PARTITIONS - 1 })
const flight = fc.integer({ min: 0, max: 3 })

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

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: named('tick', fc.constantFrom(1, 50, 100, 299, 301), (w, ms) => w.tick(ms)),
  },
  { weight: 4, arbitrary: named('ask', token, (w, t) => w.ask(t)) },
  { weight: 5, arbitrary: named('server answers', flight, (w, i) => w.serverAnswers(i)) },
  { weight: 5, arbitrary: named('reply arrives', flight, (w, i) => w.replyArrives(i)) },
  {
    weight: 3,
    arbitrary: named('revoke', fc.tuple(token, fc.nat(6)), (w, [t, how]) => w.revoke(t, how)),
  },
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
  it('serves nothing that was revoked longer ago than the bound', () => {
    let hits = 0
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
          hits += world.hits
        },
      ),
      { numRuns: 5_000 },
    )
    expect(hits).toBeGreaterThan(1_000)
  })

  it('serves what is good once things are calm', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
        const world = createWorld({ marks: 2, entries: 100 })
        for (const run of [...opening, ...steps]) run(world)
        world.calm()
        for (const one of TOKENS)
          expect([one.key, world.isServed(one)]).toEqual([one.key, !world.isVoid(one)])
      }),
      { numRuns: 1_000 },
    )
  })
})
