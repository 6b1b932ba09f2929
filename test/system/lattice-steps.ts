/** What the actors of the agreement test may do, and how scripts of it are made up. */
import fc from 'fast-check'

/** Levels at which the test revokes. */
const LEVELS = ['token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all'] as const

/** One of them. */
export type Level = (typeof LEVELS)[number]

/** One step of an actor. Numbers choose among what there is at that moment. */
export type Step =
  | { readonly do: 'issue' | 'join'; readonly pick: number }
  | { readonly do: 'refresh' | 'refresh twice' | 'reuse'; readonly pick: number }
  | {
      readonly do: 'revoke'
      readonly level: Level
      readonly pick: number
      readonly isBack: boolean
      readonly isSince: boolean
    }
  | { readonly do: 'suspend' | 'reactivate' | 'disable' | 'enable'; readonly pick: number }
  | { readonly do: 'ask'; readonly pick: number }
  | { readonly do: 'mark' }

const pick = fc.nat(1_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('issue' as const), pick }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mark' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'join' as const,
        'refresh' as const,
        'refresh twice' as const,
        'reuse' as const,
      ),
      pick,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('revoke' as const),
      level: fc.constantFrom(...LEVELS),
      pick,
      isBack: fc.boolean(),
      isSince: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'suspend' as const,
        'reactivate' as const,
        'disable' as const,
        'enable' as const,
      ),
      pick,
    }),
  },
)
const actor = fc.array(step, { minLength: 3, maxLength: 12 })
/** A script: phases one after the other, in each of which several actors take their steps at once. */
export const phases = fc.array(fc.array(actor, { minLength: 2, maxLength: 4 }), {
  minLength: 1,
  maxLength: 3,
})
