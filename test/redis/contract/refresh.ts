/** Refresh: rotation, retry within the grace, reuse, and every refusal. */
import { describe, expect, it } from 'vitest'
import type { Installation } from '../../fixture/installation.ts'
import {
  BY,
  issueGrant,
  liveGrants,
  locate,
  moveClock,
  newSub,
  readLog,
  refresh,
  refreshed,
  register,
  revoke,
  seqOf,
  stateOf,
} from '../actions.ts'

export function refreshContract(at: () => Installation): void {
  async function grant(options: { lifetime?: number; idleLifetimeSeconds?: number } = {}) {
    const { store } = at()
    const [sub, clientId] = [newSub(), await register(store)]
    const { lifetime = 86_400, idleLifetimeSeconds = 43_200 } = options
    const session = 'new' as const
    const issued = await issueGrant(store, {
      sub,
      clientId,
      session,
      refresh: { lifetimeSeconds: lifetime, idleLifetimeSeconds },
    })
    return { store, sub, clientId, ...issued, partition: at().partitions.of(sub) }
  }

  describe('refreshing', () => {
    it('hands out a new pair and leaves older access tokens as they are', async () => {
      const { store, clientId, accessToken, refreshToken, grantId } = await grant()
      const next = await refreshed(store, refreshToken, clientId, {
        accessTokenLifetimeSeconds: 60,
      })
      expect(next).toMatchObject({ retry: false, scope: 'read write', expiresIn: 60 })
      expect(new Set([accessToken, refreshToken, next.accessToken, next.refreshToken]).size).toBe(4)
      expect(await stateOf(store, accessToken)).toBe('active')
      const { state } = await store.tokens.introspect(next.accessToken, '')
      expect(state).toMatchObject({
        kind: 'active',
        grantId,
        record: { expiresAt: next.expiresAt },
      })
      expect((await refreshed(store, next.refreshToken, clientId)).retry).toBe(false)
    })

    it('reads the authorization before, and nothing of what never was', async () => {
      const { store, sub, clientId, refreshToken } = await grant()
      const located = await locate(store, refreshToken)
      expect(await store.grants.read(located)).toMatchObject({
        authorization: { sub, clientId },
        refreshHash: located.hash,
      })
      const unknown = { ...located, grant: at().partitions.newLocalId() }
      expect(await store.grants.read(unknown)).toBeUndefined()
    })

    it('answers a retry with the same successor', async () => {
      const { store, clientId, refreshToken } = await grant()
      const first = await refreshed(store, refreshToken, clientId)
      for (let i = 0; i < 3; i++) {
        const again = await refreshed(store, refreshToken, clientId)
        expect(again).toEqual({ ...first, expiresIn: again.expiresIn, retry: true })
      }
    })

    it('narrows one access token, and a retry of it is as narrow', async () => {
      const { store, clientId, refreshToken } = await grant()
      const narrowed = { scope: 'read', aud: ['https://a.test', 'https://b.test'] }
      const first = await refreshed(store, refreshToken, clientId, { narrowed })
      const again = await refreshed(store, refreshToken, clientId)
      expect([first.scope, again.scope]).toEqual(['read', 'read'])
      expect(again.accessToken).toBe(first.accessToken)
      const { state } = await store.tokens.introspect(first.accessToken, '')
      expect(state).toMatchObject({ record: { authorization: narrowed } })
      const wide = await refreshed(store, first.refreshToken, clientId)
      expect(wide.scope).toBe('read write')
    })

    it('narrows to nothing when asked to', async () => {
      const { store, clientId, refreshToken } = await grant()
      const narrowed = { scope: '', aud: [] }
      const first = await refreshed(store, refreshToken, clientId, { narrowed })
      expect(first.scope).toBe('')
      const { state } = await store.tokens.introspect(first.accessToken, '')
      expect(state).toMatchObject({ record: { authorization: narrowed } })
    })

    it('takes reuse for theft: the grant is void, in one event', async () => {
      const { store, sub, clientId, accessToken, refreshToken, grantId, partition } = await grant()
      const second = await refreshed(store, refreshToken, clientId)
      const third = await refreshed(store, second.refreshToken, clientId)
      const before = await seqOf(at(), partition)
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'reused' })
      expect(await seqOf(at(), partition)).toBe(before + 1)
      expect((await readLog(at(), partition)).at(-1)?.event).toEqual({
        type: 'grant',
        grant_id: grantId,
      })
      for (const token of [accessToken, second.accessToken, third.accessToken]) {
        expect(await stateOf(store, token)).toBe('revoked')
      }
      for (const token of [refreshToken, second.refreshToken, third.refreshToken]) {
        expect(await refresh(store, token, clientId)).toEqual({ kind: 'revoked' })
      }
      expect(await seqOf(at(), partition)).toBe(before + 1)
      expect(await liveGrants(store, sub)).toEqual([])
    })

    it('takes a reused grant out of the index of its subject, and nothing else', async () => {
      const { store, sub, clientId, refreshToken, partition } = await grant()
      const other = await issueGrant(store, { sub, clientId })
      const second = await refreshed(store, refreshToken, clientId)
      await refreshed(store, second.refreshToken, clientId)
      const { redis, keys } = at()
      const index = keys.partition(partition).index(sub)
      const before = await redis.zrange(index, '0', '-1')
      const [reused, kept] = await Promise.all(
        [refreshToken, other.refreshToken].map(async (token) => (await locate(store, token)).grant),
      )
      expect(before).toEqual(expect.arrayContaining([reused, kept]))
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'reused' })
      expect(await redis.zrange(index, '0', '-1')).toEqual(before.filter((name) => name !== reused))
    })

    it('lists its session until the last of what is in it ends, not what was refreshed last', async () => {
      const { store, sub, clientId, sid, partition } = await grant()
      const sessions = async () => (await store.liveGrants.sessions(sub, { size: 10 })).items
      const short = { lifetimeSeconds: 100, idleLifetimeSeconds: 100 }
      const session = { join: sid as string }
      const brief = await issueGrant(store, {
        sub,
        clientId,
        session,
        refresh: short,
        lifetime: 60,
      })
      const before = await sessions()
      expect(before).toMatchObject([{ sid }])
      await refreshed(store, brief.refreshToken, clientId, {
        accessTokenLifetimeSeconds: 60,
        idleLifetimeSeconds: 100,
      })
      expect(await sessions()).toEqual(before)
      // Refreshing and issuing take what has ended out of the list.
      await moveClock(at(), partition, (brief.issuedAt + 200) * 1e6)
      await issueGrant(store, { sub, clientId })
      expect(await sessions()).toEqual(before)
    })

    it('lists its session for as long as a refresh prolongs it', async () => {
      const { store, sub, clientId, refreshToken, issuedAt, partition } = await grant()
      const expiry = async () =>
        (await store.liveGrants.sessions(sub, { size: 10 })).items.map(({ expiresAt }) => expiresAt)
      const [before = 0] = await expiry()
      await moveClock(at(), partition, (issuedAt + 100) * 1e6)
      await refreshed(store, refreshToken, clientId)
      const [after = 0] = await expiry()
      expect(after).toBeGreaterThanOrEqual(before + 100)
    })

    it('takes a retry after the grace for reuse', async () => {
      const { store, clientId, refreshToken, partition } = await grant()
      const hasty = await at().open({ refreshGraceMs: 1 })
      await refreshed(hasty, refreshToken, clientId)
      const { redis, keys } = at()
      const { grant: local } = await locate(store, refreshToken)
      const successor = keys.partition(partition).successor(local)
      await expect.poll(() => redis.exists(successor)).toBe(0)
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'reused' })
    })

    it('is over once the refresh token has been idle', async () => {
      const { store, clientId, refreshToken, issuedAt, partition } = await grant()
      await moveClock(at(), partition, (issuedAt + 61) * 1e6)
      const idle = { idleLifetimeSeconds: 60 }
      expect(await refresh(store, refreshToken, clientId, idle)).toEqual({ kind: 'expired' })
      expect(await refresh(store, refreshToken, clientId)).toMatchObject({ kind: 'refreshed' })
    })

    it('is over at the end of the grant, however busy, and access tokens end there too', async () => {
      const { store, clientId, refreshToken, issuedAt, partition } = await grant({ lifetime: 100 })
      await moveClock(at(), partition, (issuedAt + 98) * 1e6)
      const last = await refreshed(store, refreshToken, clientId)
      expect(last.expiresAt).toBe(issuedAt + 100)
      expect(last.expiresIn).toBeLessThanOrEqual(2)
      await moveClock(at(), partition, (issuedAt + 100) * 1e6)
      expect(await refresh(store, last.refreshToken, clientId)).toEqual({ kind: 'expired' })
    })

    it('does not serve another client, nor void the grant for it', async () => {
      const { store, clientId, refreshToken } = await grant()
      const other = await register(store)
      const next = await refreshed(store, refreshToken, clientId)
      for (const token of [refreshToken, next.refreshToken]) {
        expect(await refresh(store, token, other)).toEqual({ kind: 'foreign' })
      }
      expect(await refresh(store, next.refreshToken, clientId)).toMatchObject({ kind: 'refreshed' })
    })

    it('does not know a grant that is gone', async () => {
      const { store, clientId, refreshToken, partition } = await grant()
      const { redis, keys } = at()
      await redis.del(keys.partition(partition).grant((await locate(store, refreshToken)).grant))
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'unknown' })
    })

    it('is refused after a cutoff at any level, even one that spares the newest token', async () => {
      const { store } = at()
      for (const level of ['grant', 'session', 'subject', 'subject+client', 'client', 'all']) {
        const { sub, clientId, refreshToken, grantId, sid } = await grant()
        const next = await refreshed(store, refreshToken, clientId)
        const { state } = await store.tokens.introspect(next.accessToken, '')
        const issuedBefore = state.kind === 'active' ? state.record.issuedAtUs / 1e6 : 0
        const target = { level, sub, clientId, grantId, sid } as Parameters<typeof revoke>[1]
        expect(await revoke(store, target, issuedBefore)).toMatchObject({ kind: 'revoked' })
        expect(await stateOf(store, next.accessToken), level).toBe('active')
        const again = await refresh(store, next.refreshToken, clientId)
        expect(again, level).toEqual({ kind: 'revoked' })
      }
    })

    it('is refused once its session is gone', async () => {
      const { store, clientId, refreshToken, sid, partition } = await grant()
      const { redis, keys, partitions } = at()
      const local = partitions.parsePublicId(sid as string)?.local as string
      await redis.del(keys.partition(partition).session(local))
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'revoked' })
    })

    it('is refused for a suspended subject even where its cutoff is gone', async () => {
      const { store, sub, clientId, refreshToken, partition } = await grant()
      await store.subjects.put(sub, BY, { status: 'suspended' })
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'revoked' })
      await at().redis.del(at().keys.partition(partition).cutoff.subject(sub))
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'suspended' })
    })

    it('is refused to a disabled client even where its cutoff is gone', async () => {
      const { store, clientId, refreshToken, partition } = await grant()
      await register(store, clientId, { enabled: false })
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'revoked' })
      await at().redis.del(at().keys.partition(partition).cutoff.client(clientId))
      expect(await refresh(store, refreshToken, clientId)).toEqual({ kind: 'client-gone' })
    })

    it('drops access tokens that have expired', async () => {
      const { store, clientId, refreshToken, issuedAt, partition } = await grant()
      const { redis, keys } = at()
      const short = { accessTokenLifetimeSeconds: 10 }
      let current = await refreshed(store, refreshToken, clientId, short)
      current = await refreshed(store, current.refreshToken, clientId, short)
      const tokens = keys.partition(partition).tokens((await locate(store, refreshToken)).grant)
      expect(await redis.hlen(tokens)).toBe(3)
      await moveClock(at(), partition, (issuedAt + 30) * 1e6)
      await refreshed(store, current.refreshToken, clientId, short)
      expect(await redis.hlen(tokens)).toBe(2)
    })
  })
}
