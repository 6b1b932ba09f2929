/** Elapsed time never runs slow, whatever the machine's clocks do, and does not run fast on one where nothing happens. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createElapsedClock } from '../../client/src/time/elapsed-clock.ts'

/** What the wall clock may be ahead without being believed. */
const JITTER_MS = 2

/** What passes in truth, and what each clock makes of it: suspended, stepped either way, or right. */
const moment = fc.record({
  passes: fc.integer({ min: JITTER_MS + 1, max: 1_000 }),
  monotonicStops: fc.boolean(),
  wallStep: fc.constantFrom(0, 0, 0, 3_600_000, -3_600_000),
})

it('counts whatever passed on a clock that kept running, and never goes back', () => {
  fc.assert(
    fc.property(fc.array(moment), (moments) => {
      let monotonic = 0
      let wall = 1_000_000_000
      const clock = createElapsedClock({ monotonic: () => monotonic, wall: () => wall })
      for (const { passes, monotonicStops, wallStep } of moments) {
        const before = clock.now()
        if (!monotonicStops) monotonic += passes
        wall += passes + wallStep
        const advance = clock.now() - before
        // One of the two clocks was right, unless the machine slept while its wall clock was set back.
        if (!monotonicStops || wallStep >= 0) expect(advance).toBeGreaterThanOrEqual(passes)
        expect(advance).toBeGreaterThanOrEqual(0)
      }
    }),
  )
})

it('is not driven by a wall clock that ticks in whole milliseconds, however often it is asked', () => {
  let time = 0
  const clock = createElapsedClock({ monotonic: () => time, wall: () => Math.floor(time + 0.7) })
  for (let n = 0; n < 10_000; n++) {
    time += 0.1
    clock.now()
  }
  expect(clock.now()).toBeCloseTo(time, 5)
})
