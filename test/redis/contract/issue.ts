/** Issuing: what is issued, and every refusal, each at the very moment of issue. */
import { describe, expect, it } from 'vitest'
import type { Installation } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  issueGrant,
  moveClock,
  newNeighbour,
  newSub,
  register,
  revoke,
  seqOf,
  stateOf,
  tryIssue,
} from '../actions.ts'

export function issueContract(at: () => Installation): void {
  describe('issuing', () => {
    it('makes a token that is also its own grant', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const issued = await issue(store, { sub, clientId, lifetime: 60 })
      expect(issued.refreshToken).toBeUndefined()
      expect(issued.sid).toBeUndefined()
      expect(issued.grantId).toBe(issued.jti)
      expect(issued.expiresAt).toBe(issued.issuedAt + 60)
      expect(issued.jti.startsWith(partitions.tag(partitions.of(sub)))).toBe(true)
      expect(await stateOf(store, issued.accessToken)).toBe('active')
    })

    it('makes a grant with a session when asked', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const issued = await issueGrant(store, { sub, clientId, session: 'new' })
      expect(issued.jti.startsWith(issued.grantId)).toBe(true)
      expect(issued.sid).not.toBe(issued.grantId)
      const located = await store.locate(issued.refreshToken)
      expect(located).toMatchObject({ kind: 'refresh' })
      const [session] = (await store.liveGrants.sessions(sub, { size: 10 })).items
      expect(session).toMatchObject({
        sid: issued.sid,
        device: { ip: '192.0.2.1', user_agent: 'x "y"' },
      })
    })

    it('ends an access token with its grant at the latest', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const refresh = { lifetimeSeconds: 100, idleLifetimeSeconds: 50 }
      const issued = await issue(store, { sub, clientId, refresh, lifetime: 3_600 })
      expect(issued.expiresAt).toBe(issued.issuedAt + 100)
    })

    it('is no change: no event, no seq', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const before = await seqOf(at(), partitions.of(sub))
      await issueGrant(store, { sub, clientId, session: 'new' })
      expect(await seqOf(at(), partitions.of(sub))).toBe(before)
    })

    it('is refused for a client that is unknown, disabled or deleted', async () => {
      const { store } = at()
      const sub = newSub()
      expect(await tryIssue(store, { sub, clientId: 'nobody' })).toEqual({ kind: 'client-gone' })
      const clientId = await register(store, undefined, { enabled: false })
      expect(await tryIssue(store, { sub, clientId })).toEqual({ kind: 'client-gone' })
      await register(store, clientId)
      expect(await tryIssue(store, { sub, clientId })).toMatchObject({ kind: 'issued' })
      await store.clients.delete(clientId, BY)
      expect(await tryIssue(store, { sub, clientId })).toEqual({ kind: 'client-gone' })
    })

    it('is refused for a suspended subject, and no longer', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      await store.subjects.put(sub, BY, { status: 'suspended' })
      expect(await tryIssue(store, { sub, clientId })).toEqual({ kind: 'subject-suspended' })
      await store.subjects.put(sub, BY, { status: 'active' })
      expect(await tryIssue(store, { sub, clientId })).toMatchObject({ kind: 'issued' })
    })

    it('is refused to a user that carries the name of a client', async () => {
      const { store } = at()
      const clientId = await register(store)
      const options = { sub: clientId, clientId }
      expect(await tryIssue(store, options)).toEqual({ kind: 'subject-is-client' })
      const asItself = await tryIssue(store, { ...options, subjectKind: 'client' })
      expect(asItself).toMatchObject({ kind: 'issued' })
    })

    it('is refused for a resource that no client has registered', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const resource = `https://${clientId}.test`
      const options = { sub, clientId, aud: [resource] }
      const unknown = { kind: 'unknown-target', resource }
      expect(await tryIssue(store, options)).toEqual(unknown)
      const server = await register(store, undefined, { resources: [resource] })
      expect(await tryIssue(store, options)).toMatchObject({ kind: 'issued' })
      await store.clients.delete(server, BY)
      expect(await tryIssue(store, options)).toEqual(unknown)
    })

    it('is refused in a session that does not exist', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const here = partitions.of(sub)
      const never = partitions.newLocalId()
      const elsewhere = (here + 1) % partitions.count
      const unknown = [
        partitions.toPublicId(here, never),
        partitions.toPublicId(elsewhere, never),
        'no id at all',
        '',
      ]
      for (const join of unknown) {
        const refusal = await tryIssue(store, { sub, clientId, session: { join } })
        expect(refusal).toEqual({ kind: 'session-unknown' })
      }
    })

    it("is refused in another subject's session", async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { sid } = await issue(store, { sub, clientId, session: 'new' })
      const join = sid as string
      const other = newNeighbour(at(), sub)
      const refusal = await tryIssue(store, { sub: other, clientId, session: { join } })
      expect(refusal).toEqual({ kind: 'session-foreign' })
    })

    it.each(['session', 'subject', 'all'] as const)(
      'joins a session, and is refused once a cutoff of %s has passed the login',
      async (level) => {
        const { store } = at()
        const [sub, clientId] = [newSub(), await register(store)]
        const { sid } = await issue(store, { sub, clientId, session: 'new' })
        const session = { join: sid as string }
        const joined = await tryIssue(store, { sub, clientId, session })
        expect(joined).toMatchObject({ kind: 'issued', sid })
        await revoke(store, { level, sub, sid } as Parameters<typeof revoke>[1])
        const refused = await tryIssue(store, { sub, clientId, session })
        expect(refused).toEqual({ kind: 'session-void' })
      },
    )

    it.each(['client', 'subject+client'] as const)(
      'joins a session after a cutoff of %s: a login belongs to no client',
      async (level) => {
        const { store } = at()
        const [sub, clientId] = [newSub(), await register(store)]
        const { sid, accessToken } = await issue(store, { sub, clientId, session: 'new' })
        await revoke(store, { level, sub, clientId } as Parameters<typeof revoke>[1])
        expect(await stateOf(store, accessToken)).toBe('revoked')
        const joined = await issue(store, { sub, clientId, session: { join: sid as string } })
        expect(await stateOf(store, joined.accessToken)).toBe('active')
      },
    )

    it('keeps a session for as long as what was issued in it', async () => {
      const { store, redis, keys, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { sid } = await issue(store, { sub, clientId, session: 'new', lifetime: 60 })
      const join = sid as string
      await issue(store, { sub, clientId, session: { join }, lifetime: 600 })
      await issue(store, { sub, clientId, session: { join }, lifetime: 6 })
      const { partition, local } = partitions.parsePublicId(join) ?? { partition: 0, local: '' }
      const ttlMs = await redis.pttl(keys.partition(partition).session(local))
      expect(ttlMs).toBeGreaterThan(590_000)
      expect(ttlMs).toBeLessThanOrEqual(600_000)
    })

    it('lists a session until the last of what was issued in it ends, not the latest', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const sessions = async () => (await store.liveGrants.sessions(sub, { size: 10 })).items
      const first = await issue(store, { sub, clientId, session: 'new', lifetime: 60 })
      const session = { join: first.sid as string }
      const last = await issue(store, { sub, clientId, session, lifetime: 600 })
      expect(await sessions()).toMatchObject([{ sid: first.sid, expiresAt: last.expiresAt }])
      const latest = await issue(store, { sub, clientId, session, lifetime: 6 })
      expect(await sessions()).toMatchObject([{ sid: first.sid, expiresAt: last.expiresAt }])
      // Issuing takes what has ended out of the list.
      await moveClock(at(), partitions.of(sub), (latest.expiresAt + 60) * 1e6)
      await issue(store, { sub, clientId })
      expect(await sessions()).toMatchObject([{ sid: first.sid }])
    })
  })
}
