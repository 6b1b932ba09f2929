/** Explaining tokens: every state, every revocation that voids one, and of which token of its line. */
import { describe, expect, it } from 'vitest'
import type { VoidingRevocation } from '../../../store/grants/explain.ts'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
import { type Installation, SELF } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  issuedAtUs,
  issueGrant,
  locate,
  moveClock,
  newSub,
  refresh,
  refreshed,
  register,
  revoke,
} from '../actions.ts'

const LEVELS = ['token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all'] as const
type Level = (typeof LEVELS)[number]

export function explainContract(at: () => Installation): void {
  async function login() {
    const { store } = at()
    const [sub, clientId] = [newSub(), await register(store)]
    const issued = await issueGrant(store, { sub, clientId, session: 'new' })
    return { ...issued, sub, clientId }
  }
  type Login = Awaited<ReturnType<typeof login>>

  const explain = (token: string) => at().store.tokens.explain(token)
  const stateOf = async (token: string) => (await explain(token)).state
  /** Level and generation of each revocation. */
  const levels = (revocations: readonly VoidingRevocation[]) =>
    revocations.map(({ level, generation }) => `${level} ${generation}`)
  const revokeAt = (level: Level, names: object, issuedBefore?: number) =>
    revoke(at().store, { level, ...names } as unknown as RevocationTarget, issuedBefore)
  const keysOf = ({ sub }: Pick<Login, 'sub'>) => at().keys.partition(at().partitions.of(sub))

  /** Puts the client or the subject out of action without the cutoff that comes with it. */
  async function suspend(minted: Login): Promise<void> {
    await at().store.subjects.put(minted.sub, BY, { status: 'suspended' })
    await at().redis.del(keysOf(minted).cutoff.subject(minted.sub))
  }
  async function disable(minted: Login): Promise<void> {
    await register(at().store, minted.clientId, { enabled: false })
    await at().redis.del(keysOf(minted).cutoff.client(minted.clientId))
  }

  async function exchange({ sub, clientId }: Pick<Login, 'sub' | 'clientId'>, token: string) {
    const { state } = await at().store.tokens.introspect(token, '')
    if (state.kind !== 'active') throw new Error(`the token is ${state.reason}`)
    const { session } = state.record.authorization
    const outcome = await at().store.tokens.exchange({
      origin: await locate(at().store, token),
      authorization: { sub, clientId, session, scope: 'read', aud: [SELF], login: {} },
      accessTokenLifetimeSeconds: 3_600,
    })
    if (outcome.kind !== 'issued') throw new Error(`exchange came to ${outcome.kind}`)
    return outcome
  }

  describe('explaining a token', () => {
    it('tells all there is of one that is active', async () => {
      const { store } = at()
      const minted = await login()
      const authorization = {
        sub: minted.sub,
        clientId: minted.clientId,
        scope: 'read write',
        aud: [SELF],
      }
      const issuedAt = await issuedAtUs(store, minted.accessToken)
      expect(await explain(minted.accessToken)).toEqual({
        ...{
          state: 'active',
          kind: 'access',
          jti: minted.jti,
          grantId: minted.grantId,
          sid: minted.sid,
        },
        token: {
          ...{ issuedAtUs: issuedAt, expiresAt: minted.expiresAt },
          authorization: { ...authorization, session: expect.any(String), login: {} },
        },
        ...{ exchangedFrom: [], revocations: [] },
      })
      expect(await explain(minted.refreshToken)).toEqual({
        ...{ state: 'active', kind: 'refresh', grantId: minted.grantId, sid: minted.sid },
        grant: {
          authorization: { ...authorization, session: expect.any(String), login: {} },
          ...{ issuedAtUs: issuedAt, refreshedAtUs: issuedAt },
          expiresAt: expect.any(Number),
          refreshHash: (await locate(store, minted.refreshToken)).hash,
        },
        ...{ exchangedFrom: [], revocations: [] },
      })
    })

    it('names the span by which each token of its line died, or its login did', async () => {
      const { store } = at()
      const minted = await login()
      const us = await issuedAtUs(store, minted.accessToken)
      const session = { join: minted.sid as string }
      const joined = await issueGrant(store, {
        sub: minted.sub,
        clientId: minted.clientId,
        session,
      })
      const exchanged = await exchange(minted, joined.accessToken)
      const exchangedUs = await issuedAtUs(store, exchanged.accessToken)
      const span = { issuedAfter: (us - 1) / 1e6, issuedBefore: (us + 1) / 1e6 }
      await revoke(store, { level: 'session', sid: minted.sid as string }, span)
      const ofLogin = { level: 'session', afterUs: us - 1, cutoffUs: us }
      expect((await explain(joined.refreshToken)).revocations).toMatchObject([ofLogin])
      expect((await explain(joined.accessToken)).revocations).toEqual([])
      expect((await explain(minted.accessToken)).revocations).toMatchObject([ofLogin])

      const until = { issuedAfter: us / 1e6, issuedBefore: exchangedUs / 1e6 }
      await revoke(store, { level: 'subject', sub: minted.sub }, until)
      expect((await explain(exchanged.accessToken)).revocations).toMatchObject([
        { level: 'subject', afterUs: us, cutoffUs: exchangedUs - 1, generation: 1 },
      ])
      await revoke(store, { level: 'subject', sub: minted.sub }, { issuedBefore: (us + 1) / 1e6 })
      const [told] = (await explain(joined.accessToken)).revocations
      expect(told).toMatchObject({ level: 'subject', cutoffUs: exchangedUs - 1 })
      expect(told).not.toHaveProperty('afterUs')
    })

    it('tells everything about a token that is also its own grant, without a session', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const own = await issue(store, { sub, clientId })
      expect(await explain(own.accessToken)).toEqual({
        ...{ state: 'active', kind: 'access', jti: own.jti, grantId: own.jti },
        token: {
          issuedAtUs: await issuedAtUs(store, own.accessToken),
          expiresAt: own.expiresAt,
          authorization: {
            ...{ sub, clientId, session: '', scope: 'read write', aud: [SELF], login: {} },
          },
        },
        ...{ exchangedFrom: [], revocations: [] },
      })
    })

    it('tells what a narrowed one was issued for', async () => {
      const { store } = at()
      const minted = await login()
      const narrowed = { scope: 'read', aud: ['https://a.test'] }
      const next = await refreshed(store, minted.refreshToken, minted.clientId, { narrowed })
      const { token } = await explain(next.accessToken)
      expect(token?.authorization).toMatchObject(narrowed)
    })

    it('changes nothing', async () => {
      const minted = await login()
      const before = await at().redis.hgetall(keysOf(minted).head)
      await explain(minted.accessToken)
      await explain(minted.refreshToken)
      expect(await at().redis.hgetall(keysOf(minted).head)).toEqual(before)
    })

    it.each(LEVELS)('names the revocation at the level of %s', async (level) => {
      const minted = await login()
      const spared = await login()
      const outcome = await revokeAt(level, minted)
      if (outcome.kind !== 'revoked') throw new Error(outcome.kind)
      const { cutoffUs, id } = outcome
      const revocation = {
        ...{ level, cutoffUs, madeAtUs: cutoffUs, by: BY, reason: 'test', id, generation: 0 },
      }
      const access = await explain(minted.accessToken)
      // Cutoffs of a client and of all are made in one partition after the other, each by its own clock.
      const isWide = level === 'client' || level === 'all'
      const own = isWide
        ? { ...revocation, cutoffUs: expect.any(Number), madeAtUs: expect.any(Number) }
        : revocation
      expect(access).toMatchObject({ state: 'revoked', jti: minted.jti, token: expect.anything() })
      expect(access.revocations).toEqual([own])
      const refreshing = await explain(minted.refreshToken)
      expect(refreshing.state).toBe(level === 'token' ? 'active' : 'revoked')
      expect(refreshing.revocations).toEqual(level === 'token' ? [] : [own])
      expect(await stateOf(spared.accessToken)).toBe(level === 'all' ? 'revoked' : 'active')
    })

    it('names all that void it, the latest first, and none that spares it', async () => {
      const { store } = at()
      const minted = await login()
      const issuedUs = await issuedAtUs(store, minted.accessToken)
      await revokeAt('client', minted, 1)
      await revokeAt('subject', minted, issuedUs / 1e6)
      await revokeAt('session', minted)
      await revokeAt('token', minted)
      await revokeAt('subject+client', minted)
      const access = await explain(minted.accessToken)
      expect(levels(access.revocations)).toEqual(['subject+client 0', 'token 0', 'session 0'])
      const made = access.revocations.map(({ madeAtUs }) => madeAtUs)
      expect(made).toEqual(made.toSorted((a, b) => b - a))
      const refreshing = await explain(minted.refreshToken)
      expect(levels(refreshing.revocations)).toEqual(['subject+client 0', 'session 0'])
      const again = await issueGrant(store, minted)
      expect(await explain(again.accessToken)).toMatchObject({ state: 'active', revocations: [] })
    })

    it('names one that voids what was issued at its very time', async () => {
      const { store } = at()
      const minted = await login()
      const issuedUs = await issuedAtUs(store, minted.accessToken)
      await revokeAt('subject', minted, (issuedUs + 1) / 1e6)
      const [revocation, ...more] = (await explain(minted.accessToken)).revocations
      expect(more).toEqual([])
      expect(revocation).toMatchObject({ level: 'subject', cutoffUs: issuedUs })
      expect(revocation?.madeAtUs).toBeGreaterThan(issuedUs)
    })

    it('tells that one has expired, to the second, whatever else voids it', async () => {
      const { store, partitions } = at()
      const minted = await login()
      const { grant } = await explain(minted.refreshToken)
      await revokeAt('subject', minted)
      const move = (toS: number, us = 0) =>
        moveClock(at(), partitions.of(minted.sub), toS * 1e6 + us)
      await move(minted.expiresAt, -1)
      expect(await stateOf(minted.accessToken)).toBe('revoked')
      await move(minted.expiresAt)
      const expired = await explain(minted.accessToken)
      expect([expired.state, ...levels(expired.revocations)]).toEqual(['expired', 'subject 0'])
      expect(await stateOf(minted.refreshToken)).toBe('revoked')
      const end = grant?.expiresAt as number
      await move(end, -1)
      expect(await stateOf(minted.refreshToken)).toBe('revoked')
      await move(end)
      const ended = await explain(minted.refreshToken)
      expect([ended.state, ...levels(ended.revocations)]).toEqual(['expired', 'subject 0'])
      await store.subjects.put(minted.sub, BY, { status: 'suspended' })
      expect(await stateOf(minted.accessToken)).toBe('expired')
    })

    it('tells that its subject is suspended', async () => {
      const minted = await login()
      await suspend(minted)
      for (const token of [minted.accessToken, minted.refreshToken]) {
        expect(await explain(token)).toMatchObject({ state: 'suspended', revocations: [] })
      }
    })

    it('tells that suspending was a revocation too', async () => {
      const minted = await login()
      await at().store.subjects.put(minted.sub, BY, { status: 'suspended' })
      for (const token of [minted.accessToken, minted.refreshToken]) {
        const { state, revocations } = await explain(token)
        expect(state).toBe('revoked')
        expect(revocations).toEqual([
          {
            ...{ level: 'subject', by: BY, reason: 'subject suspended', generation: 0 },
            ...{ cutoffUs: expect.any(Number), madeAtUs: expect.any(Number) },
          },
        ])
      }
    })

    it('tells that its client is disabled or gone, before it tells of the subject', async () => {
      const { store, redis } = at()
      const minted = await login()
      await suspend(minted)
      await disable(minted)
      for (const token of [minted.accessToken, minted.refreshToken]) {
        expect(await explain(token)).toMatchObject({ state: 'client_disabled', revocations: [] })
      }
      await store.clients.delete(minted.clientId, BY)
      await redis.del(keysOf(minted).cutoff.client(minted.clientId))
      for (const token of [minted.accessToken, minted.refreshToken]) {
        expect(await explain(token)).toMatchObject({ state: 'client_disabled', revocations: [] })
      }
      await revokeAt('subject', minted)
      for (const token of [minted.accessToken, minted.refreshToken]) {
        expect(await stateOf(token)).toBe('revoked')
      }
    })

    it('tells a refresh token that was used from the one in force, and what reuse did', async () => {
      const { store } = at()
      const minted = await login()
      const next = await refreshed(store, minted.refreshToken, minted.clientId)
      const last = await refreshed(store, next.refreshToken, minted.clientId)
      const states = async () =>
        Promise.all([minted.refreshToken, next.refreshToken, last.refreshToken].map(stateOf))
      expect(await states()).toEqual(['rotated', 'rotated', 'active'])
      expect(await explain(minted.refreshToken)).toMatchObject({
        grantId: minted.grantId,
        revocations: [],
      })
      expect(await refresh(store, minted.refreshToken, minted.clientId)).toMatchObject({
        kind: 'reused',
      })
      expect(await states()).toEqual(['revoked', 'revoked', 'revoked'])
      for (const token of [last.refreshToken, last.accessToken, minted.accessToken]) {
        expect(levels((await explain(token)).revocations)).toEqual(['grant 0'])
      }
    })

    it.each(['session', 'subject'] as const)(
      'tells that a refresh token is void with its login, at the level of %s',
      async (level) => {
        const { store, partitions } = at()
        const minted = await login()
        const nowUs = Date.now() * 1e3
        await moveClock(at(), partitions.of(minted.sub), nowUs + 10e6)
        const later = await issueGrant(store, {
          ...minted,
          session: { join: minted.sid as string },
        })
        await revokeAt(level, minted, nowUs / 1e6 + 5)
        const { state, revocations } = await explain(later.refreshToken)
        expect([state, ...levels(revocations)]).toEqual(['revoked', `${level} 0`])
        const outcome = await refresh(store, later.refreshToken, minted.clientId)
        expect(outcome).toMatchObject({ kind: 'revoked' })
        expect(await stateOf(later.accessToken)).toBe('active')
      },
    )

    it('says of a foreign token only that it is foreign', async () => {
      const minted = await login()
      const forged = `${minted.accessToken.slice(0, -1)}${minted.accessToken.endsWith('A') ? 'B' : 'A'}`
      for (const text of ['', 'x', 'cc_at_', forged, minted.jti]) {
        expect(await explain(text), text).toEqual({
          ...{ state: 'not_a_token', exchangedFrom: [], revocations: [] },
        })
      }
    })

    it('tells what was never issued, by its ids', async () => {
      const { mint, partitions, store } = at()
      const partition = partitions.of(newSub())
      const local = partitions.newLocalId()
      const never = (kind: 'access' | 'refresh', grant: string) =>
        mint.write({ kind, partition, grant, random: mint.random() })
      const nothing = { state: 'unknown', exchangedFrom: [], revocations: [] }
      for (const grant of ['', local]) {
        const token = never('access', grant)
        const { jti, grantId } = store.idsOf(await locate(store, token))
        expect(await explain(token)).toEqual({ ...nothing, kind: 'access', jti, grantId })
      }
      const grantId = partitions.toPublicId(partition, local)
      expect(await explain(never('refresh', local))).toEqual({
        ...{ ...nothing, kind: 'refresh', grantId },
      })
    })

    it('tells of what was never issued nothing that is about everything', async () => {
      const { mint, partitions } = at()
      await revokeAt('all', {})
      const partition = partitions.of(newSub())
      for (const kind of ['access', 'refresh'] as const) {
        const grant = partitions.newLocalId()
        const never = mint.write({ kind, partition, grant, random: mint.random() })
        expect(await explain(never)).toMatchObject({ state: 'unknown', revocations: [] })
      }
    })

    it('whose record is gone still names the revocation of that token', async () => {
      const { redis, store } = at()
      const minted = await login()
      const own = await issue(store, minted)
      const here = keysOf(minted)
      const [{ hash }, { grant }] = [
        await locate(store, own.accessToken),
        await locate(store, minted.accessToken),
      ]
      await revokeAt('token', own)
      await revokeAt('token', minted)
      await revokeAt('grant', minted)
      for (const key of [here.token(hash), here.tokens(grant), here.grant(grant)]) {
        expect(await redis.del(key), key).toBe(1)
      }
      const gone = async (token: string) => {
        const { state, token: record, grant: grantRecord, revocations } = await explain(token)
        expect([state, record, grantRecord]).toEqual(['unknown', undefined, undefined])
        return levels(revocations)
      }
      expect(await gone(own.accessToken)).toEqual(['token 0'])
      expect(await gone(minted.accessToken)).toEqual(['grant 0', 'token 0'])
      expect(await gone(minted.refreshToken)).toEqual(['grant 0'])
    })
  })

  describe('explaining an exchanged token', () => {
    /** A token, one exchanged for it, and one exchanged for that, each by a different client. */
    async function line() {
      const minted = await login()
      const [second, third] = [await register(at().store), await register(at().store)]
      const child = await exchange({ sub: minted.sub, clientId: second }, minted.accessToken)
      const grandchild = await exchange({ sub: minted.sub, clientId: third }, child.accessToken)
      return { minted, second, third, child, grandchild }
    }

    it('tells what it came from, the nearest first', async () => {
      const { minted, third, child, grandchild } = await line()
      expect(await explain(grandchild.accessToken)).toMatchObject({
        ...{
          state: 'active',
          kind: 'access',
          jti: grandchild.jti,
          sid: minted.sid,
          revocations: [],
        },
        exchangedFrom: [child.jti, minted.jti],
        token: { authorization: { sub: minted.sub, clientId: third, scope: 'read' } },
      })
      expect((await explain(child.accessToken)).exchangedFrom).toEqual([minted.jti])
      expect((await explain(minted.accessToken)).exchangedFrom).toEqual([])
    })

    it('tells which token of its line a revocation voids', async () => {
      const { minted, child, grandchild } = await line()
      const { store } = at()
      const seen = async () => levels((await explain(grandchild.accessToken)).revocations)
      await revokeAt('token', minted)
      expect(await seen()).toEqual(['token 2'])
      await revokeAt('client', minted)
      expect(await seen()).toEqual(['client 2', 'token 2'])
      const [first] = (await explain(grandchild.accessToken)).revocations
      expect(first).toMatchObject({ by: BY, reason: 'test', generation: 2 })
      await revokeAt('grant', minted)
      await revokeAt('token', child)
      await revokeAt('token', grandchild)
      const all = ['token 0', 'token 1', 'grant 2', 'client 2', 'token 2']
      expect(await seen()).toEqual(all)
      expect(levels((await explain(child.accessToken)).revocations)).toEqual([
        ...['token 0', 'grant 1', 'client 1', 'token 1'],
      ])
      expect(levels((await explain(minted.accessToken)).revocations)).toEqual([
        ...['grant 0', 'client 0', 'token 0'],
      ])
      expect(await stateOf((await issue(store, minted)).accessToken)).toBe('active')
    })

    it('tells of one that voids the whole line for each of it', async () => {
      const { minted, grandchild } = await line()
      await revokeAt('session', minted)
      const { state, revocations } = await explain(grandchild.accessToken)
      expect(state).toBe('revoked')
      expect(levels(revocations).sort()).toEqual(['session 0', 'session 1', 'session 2'])
      expect(new Set(revocations.map(({ id }) => id)).size).toBe(1)
    })

    it('judges each token of the line by its own time of issue', async () => {
      const { partitions } = at()
      const minted = await login()
      const nowUs = Date.now() * 1e3
      await moveClock(at(), partitions.of(minted.sub), nowUs + 10e6)
      const child = await exchange(minted, minted.accessToken)
      await revokeAt('subject+client', minted, nowUs / 1e6 + 5)
      const { state, revocations } = await explain(child.accessToken)
      expect([state, ...levels(revocations)]).toEqual(['revoked', 'subject+client 1'])
    })

    it('is of the state that introspection goes by', async () => {
      const { store, partitions } = at()
      const { minted, third, grandchild } = await line()
      const same = async () => {
        const { state } = await store.tokens.introspect(grandchild.accessToken, '')
        return [
          state.kind === 'active' ? 'active' : state.reason,
          await stateOf(grandchild.accessToken),
        ]
      }
      expect(await same()).toEqual(['active', 'active'])
      await suspend(minted)
      expect(await same()).toEqual(['suspended', 'suspended'])
      await disable({ ...minted, clientId: third })
      expect(await same()).toEqual(['client', 'client_disabled'])
      await revokeAt('token', minted)
      expect(await same()).toEqual(['revoked', 'revoked'])
      await moveClock(at(), partitions.of(minted.sub), grandchild.expiresAt * 1e6)
      expect(await same()).toEqual(['expired', 'expired'])
    })
  })
}
