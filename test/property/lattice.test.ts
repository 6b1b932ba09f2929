/**
 * Issues, refreshes, exchanges, revocations and suspensions in any order: after every step each token has the state that a naive
 * model says, at two nodes. A narrower cutoff never masks a wider one.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../store/store.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import { runLattice, type Step } from './lattice-run.ts'

const RUNS = 150
const MAX_STEPS = 20
const LEVELS = ['token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all'] as const

const issueStep = fc.record({
  do: fc.constant('issue' as const),
  sub: fc.nat(2),
  client: fc.nat(1),
  refresh: fc.boolean(),
  session: fc.oneof(fc.constantFrom('none' as const, 'new' as const), fc.nat(3)),
})
const revokeStep = fc.record({
  do: fc.constant('revoke' as const),
  level: fc.constantFrom(...LEVELS),
  of: fc.nat(9),
  before: fc.option(fc.nat(9), { nil: undefined }),
  after: fc.option(fc.nat(9), { nil: undefined }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: issueStep },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('refresh' as const), grant: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('exchange' as const),
      of: fc.nat(9),
      client: fc.nat(1),
    }),
  },
  { weight: 6, arbitrary: revokeStep },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('suspend' as const, 'reactivate' as const),
      sub: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('disable' as const, 'enable' as const),
      client: fc.nat(1),
    }),
  },
)

describe('the revocation lattice', () => {
  let installation: OwnInstallation
  let other: Store

  beforeAll(async () => {
    installation = await startInstallation({ partitions: 2 })
    other = await installation.open({ mints: false })
  })

  afterAll(() => installation.close())

  it('agrees with a naive model after every step, at two nodes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: MAX_STEPS }), async (steps) => {
        expect(await runLattice(installation, other, steps)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})
