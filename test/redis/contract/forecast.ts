/** Forecasts: what they count is what the revocation then makes void, at every level. */
import { describe, expect, it } from 'vitest'
import type { IssueSpan } from '../../../store/grants/issue-span.ts'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
import type { Store } from '../../../store/store.ts'
import type { Installation } from '../../fixture/installation.ts'
import {
  issue,
  issuedAtUs,
  issueGrant,
  liveGrants,
  moveClock,
  newSub,
  register,
  revoke,
  seqOf,
} from '../actions.ts'

export function forecastContract(at: () => Installation): void {
  /** Two subjects with grants of two clients, some in a session, some void already. */
  async function scenario() {
    const { store } = at()
    const [web, app] = [await register(store), await register(store)]
    const [alice, bob] = [newSub(), newSub()]
    const login = await issueGrant(store, { sub: alice, clientId: web, session: 'new' })
    const join = login.sid as string
    await issueGrant(store, { sub: alice, clientId: app, session: { join } })
    const own = await issue(store, { sub: alice, clientId: web })
    const early = await issueGrant(store, { sub: alice, clientId: web })
    await issueGrant(store, { sub: bob, clientId: web })
    await issue(store, { sub: bob, clientId: app })
    return { store, web, app, alice, bob, login, own, early, sid: join }
  }
  type Scenario = Awaited<ReturnType<typeof scenario>>

  const levels: readonly [string, (from: Scenario) => RevocationTarget, number | undefined][] = [
    ['a token of its own', ({ own }) => ({ level: 'token', jti: own.jti }), 1],
    ['a grant of its own', ({ own }) => ({ level: 'grant', grantId: own.grantId }), 1],
    ['a grant', ({ login }) => ({ level: 'grant', grantId: login.grantId }), 1],
    ['a session', ({ sid }) => ({ level: 'session', sid }), 2],
    ['a subject', ({ alice }) => ({ level: 'subject', sub: alice }), 4],
    ['a pair', ({ alice, web }) => ({ level: 'subject+client', sub: alice, clientId: web }), 3],
    ['a client', ({ web }) => ({ level: 'client', clientId: web }), 4],
    ['everything', () => ({ level: 'all' }), undefined],
  ]

  const live = async ({ store, alice, bob }: Scenario) =>
    (await liveGrants(store, alice)).length + (await liveGrants(store, bob)).length

  describe.each(levels)('a forecast for %s', (_, targetOf, expected) => {
    it('changes nothing and counts what the revocation then voids', async () => {
      const from = await scenario()
      const { store } = from
      const partition = at().partitions.of(from.alice)
      const seq = await seqOf(at(), partition)
      const before = await live(from)
      const { affected, cutoffUs } = await forecast(store, targetOf(from))
      expect(Math.abs(cutoffUs / 1e3 - Date.now())).toBeLessThan(5_000)
      expect([await live(from), await seqOf(at(), partition)]).toEqual([before, seq])
      const outcome = await revoke(store, targetOf(from))
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      const voided = before - (await live(from))
      if (expected === undefined) {
        expect(affected).toBeGreaterThanOrEqual(voided)
        expect(await live(from)).toBe(0)
      } else {
        expect([affected, voided]).toEqual([expected, expected])
      }
      expect(outcome.affected ?? affected).toBe(affected)
      expect(await store.revocations.forecast(targetOf(from))).toMatchObject({ affected: 0 })
    })

    it('with a time counts what was issued before it', async () => {
      const from = await scenario()
      const { store } = from
      // Long before anything was issued, and long after.
      const counts = await Promise.all(
        [1, Date.now() / 1e3 + 30].map(async (time) => {
          const { affected, cutoffUs } = await forecast(store, targetOf(from), {
            issuedBefore: time,
          })
          expect(cutoffUs).toBeLessThan(time * 1e6)
          return affected
        }),
      )
      expect(counts[0]).toBe(0)
      if (expected !== undefined) expect(counts[1]).toBe(expected)
    })
  })

  describe.each(levels)('a forecast of a span for %s', (_, targetOf) => {
    it('counts what the revocation then voids', async () => {
      const from = await scenario()
      const { store, own, early } = from
      const [first, last] = [await issuedUs(store, own), await issuedUs(store, early)]
      // The token itself, and the grant behind it.
      for (const span of [
        { issuedAfter: (first - 1) / 1e6, issuedBefore: last / 1e6 },
        { issuedAfter: first / 1e6 },
      ]) {
        const before = await live(from)
        const { affected } = await forecast(store, targetOf(from), span)
        const outcome = await revoke(store, targetOf(from), span)
        if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
        expect(affected).toBe(before - (await live(from)))
        expect(outcome.affected ?? affected).toBe(affected)
        expect(await store.revocations.forecast(targetOf(from), span)).toMatchObject({
          affected: 0,
        })
      }
    })
  })

  describe('a forecast', () => {
    it('for nothing known says so, or counts nothing', async () => {
      const { store, partitions } = at()
      const id = partitions.toPublicId(0, partitions.newLocalId())
      const targets: RevocationTarget[] = [
        { level: 'token', jti: 'x' },
        { level: 'token', jti: id + 'h'.repeat(22) },
        { level: 'grant', grantId: id },
        { level: 'grant', grantId: 'x' },
        { level: 'session', sid: id },
        { level: 'subject', sub: newSub() },
        { level: 'subject+client', sub: newSub(), clientId: 'nobody' },
        { level: 'client', clientId: 'nobody' },
      ]
      for (const target of targets) {
        const isNarrow = ['token', 'grant', 'session'].includes(target.level)
        expect(await store.revocations.forecast(target)).toMatchObject(
          isNarrow ? { kind: 'unknown' } : { kind: 'forecast', affected: 0 },
        )
      }
    })

    it('refuses the future, as the revocation does', async () => {
      const target = { level: 'subject', sub: newSub() } as const
      const far = Date.now() / 1e3 + 3_600
      expect(await at().store.revocations.forecast(target, { issuedBefore: far })).toEqual({
        kind: 'future',
      })
      expect(await revoke(at().store, target, far)).toEqual({ kind: 'future' })
      const since = { issuedAfter: far }
      expect(await at().store.revocations.forecast(target, since)).toEqual({ kind: 'future' })
    })

    it('and the revocation of an expired token agree that nothing is left to void', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { jti, expiresAt } = await issueGrant(store, { sub, clientId, lifetime: 60 })
      await moveClock(at(), partitions.of(sub), expiresAt * 1e6)
      const target = { level: 'token', jti } as const
      expect(await store.revocations.forecast(target)).toMatchObject({ affected: 0 })
      expect(await revoke(store, target)).toMatchObject({ kind: 'revoked', affected: 0 })
    })

    const wider: readonly [string, (from: Scenario) => RevocationTarget][] = [
      ['a token', ({ own }) => ({ level: 'token', jti: own.jti })],
      ['a grant', ({ login }) => ({ level: 'grant', grantId: login.grantId })],
      ['a subject', ({ alice }) => ({ level: 'subject', sub: alice })],
    ]

    it.each(wider)(
      'and the revocation of %s agree where a wider one came first',
      async (_, targetOf) => {
        const from = await scenario()
        const { store, web } = from
        await revoke(store, { level: 'client', clientId: web })
        const { affected } = await forecast(store, targetOf(from))
        const outcome = await revoke(store, targetOf(from))
        if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
        expect(outcome.affected ?? affected).toBe(affected)
      },
    )

    it('and the revocation of a subject agree where narrower ones came first', async () => {
      const { store, alice, login, own, early } = await scenario()
      await revoke(store, { level: 'token', jti: own.jti })
      await revoke(store, { level: 'grant', grantId: early.grantId })
      await revoke(store, { level: 'session', sid: login.sid as string })
      const target = { level: 'subject', sub: alice } as const
      const { affected } = await forecast(store, target)
      expect(affected).toBe(0)
      const outcome = await revoke(store, target)
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      expect(outcome.affected ?? affected).toBe(affected)
    })
  })
}

async function issuedUs(store: Store, { accessToken }: { readonly accessToken: string }) {
  return issuedAtUs(store, accessToken)
}

async function forecast(store: Store, target: RevocationTarget, span?: IssueSpan) {
  const outcome = await store.revocations.forecast(target, span)
  if (outcome.kind !== 'forecast') throw new Error(outcome.kind)
  return outcome
}
