/**
 * Assignments, removals, expiries, new schemas, exchanges, suspensions and revocations in any order: after every step every
 * answer is what a naive model says, at every process. A failure prints its seed.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../store/store.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import { CONTEXTS, ROLES, runRoles, type Step, SUBS } from './roles-run.ts'

const RUNS = 150
const MAX_STEPS = 16
const HUNDRED = Array.from({ length: 100 }, (_, n) => n)

const sub = fc.nat(SUBS.length - 1)
const context = fc.nat(CONTEXTS.length - 1)
const role = fc.nat(ROLES.length - 1)
const ends = fc.option(fc.integer({ min: -1, max: 40 }), { nil: undefined, freq: 2 })

const look = fc.record({
  asked: fc.oneof(
    fc.constantFrom('none' as const, 'all' as const, 'all' as const, HUNDRED),
    fc.array(context, { maxLength: 6 }),
  ),
  filter: fc.oneof(
    fc.constant('any' as const),
    fc.record({ context }),
    fc.record({ type: fc.constantFrom('course' as const, 'courses' as const) }),
  ),
  context,
  role: fc.option(role, { nil: undefined }),
  size: fc.integer({ min: 1, max: 9 }),
})
const change = fc.record({
  op: fc.constantFrom('assign' as const, 'assign' as const, 'remove' as const),
  ...{ sub, context, role, ends },
})
const removal = change.map((one) => ({ ...one, op: 'remove' as const }))
const changes = fc.oneof(
  { weight: 3, arbitrary: fc.array(change, { minLength: 1, maxLength: 1 }) },
  { weight: 2, arbitrary: fc.array(change, { minLength: 1, maxLength: 8 }) },
  { weight: 1, arbitrary: fc.array(removal, { minLength: 1, maxLength: 8 }) },
)
const definition = fc.record({
  permissions: fc.array(fc.nat(3), { maxLength: 3 }),
  assumable: fc.array(role, { maxLength: 3 }),
})
const fill = fc.record({
  do: fc.constant('fill' as const),
  op: fc.constantFrom('assign' as const, 'assign' as const, 'remove' as const),
  contexts: fc.integer({ min: 96, max: 103 }),
  ...{ sub, ends, look },
})
const schema = fc.record({
  do: fc.constant('schema' as const),
  roles: fc.tuple(...ROLES.map(() => fc.option(definition, { nil: undefined, freq: 3 }))),
  expect: fc.constantFrom('any' as const, 'right' as const, 'wrong' as const),
  look,
})
const exchange = fc.record({
  do: fc.constant('exchange' as const),
  token: fc.nat(9),
  contexts: fc.array(context, { maxLength: 4 }),
  assume: fc.option(role, { nil: undefined }),
  lifetime: fc.constantFrom(20, 86_400, 172_800),
  look,
})
const status = fc.record({
  do: fc.constantFrom('suspend' as const, 'reactivate' as const, 'reactivate' as const),
  ...{ sub, look },
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('change' as const), changes, look }) },
  { weight: 1, arbitrary: fill },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      by: fc.integer({ min: 1, max: 30 }),
      look,
    }),
  },
  { weight: 3, arbitrary: schema },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('issue' as const), sub, look }) },
  { weight: 4, arbitrary: exchange },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('revoke' as const), token: fc.nat(9), look }),
  },
  { weight: 1, arbitrary: status },
)

describe('roles', () => {
  let installation: OwnInstallation
  let stores: readonly Store[]

  beforeAll(async () => {
    installation = await startInstallation({ partitions: 2 })
    const { store, open } = installation
    stores = [store, await open(), await open({ mints: false })]
  })

  afterAll(() => installation.close())

  it('agree with a naive model after every step, at every process', async () => {
    const steps = fc.array(step, { minLength: 4, maxLength: MAX_STEPS })
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        expect(await runRoles(installation, stores, taken)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})
