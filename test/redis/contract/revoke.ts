/** Revocation at every level of the lattice: what it voids, what it spares, what it says, what it writes. */
import { describe, expect, it } from 'vitest'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
import type { Installation } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  issuedAtUs,
  issueGrant,
  locate,
  newSub,
  readLog,
  register,
  revoke,
  seqOf,
  stateOf,
} from '../actions.ts'

const LEVELS = ['token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all'] as const
type Level = (typeof LEVELS)[number]

export function revokeContract(at: () => Installation): void {
  /** A login with a refresh token, and what each level calls it. */
  async function login() {
    const { store, partitions } = at()
    const [sub, clientId] = [newSub(), await register(store)]
    const issued = await issueGrant(store, { sub, clientId, session: 'new' })
    const { jti, grantId, sid } = issued
    const target = (level: Level): RevocationTarget =>
      ({ level, jti, grantId, sid, sub, clientId }) as unknown as RevocationTarget
    const again = () => issue(store, { sub, clientId, refresh: true })
    return { store, ...issued, sub, clientId, target, again, partition: partitions.of(sub) }
  }

  const eventOf = (level: Level, minted: Awaited<ReturnType<typeof login>>): object =>
    ({
      token: { type: 'token', jti: minted.jti },
      grant: { type: 'grant', grant_id: minted.grantId },
      session: { type: 'session', sid: minted.sid },
      subject: { type: 'subject', sub: minted.sub },
      'subject+client': { type: 'subject_client', sub: minted.sub, client_id: minted.clientId },
      client: { type: 'client', client_id: minted.clientId },
      all: { type: 'all' },
    })[level]

  /** How many grants it voids is told wherever one subject's grants are all there is to count. */
  const affectedOf = (level: Level, count: number): number | undefined =>
    level === 'client' || level === 'all' ? undefined : count

  describe.each(LEVELS)('revoking at the level of %s', (level) => {
    it('voids what was issued, spares what comes later, and tells', async () => {
      const minted = await login()
      const { store, partition } = minted
      const before = await seqOf(at(), partition)
      const outcome = await revoke(store, minted.target(level))
      expect(outcome).toMatchObject({
        kind: 'revoked',
        id: expect.stringMatching(/^rv_/) as string,
      })
      expect(outcome.kind === 'revoked' && outcome.affected).toBe(affectedOf(level, 1))
      expect(await stateOf(store, minted.accessToken)).toBe('revoked')
      expect(await seqOf(at(), partition)).toBe(before + 1)
      expect((await readLog(at(), partition)).at(-1)?.event).toEqual(eventOf(level, minted))
      expect(await stateOf(store, (await minted.again()).accessToken)).toBe('active')
    })

    it('with a time voids what was issued before it, and not at it', async () => {
      const minted = await login()
      const issuedUs = await issuedAtUs(minted.store, minted.accessToken)
      const spared = await revoke(minted.store, minted.target(level), issuedUs / 1e6)
      expect(spared).toMatchObject({ kind: 'revoked', cutoffUs: issuedUs - 1 })
      expect(await stateOf(minted.store, minted.accessToken)).toBe('active')
      const later = await minted.again()
      const voided = await revoke(minted.store, minted.target(level), (issuedUs + 1) / 1e6)
      expect(voided).toMatchObject({ kind: 'revoked', cutoffUs: issuedUs })
      expect(await stateOf(minted.store, minted.accessToken)).toBe('revoked')
      expect(await stateOf(minted.store, later.accessToken)).toBe('active')
    })

    it('never moves a cutoff back', async () => {
      const minted = await login()
      const issuedUs = await issuedAtUs(minted.store, minted.accessToken)
      const first = await revoke(minted.store, minted.target(level))
      const before = await seqOf(at(), minted.partition)
      const cutoffUs = first.kind === 'revoked' ? first.cutoffUs : 0
      for (const issuedBefore of [0, issuedUs / 1e6, (cutoffUs + 1) / 1e6]) {
        const again = await revoke(minted.store, minted.target(level), issuedBefore)
        expect(again).toMatchObject({ kind: 'revoked', cutoffUs })
        expect(again.kind === 'revoked' && again.affected).toBe(affectedOf(level, 0))
      }
      expect(await stateOf(minted.store, minted.accessToken)).toBe('revoked')
      expect(await seqOf(at(), minted.partition)).toBe(before)
    })

    it('is refused for the future and cut to now for a slightly fast clock', async () => {
      const minted = await login()
      const nowS = Date.now() / 1_000
      const before = await seqOf(at(), minted.partition)
      expect(await revoke(minted.store, minted.target(level), nowS + 3_600)).toEqual({
        kind: 'future',
      })
      expect(await seqOf(at(), minted.partition)).toBe(before)
      expect(await stateOf(minted.store, minted.accessToken)).toBe('active')
      const outcome = await revoke(minted.store, minted.target(level), nowS + 30)
      expect(outcome.kind === 'revoked' && outcome.cutoffUs).toBeLessThan((nowS + 20) * 1e6)
      expect(await stateOf(minted.store, minted.accessToken)).toBe('revoked')
      expect(await stateOf(minted.store, (await minted.again()).accessToken)).toBe('active')
    })
  })

  describe('revoking', () => {
    it('keeps who, when and why beside the cutoff', async () => {
      const minted = await login()
      const { redis, keys } = at()
      const outcome = await revoke(minted.store, minted.target('subject'))
      const record = await redis.get(keys.partition(minted.partition).cutoff.subject(minted.sub))
      const [cutoff, written, details] = (record as string).split('\n')
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      expect([Number(cutoff), Number(written)]).toEqual([outcome.cutoffUs, outcome.cutoffUs])
      expect(JSON.parse(details as string)).toEqual({ id: outcome.id, by: BY, reason: 'test' })
    })

    it.each(['client', 'all'] as const)('%s reaches every partition', async (level) => {
      const minted = await login()
      const { partitions } = at()
      const seqs = () => Promise.all(all.map((partition) => seqOf(at(), partition)))
      const all = Array.from({ length: partitions.count }, (_, n) => n)
      const before = await seqs()
      await revoke(minted.store, minted.target(level))
      expect(await seqs()).toEqual(before.map((seq) => seq + 1))
      for (const partition of all) {
        expect((await readLog(at(), partition)).at(-1)?.event).toEqual(eventOf(level, minted))
      }
    })

    it('by the id of a token that is also its own grant voids it, at both levels', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      for (const level of ['token', 'grant'] as const) {
        const { accessToken, jti, grantId } = await issue(store, { sub, clientId })
        const target = level === 'token' ? { level, jti } : { level, grantId }
        expect(await revoke(store, target)).toMatchObject({ kind: 'revoked', affected: 1 })
        expect(await stateOf(store, accessToken)).toBe('revoked')
      }
    })

    it.each(['grant', 'session'] as const)(
      'a %s takes it out of the index of its subject, and nothing else',
      async (level) => {
        const { redis, keys, partitions } = at()
        const { store, sub, target, grantId, sid, partition } = await login()
        const index = keys.partition(partition).index(sub)
        const before = await redis.zrange(index, '0', '-1')
        const revoked = partitions.parsePublicId(level === 'grant' ? grantId : (sid ?? ''))?.local
        expect(before).toContain(revoked)
        await revoke(store, target(level))
        const rest = before.filter((name) => name !== revoked)
        expect(rest).toHaveLength(1)
        expect(await redis.zrange(index, '0', '-1')).toEqual(rest)
      },
    )

    it('does not know ids that never were, or are none', async () => {
      const { store, partitions } = at()
      const grant = partitions.toPublicId(1, partitions.newLocalId())
      const token = grant + 'h'.repeat(22)
      const own = partitions.toPublicId(1, 'h'.repeat(22))
      const targets: RevocationTarget[] = [
        ...[token, own, grant, 'x', ''].map((jti) => ({ level: 'token', jti }) as const),
        ...[grant, own, token, 'x', ''].map((grantId) => ({ level: 'grant', grantId }) as const),
        ...[grant, own, token, 'x', ''].map((sid) => ({ level: 'session', sid }) as const),
      ]
      const before = await seqOf(at(), 1)
      for (const target of targets) {
        expect(await revoke(store, target)).toEqual({ kind: 'unknown' })
      }
      expect(await seqOf(at(), 1)).toBe(before)
    })

    it('what was presented takes an access token alone, a refresh token with its grant', async () => {
      const { store } = at()
      const minted = await login()
      const sibling = await issueGrant(store, { sub: minted.sub, clientId: minted.clientId })
      const present = async (token: string, ownedBy: string) =>
        store.revocations.revokePresented(await locate(store, token), { by: BY, ownedBy })
      const stranger = await register(store)
      for (const token of [minted.accessToken, minted.refreshToken]) {
        expect(await present(token, stranger)).toEqual({ kind: 'foreign' })
      }
      expect(await stateOf(store, minted.accessToken)).toBe('active')

      expect(await present(minted.accessToken, minted.clientId)).toMatchObject({ kind: 'revoked' })
      expect(await stateOf(store, minted.accessToken)).toBe('revoked')
      const located = await locate(store, minted.refreshToken)
      expect(await store.grants.read(located)).toBeDefined()
      expect(await present(minted.refreshToken, minted.clientId)).toMatchObject({ kind: 'revoked' })
      expect(await stateOf(store, sibling.accessToken)).toBe('active')
    })

    it('one token a hundred times at once is one event', async () => {
      const minted = await login()
      const before = await seqOf(at(), minted.partition)
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, () => revoke(minted.store, minted.target('token'))),
      )
      expect(outcomes.every(({ kind }) => kind === 'revoked')).toBe(true)
      const affected = outcomes.map((outcome) => outcome.kind === 'revoked' && outcome.affected)
      expect(affected.filter((count) => count === 1)).toHaveLength(1)
      expect(await seqOf(at(), minted.partition)).toBe(before + 1)
    })
  })
}
