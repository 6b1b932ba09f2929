/** Revocation of a span of issue times, at every level: what it voids and spares, how spans join, what it writes. */
import { describe, expect, it } from 'vitest'
import type { IssuedTokens } from '../../../store/grants/issue.ts'
import type { IssueSpan } from '../../../store/grants/issue-span.ts'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
import { type Installation, SELF } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  issuedAtUs,
  issueGrant,
  locate,
  newSub,
  readLog,
  refresh,
  refreshed,
  register,
  revoke,
  seqOf,
  stateOf,
  tryIssue,
} from '../actions.ts'

const WIDE = ['subject', 'subject+client', 'client', 'all'] as const

export function revokeSpanContract(at: () => Installation): void {
  /** Tokens of one subject and client, one after the other, and when each was issued. */
  async function tokens(count: number) {
    const { store, partitions, keys } = at()
    const [sub, clientId] = [newSub(), await register(store)]
    const issued: (IssuedTokens & { readonly us: number })[] = []
    for (let n = 0; n < count; n++) {
      const one = await issue(store, { sub, clientId })
      issued.push({ ...one, us: await issuedAtUs(store, one.accessToken) })
    }
    const us = issued.map((one) => one.us)
    const partition = partitions.of(sub)
    const states = () =>
      Promise.all(issued.map(async (one) => (await stateOf(store, one.accessToken)) === 'active'))
    const target = (level: RevocationTarget['level']): RevocationTarget =>
      ({ level, sub, clientId }) as unknown as RevocationTarget
    const { cutoff } = keys.partition(partition)
    const record = () => at().redis.get(cutoff.subject(sub))
    const line = async () => (await record())?.split('\n')[0]
    const cut = (issued: IssueSpan = {}) => revoke(store, target('subject'), issued)
    return { store, sub, clientId, issued, us, partition, states, target, record, line, cut }
  }

  /** Later than the one, and until the other, included. */
  const within = (us: readonly number[], after: number, last: number): IssueSpan => ({
    issuedAfter: (us[after] as number) / 1e6,
    issuedBefore: ((us[last] as number) + 1) / 1e6,
  })

  async function login() {
    const { store } = at()
    const [sub, clientId] = [newSub(), await register(store)]
    const issued = await issueGrant(store, { sub, clientId, session: 'new' })
    const us = await issuedAtUs(store, issued.accessToken)
    return { store, sub, clientId, us, ...issued }
  }

  describe.each(WIDE)('revoking a span at the level of %s', (level) => {
    it('voids what was issued in it, and nothing before or behind it', async () => {
      const minted = await tokens(4)
      const outcome = await revoke(minted.store, minted.target(level), within(minted.us, 0, 2))
      expect(outcome).toMatchObject({ kind: 'revoked', cutoffUs: minted.us[2] })
      expect(await minted.states()).toEqual([true, false, false, true])
      const again = await issue(minted.store, minted)
      expect(await stateOf(minted.store, again.accessToken)).toBe('active')
    })

    it('without an end voids what was issued since, until now', async () => {
      const minted = await tokens(3)
      await revoke(minted.store, minted.target(level), {
        issuedAfter: (minted.us[0] as number) / 1e6,
      })
      expect(await minted.states()).toEqual([true, false, false])
      const again = await issue(minted.store, minted)
      expect(await stateOf(minted.store, again.accessToken)).toBe('active')
    })

    it('tells of the span, and of nothing when it is void already', async () => {
      const minted = await tokens(3)
      const before = await seqOf(at(), minted.partition)
      const outcome = await revoke(minted.store, minted.target(level), within(minted.us, 0, 1))
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      const details = JSON.stringify({ id: outcome.id, by: BY, reason: 'test' })
      const [told] = (await readLog(at(), minted.partition)).slice(-1)
      expect(told?.revocation).toBe(`${minted.us[0]}-${minted.us[1]} ${details}`)
      await revoke(minted.store, minted.target(level), within(minted.us, 0, 1))
      expect(await seqOf(at(), minted.partition)).toBe(before + 1)
      await revoke(minted.store, minted.target(level), within(minted.us, 0, 2))
      expect(await seqOf(at(), minted.partition)).toBe(before + 2)
    })
  })

  describe('spans of one thing', () => {
    it('stay apart while something between them lives', async () => {
      const minted = await tokens(6)
      const { us } = minted
      await minted.cut(within(us, 3, 4))
      await minted.cut(within(us, 0, 1))
      expect(await minted.line()).toBe(`0 ${us[0]}-${us[1]} ${us[3]}-${us[4]}`)
      expect(await minted.states()).toEqual([true, false, true, true, false, true])
      await minted.cut(within(us, 2, 2))
      await minted.cut({ issuedBefore: 1 })
      expect(await minted.line()).toBe(`999999 ${us[0]}-${us[1]} ${us[3]}-${us[4]}`)
    })

    const joins: readonly [
      string,
      readonly (readonly [number, number])[],
      readonly [number, number],
    ][] = [
      [
        'that touch',
        [
          [0, 1],
          [1, 2],
        ],
        [0, 2],
      ],
      [
        'that touch, the later first',
        [
          [1, 2],
          [0, 1],
        ],
        [0, 2],
      ],
      [
        'that overlap',
        [
          [0, 2],
          [1, 4],
        ],
        [0, 4],
      ],
      [
        'of which one holds the other',
        [
          [0, 4],
          [1, 2],
        ],
        [0, 4],
      ],
      [
        'of which one holds all others',
        [
          [1, 2],
          [3, 4],
          [0, 5],
        ],
        [0, 5],
      ],
      [
        'that a third one reaches',
        [
          [0, 1],
          [3, 4],
          [1, 3],
        ],
        [0, 4],
      ],
    ]
    it.each(joins)('%s become one', async (_, spans, [from, to]) => {
      const minted = await tokens(7)
      for (const [after, last] of spans) await minted.cut(within(minted.us, after, last))
      expect(await minted.line()).toBe(`0 ${minted.us[from]}-${minted.us[to]}`)
      expect(await minted.states()).toEqual(minted.us.map((_, n) => n <= from || n > to))
    })

    it('become a part of the full cutoff that reaches them', async () => {
      const minted = await tokens(6)
      const { us } = minted
      await minted.cut(within(us, 0, 1))
      await minted.cut(within(us, 3, 4))
      await minted.cut({ issuedBefore: ((us[0] as number) + 1) / 1e6 })
      expect(await minted.line()).toBe(`${us[1]} ${us[3]}-${us[4]}`)
      await minted.cut(within(us, 1, 2))
      expect(await minted.line()).toBe(`${us[2]} ${us[3]}-${us[4]}`)
      expect(await minted.states()).toEqual([false, false, false, true, false, true])
      await minted.cut()
      expect(await minted.line()).toMatch(/^\d+$/)
      expect(await minted.states()).toEqual(us.map(() => false))
    })

    it('keep the details of what was written last', async () => {
      const minted = await tokens(3)
      await minted.cut(within(minted.us, 0, 1))
      const outcome = await minted.cut(within(minted.us, 1, 2))
      expect(
        outcome.kind === 'revoked' &&
          (await minted.record())?.endsWith(`"id":"${outcome.id}","by":"${BY}","reason":"test"}`),
      ).toBe(true)
    })

    it('are eight at most: a ninth is refused, one that joins two is not, nor a plain cutoff', async () => {
      const minted = await tokens(20)
      for (let n = 0; n < 8; n++) await minted.cut(within(minted.us, 2 * n, 2 * n + 1))
      const [before, seq] = [await minted.record(), await seqOf(at(), minted.partition)]
      expect(await minted.cut(within(minted.us, 17, 18))).toEqual({ kind: 'too-many-spans' })
      expect([await minted.record(), await seqOf(at(), minted.partition)]).toEqual([before, seq])
      expect(await minted.cut(within(minted.us, 1, 2))).toMatchObject({ kind: 'revoked' })
      expect(await minted.cut(within(minted.us, 17, 18))).toMatchObject({ kind: 'revoked' })
      expect((await minted.line())?.split(' ')).toHaveLength(9)
      expect(await minted.cut({ issuedBefore: 1 })).toMatchObject({ kind: 'revoked' })
      expect(await minted.cut()).toMatchObject({ kind: 'revoked' })
    })

    it('are restored by a replay even where there is no room', async () => {
      const minted = await tokens(20)
      const { store, partitions } = at()
      for (let n = 0; n < 8; n++) await minted.cut(within(minted.us, 2 * n, 2 * n + 1))
      const [afterUs, cutoffUs] = [minted.us[17] as number, minted.us[18] as number]
      const event = { type: 'subject', sub: minted.sub } as const
      const restore = () =>
        store.restore(partitions.of(minted.sub), event, { afterUs, cutoffUs, details: '{}' })
      expect([await restore(), await restore()]).toEqual([true, false])
      expect((await minted.states())[18]).toBe(false)
    })

    it('that are empty change nothing', async () => {
      const minted = await tokens(2)
      const seq = await seqOf(at(), minted.partition)
      const time = (minted.us[0] as number) / 1e6
      expect(await minted.cut({ issuedAfter: time, issuedBefore: time })).toMatchObject({
        kind: 'revoked',
        affected: 0,
      })
      expect([await minted.record(), await seqOf(at(), minted.partition)]).toEqual([null, seq])
    })

    it('of the future are refused, and voids nothing for a slightly fast clock', async () => {
      const minted = await tokens(1)
      const now = Date.now() / 1_000
      expect(await minted.cut({ issuedAfter: now + 3_600 })).toEqual({ kind: 'future' })
      const span = { issuedAfter: 1, issuedBefore: now + 3_600 }
      expect(await minted.cut(span)).toEqual({ kind: 'future' })
      expect(await minted.cut({ issuedAfter: now + 30 })).toMatchObject({
        kind: 'revoked',
        affected: 0,
      })
      expect(await minted.record()).toBeNull()
      expect(await minted.states()).toEqual([true])
    })

    it('never take a token out of what else voids it', async () => {
      const minted = await tokens(3)
      await revoke(minted.store, minted.target('subject+client'), within(minted.us, 0, 1))
      await minted.cut(within(minted.us, 1, 2))
      await revoke(minted.store, minted.target('client'), { issuedBefore: 1 })
      expect(await minted.states()).toEqual([true, false, false])
    })
  })

  describe('a span at the narrow levels', () => {
    it('voids the token that was issued in it, once, and no other', async () => {
      const minted = await tokens(2)
      const { us, issued, store } = minted
      const target = { level: 'token', jti: issued[1]?.jti as string } as const
      const seq = await seqOf(at(), minted.partition)
      for (const span of [within(us, 1, 1), { issuedAfter: (us[1] as number) / 1e6 }]) {
        expect(await revoke(store, target, span)).toMatchObject({ kind: 'revoked', affected: 0 })
      }
      expect(await minted.states()).toEqual([true, true])
      const told = await seqOf(at(), minted.partition)
      const open = { issuedAfter: (us[0] as number) / 1e6 }
      expect(await revoke(store, target, open)).toMatchObject({ kind: 'revoked', affected: 1 })
      expect(await minted.states()).toEqual([true, false])
      expect(await seqOf(at(), minted.partition)).toBe(told + 1)
      for (const span of [open, {}]) {
        expect(await revoke(store, target, span)).toMatchObject({ kind: 'revoked', affected: 0 })
      }
      expect(await seqOf(at(), minted.partition)).toBe(told + 1)
      expect(told - seq).toBeLessThanOrEqual(1)
    })

    it('spares an older grant, which goes on minting, and voids what it minted', async () => {
      const { store, refreshToken, clientId, us, grantId, accessToken } = await login()
      const minted = await refreshed(store, refreshToken, clientId)
      const target = { level: 'grant', grantId } as const
      const span = { issuedAfter: us / 1e6 }
      expect(await revoke(store, target, span)).toMatchObject({ kind: 'revoked', affected: 0 })
      expect(await stateOf(store, accessToken)).toBe('active')
      expect(await stateOf(store, minted.accessToken)).toBe('revoked')
      const next = await refreshed(store, minted.refreshToken, clientId)
      expect(await stateOf(store, next.accessToken)).toBe('active')
      await revoke(store, target, span)
      expect(await stateOf(store, next.accessToken)).toBe('revoked')
      expect(await stateOf(store, accessToken)).toBe('active')
    })

    it('voids a grant that was issued in it, with all that it minted before and since', async () => {
      const { store, refreshToken, clientId, us, grantId, accessToken, sub } = await login()
      const minted = await refreshed(store, refreshToken, clientId)
      const target = { level: 'grant', grantId } as const
      const only = { issuedAfter: (us - 1) / 1e6, issuedBefore: (us + 1) / 1e6 }
      expect(await revoke(store, target, only)).toMatchObject({ kind: 'revoked', affected: 1 })
      expect(await stateOf(store, accessToken)).toBe('revoked')
      expect(await stateOf(store, minted.accessToken)).toBe('active')
      expect((await refresh(store, minted.refreshToken, clientId)).kind).toBe('revoked')
      const open = { issuedAfter: (us - 1) / 1e6 }
      expect(await revoke(store, target, open)).toMatchObject({ kind: 'revoked', affected: 0 })
      expect(await stateOf(store, minted.accessToken)).toBe('revoked')
      const partition = at().partitions.of(sub)
      const seq = await seqOf(at(), partition)
      for (const span of [open, {}]) await revoke(store, target, span)
      expect(await seqOf(at(), partition)).toBe(seq)
    })

    it('voids a session that began in it, and refuses to join it; spares an older one', async () => {
      const { store, clientId, sub, us, sid, accessToken } = await login()
      const target = { level: 'session', sid: sid as string } as const
      const session = { join: sid as string }
      const joined = await issue(store, { sub, clientId, session })
      await revoke(store, target, { issuedAfter: us / 1e6 })
      expect(await stateOf(store, accessToken)).toBe('active')
      expect(await stateOf(store, joined.accessToken)).toBe('revoked')
      expect((await tryIssue(store, { sub, clientId, session })).kind).toBe('issued')
      await revoke(store, target, { issuedAfter: (us - 1) / 1e6 })
      expect(await stateOf(store, accessToken)).toBe('revoked')
      expect((await tryIssue(store, { sub, clientId, session })).kind).toBe('session-void')
      const partition = at().partitions.of(sub)
      const seq = await seqOf(at(), partition)
      for (const span of [{ issuedAfter: (us - 1) / 1e6 }, {}]) await revoke(store, target, span)
      expect(await seqOf(at(), partition)).toBe(seq)
    })

    it('lets nothing be minted in a session that began in it, though the grant is younger', async () => {
      const { store, clientId, sub, us, sid } = await login()
      const session = { join: sid as string }
      const joined = await issueGrant(store, { sub, clientId, session })
      const only = { issuedAfter: (us - 1) / 1e6, issuedBefore: (us + 1) / 1e6 }
      await revoke(store, { level: 'session', sid: sid as string }, only)
      expect(await stateOf(store, joined.accessToken)).toBe('active')
      expect((await refresh(store, joined.refreshToken, clientId)).kind).toBe('revoked')
    })

    it('keeps the subject listed: only a cutoff of now forgets what is void', async () => {
      const minted = await tokens(3)
      await minted.cut(within(minted.us, 0, 1))
      const { items } = await minted.store.liveGrants.grants(minted.sub, { size: 10 })
      const ids = [minted.issued[0]?.grantId, minted.issued[2]?.grantId]
      expect(items.map(({ grantId }) => grantId).sort()).toEqual(ids.sort())
    })

    it('voids what was exchanged for a token of it', async () => {
      const minted = await tokens(2)
      const [, first] = minted.issued
      const outcome = await minted.store.tokens.exchange({
        origin: await locate(minted.store, first?.accessToken as string),
        authorization: {
          ...{ sub: minted.sub, clientId: await register(minted.store), session: '' },
          ...{ scope: '', aud: [SELF], login: {} },
        },
        accessTokenLifetimeSeconds: 60,
      })
      if (outcome.kind !== 'issued') throw new Error(outcome.kind)
      await minted.cut(within(minted.us, 0, 1))
      expect(await stateOf(minted.store, outcome.accessToken)).toBe('revoked')
    })

    it('of the subject counts and voids what was suspended away no more', async () => {
      const minted = await tokens(2)
      await minted.store.subjects.put(minted.sub, BY, { status: 'suspended' })
      await minted.store.subjects.put(minted.sub, BY, { status: 'active' })
      expect(await minted.cut(within(minted.us, 0, 1))).toMatchObject({
        kind: 'revoked',
        affected: 0,
      })
      expect(await minted.line()).toMatch(/^\d+$/)
    })
  })
}
