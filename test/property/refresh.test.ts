/**
 * Refresh rotation under any interleaving: one successor at most, the same for every caller who asks in time, and nothing
 * is active once a token was reused or the grant revoked.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RevocationTarget } from '../../store/revocations/target.ts'
import type { Store } from '../../store/store.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import {
  issueGrant,
  newSub,
  type Refreshed,
  refresh,
  register,
  revoke,
  stateOf,
} from '../redis/actions.ts'

const RUNS = 60

/** What one caller of a burst does: refresh with a token so many rotations old, or revoke. */
type Call = number | RevocationTarget['level']

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constant(1) },
)
const hostile: fc.Arbitrary<Call> = fc.oneof(
  { weight: 8, arbitrary: fc.nat(3) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('grant' as const, 'session' as const, 'subject' as const),
  },
)
const bursts = (of: fc.Arbitrary<Call>) =>
  fc.array(fc.array(of, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 })

describe('refresh rotation', () => {
  let installation: OwnInstallation
  let nodes: readonly [Store, Store]
  let clientId: string

  beforeAll(async () => {
    installation = await startInstallation()
    nodes = [installation.store, await installation.open()]
    clientId = await register(installation.store)
  })

  afterAll(() => installation.close())

  /** A grant, the refresh tokens it has had (newest last), and every access token handed out. */
  async function login() {
    const sub = newSub()
    const issued = await issueGrant(nodes[0], { sub, clientId, session: 'new' })
    return {
      ...issued,
      sub,
      chain: [issued.refreshToken],
      accessTokens: new Set([issued.accessToken]),
    }
  }
  type Login = Awaited<ReturnType<typeof login>>

  /** Sends all calls at once, over two connections, and says what came of the refreshes and by which token. */
  async function burst(minted: Login, calls: readonly Call[]) {
    const outcomes = await Promise.all(
      calls.map(async (call, n) => {
        const node = nodes[n % 2] as Store
        if (typeof call !== 'number') {
          const target = { ...minted, level: call, sid: minted.sid } as unknown as RevocationTarget
          await revoke(node, target)
          return { presented: '', outcome: undefined }
        }
        const presented = minted.chain.at(-1 - Math.min(call, minted.chain.length - 1)) as string
        return { presented, outcome: await refresh(node, presented, clientId) }
      }),
    )
    const done = outcomes.flatMap(({ presented, outcome }) =>
      outcome?.kind === 'refreshed' ? [{ presented, ...outcome }] : [],
    )
    for (const { accessToken } of done) minted.accessTokens.add(accessToken)
    const kinds = outcomes.flatMap(({ outcome }) => outcome?.kind ?? [])
    return { done, kinds }
  }

  function expectOneSuccessorEach(done: readonly (Refreshed & { presented: string })[]): void {
    const byToken = Map.groupBy(done, ({ presented }) => presented)
    for (const successors of byToken.values()) {
      const pairs = successors.map((one) => `${one.accessToken} ${one.refreshToken}`)
      expect(new Set(pairs).size).toBe(1)
      expect(new Set(successors.map(({ scope, expiresAt }) => `${scope} ${expiresAt}`)).size).toBe(
        1,
      )
    }
  }

  const statesOf = (minted: Login) =>
    Promise.all([...minted.accessTokens].map((token, n) => stateOf(nodes[n % 2] as Store, token)))

  it('has one successor, the same for all who ask at once and for all who ask again', async () => {
    await fc.assert(
      fc.asyncProperty(bursts(fc.constant(0)), async (rounds) => {
        const minted = await login()
        for (const calls of rounds) {
          const { done, kinds } = await burst(minted, calls)
          expect(kinds).toEqual(calls.map(() => 'refreshed'))
          expectOneSuccessorEach(done)
          expect(done.filter(({ retry }) => !retry)).toHaveLength(1)
          const again = await burst(minted, calls)
          expect(again.done.every(({ retry }) => retry)).toBe(true)
          expectOneSuccessorEach([...done, ...again.done])
          minted.chain.push((done[0] as Refreshed).refreshToken)
        }
        expect(new Set(await statesOf(minted))).toEqual(new Set(['active']))
      }),
      { numRuns: RUNS },
    )
  })

  it('serves the present and the last token in any order, or voids the grant for good', async () => {
    await fc.assert(
      fc.asyncProperty(bursts(call), async (rounds) => {
        const minted = await login()
        for (const calls of rounds) {
          const present = minted.chain.at(-1)
          const { done, kinds } = await burst(minted, calls)
          expectOneSuccessorEach(done)
          const rotations = done.filter(({ retry }) => !retry)
          expect(rotations.length).toBeLessThanOrEqual(1)
          if (kinds.includes('reused')) {
            expect(kinds.filter((kind) => kind === 'reused')).toHaveLength(1)
            expect(new Set(await statesOf(minted))).toEqual(new Set(['revoked']))
            expect((await burst(minted, [0, 1])).kinds).toEqual(['revoked', 'revoked'])
            return
          }
          const next = done.find(({ presented }) => presented === present)
          if (next !== undefined) minted.chain.push(next.refreshToken)
        }
        expect(new Set(await statesOf(minted))).toEqual(new Set(['active']))
      }),
      { numRuns: RUNS },
    )
  })

  it('leaves nothing alive after a reuse or a revocation, however they interleave', async () => {
    await fc.assert(
      fc.asyncProperty(bursts(hostile), async (rounds) => {
        const minted = await login()
        let over = false
        for (const calls of rounds) {
          const present = minted.chain.at(-1)
          const { done, kinds } = await burst(minted, calls)
          expectOneSuccessorEach(done)
          if (over) expect(done).toEqual([])
          over ||= kinds.includes('reused') || calls.some((call) => typeof call === 'string')
          if (over) {
            expect(new Set(await statesOf(minted))).toEqual(new Set(['revoked']))
            const all = await Promise.all(
              minted.chain.map((token) => refresh(nodes[0], token, clientId)),
            )
            expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(['revoked']))
          }
          const next = done.find(({ presented }) => presented === present)
          if (next !== undefined) minted.chain.push(next.refreshToken)
        }
        if (!over) expect(new Set(await statesOf(minted))).toEqual(new Set(['active']))
      }),
      { numRuns: RUNS },
    )
  })
})
