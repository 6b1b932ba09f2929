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
      const it = await tokens(4)
      const outcome = await revoke(it.store, it.target(level), within(it.us, 0, 2))
      expect(outcome).toMatchObject({ kind: 'revoked', cutoffUs: it.us[2] })
      expect(await it.states()).toEqual([true, false, false, true])
      const again = await issue(it.store, it)
      expect(await stateOf(it.store, again.accessToken)).toBe('active')
    })

    it('without an end voids what was issued since, until now', async () => {
      const it = await tokens(3)
      await revoke(it.store, it.target(level), { issuedAfter: (it.us[0] as number) / 1e6 })
      expect(await it.states()).toEqual([true, false, false])
      const again = await issue(it.store, it)
      expect(await stateOf(it.store, again.accessToken)).toBe('active')
    })

    it('tells of the span, and of nothing when it is void already', async () => {
      const it = await tokens(3)
      const before = await seqOf(at(), it.partition)
      const outcome = await revoke(it.store, it.target(level), within(it.us, 0, 1))
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      const details = JSON.stringify({ id: outcome.id, by: BY, reason: 'test' })
      const [told] = (await readLog(at(), it.partition)).slice(-1)
      expect(told?.revocation).toBe(`${it.us[0]}-${it.us[1]} ${details}`)
      await revoke(it.store, it.target(level), within(it.us, 0, 1))
      expect(await seqOf(at(), it.partition)).toBe(before + 1)
      await revoke(it.store, it.target(level), within(it.us, 0, 2))
      expect(await seqOf(at(), it.partition)).toBe(before + 2)
    })
  })

  describe('spans of one thing', () => {
    it('stay apart while something between them lives', async () => {
      const it = await tokens(6)
      const { us } = it
      await it.cut(within(us, 3, 4))
      await it.cut(within(us, 0, 1))
      expect(await it.line()).toBe(`0 ${us[0]}-${us[1]} ${us[3]}-${us[4]}`)
      expect(await it.states()).toEqual([true, false, true, true, false, true])
      await it.cut(within(us, 2, 2))
      await it.cut({ issuedBefore: 1 })
      expect(await it.line()).toBe(`999999 ${us[0]}-${us[1]} ${us[3]}-${us[4]}`)
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
      const it = await tokens(7)
      for (const [after, last] of spans) await it.cut(within(it.us, after, last))
      expect(await it.line()).toBe(`0 ${it.us[from]}-${it.us[to]}`)
      expect(await it.states()).toEqual(it.us.map((_, n) => n <= from || n > to))
    })

    it('become a part of the full cutoff that reaches them', async () => {
      const it = await tokens(6)
      const { us } = it
      await it.cut(within(us, 0, 1))
      await it.cut(within(us, 3, 4))
      await it.cut({ issuedBefore: ((us[0] as number) + 1) / 1e6 })
      expect(await it.line()).toBe(`${us[1]} ${us[3]}-${us[4]}`)
      await it.cut(within(us, 1, 2))
      expect(await it.line()).toBe(`${us[2]} ${us[3]}-${us[4]}`)
      expect(await it.states()).toEqual([false, false, false, true, false, true])
      await it.cut()
      expect(await it.line()).toMatch(/^\d+$/)
      expect(await it.states()).toEqual(us.map(() => false))
    })

    it('keep the details of what was written last', async () => {
      const it = await tokens(3)
      await it.cut(within(it.us, 0, 1))
      const outcome = await it.cut(within(it.us, 1, 2))
      expect(
        outcome.kind === 'revoked' &&
          (await it.record())?.endsWith(`"id":"${outcome.id}","by":"${BY}","reason":"test"}`),
      ).toBe(true)
    })

    it('are eight at most: a ninth is refused, one that joins two is not, nor a plain cutoff', async () => {
      const it = await tokens(20)
      for (let n = 0; n < 8; n++) await it.cut(within(it.us, 2 * n, 2 * n + 1))
      const [before, seq] = [await it.record(), await seqOf(at(), it.partition)]
      expect(await it.cut(within(it.us, 17, 18))).toEqual({ kind: 'too-many-spans' })
      expect([await it.record(), await seqOf(at(), it.partition)]).toEqual([before, seq])
      expect(await it.cut(within(it.us, 1, 2))).toMatchObject({ kind: 'revoked' })
      expect(await it.cut(within(it.us, 17, 18))).toMatchObject({ kind: 'revoked' })
      expect((await it.line())?.split(' ')).toHaveLength(9)
      expect(await it.cut({ issuedBefore: 1 })).toMatchObject({ kind: 'revoked' })
      expect(await it.cut()).toMatchObject({ kind: 'revoked' })
    })

    it('are restored by a replay even where there is no room', async () => {
      const it = await tokens(20)
      const { store, partitions } = at()
      for (let n = 0; n < 8; n++) await it.cut(within(it.us, 2 * n, 2 * n + 1))
      const [afterUs, cutoffUs] = [it.us[17] as number, it.us[18] as number]
      const event = { type: 'subject', sub: it.sub } as const
      const restore = () =>
        store.restore(partitions.of(it.sub), event, { afterUs, cutoffUs, details: '{}' })
      expect([await restore(), await restore()]).toEqual([true, false])
      expect((await it.states())[18]).toBe(false)
    })

    it('that are empty change nothing', async () => {
      const it = await tokens(2)
      const seq = await seqOf(at(), it.partition)
      const time = (it.us[0] as number) / 1e6
      expect(await it.cut({ issuedAfter: time, issuedBefore: time })).toMatchObject({
        kind: 'revoked',
        affected: 0,
      })
      expect([await it.record(), await seqOf(at(), it.partition)]).toEqual([null, seq])
    })

    it('of the future are refused, and voids nothing for a slightly fast clock', async () => {
      const it = await tokens(1)
      const now = Date.now() / 1_000
      expect(await it.cut({ issuedAfter: now + 3_600 })).toEqual({ kind: 'future' })
      const span = { issuedAfter: 1, issuedBefore: now + 3_600 }
      expect(await it.cut(span)).toEqual({ kind: 'future' })
      expect(await it.cut({ issuedAfter: now + 30 })).toMatchObject({
        kind: 'revoked',
        affected: 0,
      })
      expect(await it.record()).toBeNull()
      expect(await it.states()).toEqual([true])
    })

    it('never take a token out of what else voids it', async () => {
      const it = await tokens(3)
      await revoke(it.store, it.target('subject+client'), within(it.us, 0, 1))
      await it.cut(within(it.us, 1, 2))
      await revoke(it.store, it.target('client'), { issuedBefore: 1 })
      expect(await it.states()).toEqual([true, false, false])
    })
  })

  describe('a span at the narrow levels', () => {
    it('voids the token that was issued in it, once, and no other', async () => {
      const it = await tokens(2)
      const { us, issued, store } = it
      const target = { level: 'token', jti: issued[1]?.jti as string } as const
      const seq = await seqOf(at(), it.partition)
      for (const span of [within(us, 1, 1), { issuedAfter: (us[1] as number) / 1e6 }]) {
        expect(await revoke(store, target, span)).toMatchObject({ kind: 'revoked', affected: 0 })
      }
      expect(await it.states()).toEqual([true, true])
      const told = await seqOf(at(), it.partition)
      const open = { issuedAfter: (us[0] as number) / 1e6 }
      expect(await revoke(store, target, open)).toMatchObject({ kind: 'revoked', affected: 1 })
      expect(await it.states()).toEqual([true, false])
      expect(await seqOf(at(), it.partition)).toBe(told + 1)
      for (const span of [open, {}]) {
        expect(await revoke(store, target, span)).toMatchObject({ kind: 'revoked', affected: 0 })
      }
      expect(await seqOf(at(), it.partition)).toBe(told + 1)
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

    it('voids a session that began in it, which nobody can join; spares an older one', async () => {
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
      const it = await tokens(3)
      await it.cut(within(it.us, 0, 1))
      const { items } = await it.store.liveGrants.grants(it.sub, { size: 10 })
      const ids = [it.issued[0]?.grantId, it.issued[2]?.grantId]
      expect(items.map(({ grantId }) => grantId).sort()).toEqual(ids.sort())
    })

    it('voids what was exchanged for a token of it', async () => {
      const it = await tokens(2)
      const [, first] = it.issued
      const outcome = await it.store.tokens.exchange({
        origin: await locate(it.store, first?.accessToken as string),
        authorization: {
          ...{ sub: it.sub, clientId: await register(it.store), session: '' },
          ...{ scope: '', aud: [SELF], login: {} },
        },
        accessTokenLifetimeSeconds: 60,
      })
      if (outcome.kind !== 'issued') throw new Error(outcome.kind)
      await it.cut(within(it.us, 0, 1))
      expect(await stateOf(it.store, outcome.accessToken)).toBe('revoked')
    })

    it('of the subject counts and voids what was suspended away no more', async () => {
      const it = await tokens(2)
      await it.store.subjects.put(it.sub, BY, { status: 'suspended' })
      await it.store.subjects.put(it.sub, BY, { status: 'active' })
      expect(await it.cut(within(it.us, 0, 1))).toMatchObject({ kind: 'revoked', affected: 0 })
      expect(await it.line()).toMatch(/^\d+$/)
    })
  })
}
