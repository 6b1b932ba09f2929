/** Revocation at every level of the lattice: what it voids, what it spares, what it says, what it writes. */
import { describe, expect, it } from 'vitest'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
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
import type { Installation } from '../installation.ts'

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

  const eventOf = (level: Level, it: Awaited<ReturnType<typeof login>>): object =>
    ({
      token: { type: 'token', jti: it.jti },
      grant: { type: 'grant', grant_id: it.grantId },
      session: { type: 'session', sid: it.sid },
      subject: { type: 'subject', sub: it.sub },
      'subject+client': { type: 'subject_client', sub: it.sub, client_id: it.clientId },
      client: { type: 'client', client_id: it.clientId },
      all: { type: 'all' },
    })[level]

  /** How many grants it voids is told wherever one subject's grants are all there is to count. */
  const affectedOf = (level: Level, count: number): number | undefined =>
    level === 'client' || level === 'all' ? undefined : count

  describe.each(LEVELS)('revoking at the level of %s', (level) => {
    it('voids what was issued, spares what comes later, and tells', async () => {
      const it = await login()
      const { store, partition } = it
      const before = await seqOf(at(), partition)
      const outcome = await revoke(store, it.target(level))
      expect(outcome).toMatchObject({
        kind: 'revoked',
        id: expect.stringMatching(/^rv_/) as string,
      })
      expect(outcome.kind === 'revoked' && outcome.affected).toBe(affectedOf(level, 1))
      expect(await stateOf(store, it.accessToken)).toBe('revoked')
      expect(await seqOf(at(), partition)).toBe(before + 1)
      expect((await readLog(at(), partition)).at(-1)?.event).toEqual(eventOf(level, it))
      expect(await stateOf(store, (await it.again()).accessToken)).toBe('active')
    })

    it('with a time voids what was issued before it, and not at it', async () => {
      const it = await login()
      const issuedUs = await issuedAtUs(it.store, it.accessToken)
      const spared = await revoke(it.store, it.target(level), issuedUs / 1e6)
      expect(spared).toMatchObject({ kind: 'revoked', cutoffUs: issuedUs - 1 })
      expect(await stateOf(it.store, it.accessToken)).toBe('active')
      const later = await it.again()
      const voided = await revoke(it.store, it.target(level), (issuedUs + 1) / 1e6)
      expect(voided).toMatchObject({ kind: 'revoked', cutoffUs: issuedUs })
      expect(await stateOf(it.store, it.accessToken)).toBe('revoked')
      expect(await stateOf(it.store, later.accessToken)).toBe('active')
    })

    it('never moves a cutoff back', async () => {
      const it = await login()
      const issuedUs = await issuedAtUs(it.store, it.accessToken)
      const first = await revoke(it.store, it.target(level))
      const before = await seqOf(at(), it.partition)
      const cutoffUs = first.kind === 'revoked' ? first.cutoffUs : 0
      for (const issuedBefore of [0, issuedUs / 1e6, (cutoffUs + 1) / 1e6]) {
        const again = await revoke(it.store, it.target(level), issuedBefore)
        expect(again).toMatchObject({ kind: 'revoked', cutoffUs })
        expect(again.kind === 'revoked' && again.affected).toBe(affectedOf(level, 0))
      }
      expect(await stateOf(it.store, it.accessToken)).toBe('revoked')
      expect(await seqOf(at(), it.partition)).toBe(before)
    })

    it('is refused for the future and cut to now for a slightly fast clock', async () => {
      const it = await login()
      const nowS = Date.now() / 1_000
      const before = await seqOf(at(), it.partition)
      expect(await revoke(it.store, it.target(level), nowS + 3_600)).toEqual({ kind: 'future' })
      expect(await seqOf(at(), it.partition)).toBe(before)
      expect(await stateOf(it.store, it.accessToken)).toBe('active')
      const outcome = await revoke(it.store, it.target(level), nowS + 30)
      expect(outcome.kind === 'revoked' && outcome.cutoffUs).toBeLessThan((nowS + 20) * 1e6)
      expect(await stateOf(it.store, it.accessToken)).toBe('revoked')
      expect(await stateOf(it.store, (await it.again()).accessToken)).toBe('active')
    })
  })

  describe('revoking', () => {
    it('keeps who, when and why beside the cutoff', async () => {
      const it = await login()
      const { redis, keys } = at()
      const outcome = await revoke(it.store, it.target('subject'))
      const record = await redis.get(keys.partition(it.partition).cutoff.subject(it.sub))
      const [cutoff, written, details] = (record as string).split('\n')
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      expect([Number(cutoff), Number(written)]).toEqual([outcome.cutoffUs, outcome.cutoffUs])
      expect(JSON.parse(details as string)).toEqual({ id: outcome.id, by: BY, reason: 'test' })
    })

    it.each(['client', 'all'] as const)('%s reaches every partition', async (level) => {
      const it = await login()
      const { partitions } = at()
      const seqs = () => Promise.all(all.map((partition) => seqOf(at(), partition)))
      const all = Array.from({ length: partitions.count }, (_, n) => n)
      const before = await seqs()
      await revoke(it.store, it.target(level))
      expect(await seqs()).toEqual(before.map((seq) => seq + 1))
      for (const partition of all) {
        expect((await readLog(at(), partition)).at(-1)?.event).toEqual(eventOf(level, it))
      }
    })

    it('by the id of a token that is a grant of its own voids it, at both levels', async () => {
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
      const it = await login()
      const sibling = await issueGrant(store, { sub: it.sub, clientId: it.clientId })
      const present = async (token: string, ownedBy: string) =>
        store.revocations.revokePresented(await locate(store, token), { by: BY, ownedBy })
      const stranger = await register(store)
      for (const token of [it.accessToken, it.refreshToken]) {
        expect(await present(token, stranger)).toEqual({ kind: 'foreign' })
      }
      expect(await stateOf(store, it.accessToken)).toBe('active')

      expect(await present(it.accessToken, it.clientId)).toMatchObject({ kind: 'revoked' })
      expect(await stateOf(store, it.accessToken)).toBe('revoked')
      const located = await locate(store, it.refreshToken)
      expect(await store.grants.read(located)).toBeDefined()
      expect(await present(it.refreshToken, it.clientId)).toMatchObject({ kind: 'revoked' })
      expect(await stateOf(store, sibling.accessToken)).toBe('active')
    })

    it('one token a hundred times at once is one event', async () => {
      const it = await login()
      const before = await seqOf(at(), it.partition)
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, () => revoke(it.store, it.target('token'))),
      )
      expect(outcomes.every(({ kind }) => kind === 'revoked')).toBe(true)
      const affected = outcomes.map((outcome) => outcome.kind === 'revoked' && outcome.affected)
      expect(affected.filter((count) => count === 1)).toHaveLength(1)
      expect(await seqOf(at(), it.partition)).toBe(before + 1)
    })
  })
}
