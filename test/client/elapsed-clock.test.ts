/** Elapsed time never runs slow, whatever the machine's clocks do: a lease may only seem older than it is. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createElapsedClock } from '../../client/src/elapsed-clock.ts'

/** What passes in truth, and what each clock makes of it: suspended, stepped either way, or right. */
const moment = fc.record({
  passes: fc.nat(1_000),
  monotonicStops: fc.boolean(),
  wallStep: fc.constantFrom(0, 0, 0, 3_600_000, -3_600_000, 1, -1),
})

it('advances at least as far as the time that passed on whichever clock kept running, and never back', () => {
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
