/** Subjects: status and claims; and pages of what is live for one, whole whatever happens between two pages. */
import { describe, expect, it } from 'vitest'
import type { PageCursor } from '../../../store/grants/live-grants.ts'
import type { Installation } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  issueGrant,
  liveGrants,
  moveClock,
  newSub,
  readLog,
  refreshed,
  register,
  revoke,
  seqOf,
  stateOf,
} from '../actions.ts'

const HOUR_US = 3_600e6

export function subjectsContract(at: () => Installation): void {
  describe('a subject', () => {
    it('needs no record, and keeps status and claims apart', async () => {
      const { store } = at()
      const sub = newSub()
      expect(await store.subjects.get(sub)).toEqual({ sub, status: 'active', claims: {} })
      const claims = { name: 'Å\n"x"', nested: { list: [1, 'two', null] } }
      expect(await store.subjects.put(sub, BY, { claims })).toEqual({
        sub,
        status: 'active',
        claims,
      })
      await store.subjects.put(sub, BY, { status: 'suspended' })
      expect(await store.subjects.get(sub)).toEqual({ sub, status: 'suspended', claims })
      await store.subjects.put(sub, BY, { claims: {} })
      expect(await store.subjects.get(sub)).toEqual({ sub, status: 'suspended', claims: {} })
    })

    it('changes in one event each', async () => {
      const { store, partitions } = at()
      const sub = newSub()
      const before = await seqOf(at(), partitions.of(sub))
      await store.subjects.put(sub, BY, { claims: {}, status: 'suspended' })
      expect(await seqOf(at(), partitions.of(sub))).toBe(before + 1)
      expect((await readLog(at(), partitions.of(sub))).at(-1)?.event).toEqual({
        type: 'subject',
        sub,
      })
    })

    it('once suspended gets no token back by being reactivated', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issueGrant(store, { sub, clientId, session: 'new' })
      await store.subjects.put(sub, BY, { claims: { a: 1 } })
      expect(await stateOf(store, accessToken)).toBe('active')
      await store.subjects.put(sub, BY, { status: 'suspended' })
      await store.subjects.put(sub, BY, { status: 'active' })
      expect(await stateOf(store, accessToken)).toBe('revoked')
      expect(await liveGrants(store, sub)).toEqual([])
      expect((await store.liveGrants.sessions(sub, { size: 5 })).items).toEqual([])
    })
  })

  describe('a listing', () => {
    it('tells what there is of each grant and session', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const own = await issue(store, { sub, clientId, lifetime: 60, scope: 'read' })
      const grant = await issueGrant(store, { sub, clientId, session: 'new' })
      const [first, second, ...more] = await liveGrants(store, sub)
      expect(more).toEqual([])
      expect(first).toMatchObject({
        grantId: own.grantId,
        sid: undefined,
        refresh: false,
        expiresAt: own.expiresAt,
        authorization: { clientId, scope: 'read' },
      })
      expect(second).toMatchObject({ grantId: grant.grantId, sid: grant.sid, refresh: true })
      const sessions = await store.liveGrants.sessions(sub, { size: 10 })
      expect(sessions.items.map(({ sid }) => sid)).toEqual([grant.sid])
      expect(sessions.next).toBeUndefined()
    })

    it('passes over what is void, whatever voided it', async () => {
      const { store } = at()
      const [sub, clientId, other] = [newSub(), await register(store), await register(store)]
      const kept = await issueGrant(store, { sub, clientId: other, session: 'new' })
      const lost = [
        await issue(store, { sub, clientId: other }),
        await issueGrant(store, { sub, clientId: other }),
        await issueGrant(store, { sub, clientId: other, session: 'new' }),
        await issueGrant(store, { sub, clientId }),
      ]
      expect(await liveGrants(store, sub)).toHaveLength(5)
      await revoke(store, { level: 'token', jti: lost[0]?.jti as string })
      await revoke(store, { level: 'grant', grantId: lost[1]?.grantId as string })
      await revoke(store, { level: 'session', sid: lost[2]?.sid as string })
      await revoke(store, { level: 'client', clientId })
      expect((await liveGrants(store, sub)).map(({ grantId }) => grantId)).toEqual([kept.grantId])
      const { items } = await store.liveGrants.sessions(sub, { size: 10 })
      expect(items.map(({ sid }) => sid)).toEqual([kept.sid])
    })

    it('of sessions is whole over many pages', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const issued = await Promise.all(
        Array.from({ length: 25 }, () => issue(store, { sub, clientId, session: 'new' })),
      )
      const seen: string[] = []
      let cursor: PageCursor | undefined
      do {
        const page = await store.liveGrants.sessions(sub, { size: 4, cursor })
        expect(page.items.length).toBeLessThanOrEqual(4)
        seen.push(...page.items.map(({ sid }) => sid))
        cursor = page.next
      } while (cursor !== undefined)
      expect(seen.sort()).toEqual(issued.map(({ sid }) => sid).sort())
    })

    it('of a thousand grants that end in the same second is whole while some are revoked', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const hourAhead = Math.floor(Date.now() / 1_000) * 1e6 + HOUR_US
      await moveClock(at(), partitions.of(sub), hourAhead)
      const issued = await Promise.all(
        Array.from({ length: 1_000 }, () => issueGrant(store, { sub, clientId })),
      )
      expect(new Set(issued.map(({ expiresAt }) => expiresAt)).size).toBe(1)
      const revoked = new Set<string>()
      const seen = new Set<string>()
      let cursor: PageCursor | undefined
      for (let pages = 0; ; pages++) {
        expect(pages).toBeLessThan(100)
        const page = await store.liveGrants.grants(sub, { size: 100, cursor })
        for (const { grantId } of page.items) seen.add(grantId)
        cursor = page.next
        if (cursor === undefined) break
        const lost = issued.filter((_, n) => n % 97 === pages).map(({ grantId }) => grantId)
        if (pages % 3 === 1) lost.push(page.items.at(-1)?.grantId as string)
        for (const grantId of lost) revoked.add(grantId)
        await Promise.all(lost.map((grantId) => revoke(store, { level: 'grant', grantId })))
      }
      const left = issued.filter(({ grantId }) => !revoked.has(grantId))
      expect(left.filter(({ grantId }) => !seen.has(grantId))).toEqual([])
    })

    it('leaves none out when the last of a page is refreshed before the next', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const grants = await Promise.all(
        Array.from({ length: 20 }, () => issueGrant(store, { sub, clientId })),
      )
      const first = await store.liveGrants.grants(sub, { size: 5 })
      const last = first.items.at(-1)?.grantId
      const { refreshToken = '' } = grants.find(({ grantId }) => grantId === last) ?? {}
      await moveClock(at(), partitions.of(sub), Date.now() * 1e3 + 60e6)
      await refreshed(store, refreshToken, clientId)
      const seen = new Set(first.items.map(({ grantId }) => grantId))
      let cursor = first.next
      while (cursor !== undefined) {
        const page = await store.liveGrants.grants(sub, { size: 5, cursor })
        for (const { grantId } of page.items) seen.add(grantId)
        cursor = page.next
      }
      expect(seen.size).toBe(20)
    })

    it('leaves none out when the last of a page expires before the next', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const short = await Promise.all(
        Array.from({ length: 8 }, () => issue(store, { sub, clientId, lifetime: 60 })),
      )
      const long = await Promise.all(
        Array.from({ length: 3 }, () => issue(store, { sub, clientId, lifetime: 3_600 })),
      )
      const first = await store.liveGrants.grants(sub, { size: 5 })
      expect(first.items).toHaveLength(5)
      const end = Math.max(...short.map(({ expiresAt }) => expiresAt))
      await moveClock(at(), partitions.of(sub), end * 1e6)
      const seen = new Set<string>()
      let cursor = first.next
      while (cursor !== undefined) {
        const page = await store.liveGrants.grants(sub, { size: 5, cursor })
        for (const { grantId } of page.items) seen.add(grantId)
        cursor = page.next
      }
      expect(long.filter(({ grantId }) => !seen.has(grantId))).toEqual([])
    })
  })
}
