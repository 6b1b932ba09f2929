/** Token exchange: what is issued, what it resolves to, and that it dies with whatever it came from. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { View } from '../../../store/roles/resolve.ts'
import { type Installation, SELF } from '../../fixture/installation.ts'
import {
  BY,
  type IssueOptions,
  issue,
  issueGrant,
  liveGrants,
  locate,
  moveClock,
  newSub,
  refreshed,
  register,
  revoke,
  stateOf,
} from '../actions.ts'

const SCHEMA = {
  teacher: { permissions: ['grade', 'read'], assumable: ['student'] },
  student: { permissions: ['read'], assumable: ['guest'] },
  guest: { permissions: ['see'], assumable: [] },
}
const VIEW: View = { contexts: ['course:1'], assumed: ['student'] }

export function exchangeContract(at: () => Installation): void {
  /** A token of a session and a grant, and who may exchange it. */
  async function login(options: Partial<IssueOptions> = {}) {
    const { store } = at()
    const [sub, clientId, other] = [newSub(), await register(store), await register(store)]
    const issued = await issueGrant(store, { sub, clientId, session: 'new', ...options })
    const { session } = await authorizationOf(issued.accessToken)
    return { ...issued, sub, clientId, other, session }
  }
  type Login = Awaited<ReturnType<typeof login>>

  async function authorizationOf(token: string) {
    const { state } = await at().store.tokens.introspect(token, '')
    if (state.kind !== 'active') throw new Error(`the token is ${state.reason}`)
    return state.record.authorization
  }

  async function tryExchange(
    { sub, other, session }: Pick<Login, 'sub' | 'other' | 'session'>,
    token: string,
    { lifetime = 3_600, view }: { readonly lifetime?: number; readonly view?: View } = {},
  ) {
    const login = { act: { sub: 'boss' } }
    return at().store.tokens.exchange({
      origin: await locate(at().store, token),
      authorization: { sub, clientId: other, session, scope: 'read', aud: [SELF], login },
      accessTokenLifetimeSeconds: lifetime,
      ...(view === undefined ? {} : { view }),
    })
  }

  async function exchange(...request: Parameters<typeof tryExchange>) {
    const outcome = await tryExchange(...request)
    if (outcome.kind !== 'issued') throw new Error(`exchange came to ${outcome.kind}`)
    return outcome
  }

  describe('an exchanged token', () => {
    beforeAll(async () => {
      await at().store.roleSchemas.put(SCHEMA)
    })

    it('tells what it is, whose, who acts, and where it came from, the nearest first', async () => {
      const { store } = at()
      const minted = await login()
      const first = await exchange(minted, minted.accessToken)
      const second = await exchange(minted, first.accessToken)
      expect(second).toEqual({
        kind: 'issued',
        accessToken: expect.stringMatching(/^cc_at_/) as string,
        refreshToken: undefined,
        issuedAt: expect.any(Number) as number,
        expiresAt: expect.any(Number) as number,
        jti: expect.any(String) as string,
        grantId: second.jti,
        sid: minted.sid,
      })
      const { state } = await store.tokens.introspect(second.accessToken, '')
      expect(state).toMatchObject({
        kind: 'active',
        jti: second.jti,
        grantId: second.jti,
        sid: minted.sid,
        record: {
          expiresAt: second.expiresAt,
          authorization: { sub: minted.sub, clientId: minted.other, scope: 'read', aud: [SELF] },
        },
        exchangedFrom: [
          { jti: first.jti, grant_id: first.jti, client_id: minted.other },
          { jti: minted.jti, grant_id: minted.grantId, client_id: minted.clientId },
        ],
      })
      expect((await authorizationOf(second.accessToken)).login).toEqual({ act: { sub: 'boss' } })
      const direct = await store.tokens.introspect(minted.accessToken, '')
      expect(direct.state).toMatchObject({ exchangedFrom: [] })
    })

    it('is listed among the grants of its subject, and can be revoked alone', async () => {
      const { store } = at()
      const minted = await login()
      const { accessToken, jti, grantId } = await exchange(minted, minted.accessToken)
      const listed = (await liveGrants(store, minted.sub)).map((grant) => grant.grantId)
      expect(listed.sort()).toEqual([grantId, minted.grantId].sort())
      await revoke(store, { level: 'token', jti })
      expect(await stateOf(store, accessToken)).toBe('revoked')
      expect(await stateOf(store, minted.accessToken)).toBe('active')
    })

    it.each([true, false])(
      'lives no longer than what it came from (grant: %s)',
      async (refresh) => {
        const { store, partitions } = at()
        const [sub, clientId] = [newSub(), await register(store)]
        const own = await issue(store, { sub, clientId, refresh, lifetime: 60 })
        const who = { sub, other: clientId, session: '' }
        const short = await exchange(who, own.accessToken, { lifetime: 10 })
        expect(short.expiresAt).toBeLessThan(own.expiresAt)
        const long = await exchange(who, own.accessToken, { lifetime: 3_600 })
        expect(long.expiresAt).toBe(own.expiresAt)
        const again = await exchange(who, short.accessToken, { lifetime: 3_600 })
        expect(again.expiresAt).toBe(short.expiresAt)
        await moveClock(at(), partitions.of(sub), own.expiresAt * 1e6 - 1)
        expect(await stateOf(store, long.accessToken)).toBe('active')
        await moveClock(at(), partitions.of(sub), own.expiresAt * 1e6)
        expect(await stateOf(store, long.accessToken)).toBe('expired')
      },
    )

    it('keeps the end of a token that was refreshed', async () => {
      const { store } = at()
      const minted = await login()
      const exchanged = await exchange(minted, minted.accessToken)
      const next = await refreshed(store, minted.refreshToken, minted.clientId)
      expect(await stateOf(store, exchanged.accessToken)).toBe('active')
      expect(await stateOf(store, next.accessToken)).toBe('active')
    })

    it.each(['token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all'])(
      'dies with a revocation of what it came from at the level of %s, however far back',
      async (level) => {
        const { store } = at()
        const minted = await login()
        const first = await exchange(minted, minted.accessToken)
        const second = await exchange(
          { ...minted, other: await register(store) },
          first.accessToken,
        )
        const spared = await login()
        const target = { level, ...minted } as unknown as Parameters<typeof revoke>[1]
        await revoke(store, target)
        const states = [minted, first, second].map(({ accessToken }) => stateOf(store, accessToken))
        expect(await Promise.all(states)).toEqual(['revoked', 'revoked', 'revoked'])
        const other = await stateOf(store, spared.accessToken)
        expect(other).toBe(level === 'all' ? 'revoked' : 'active')
      },
    )

    it('dies with the client, the grant and the token between', async () => {
      const { store } = at()
      for (const level of ['client', 'subject+client', 'grant', 'token']) {
        const minted = await login()
        const first = await exchange(minted, minted.accessToken)
        const last = await register(store)
        const second = await exchange({ ...minted, other: last }, first.accessToken)
        const target = { level, ...first, sub: minted.sub, clientId: minted.other }
        await revoke(store, target as unknown as Parameters<typeof revoke>[1])
        expect(await stateOf(store, second.accessToken), level).toBe('revoked')
        expect(await stateOf(store, minted.accessToken), level).toBe('active')
      }
    })

    it('survives a cutoff that spares what it came from, and dies by one that does not', async () => {
      const { store, partitions } = at()
      const minted = await login()
      const nowUs = Date.now() * 1e3
      await moveClock(at(), partitions.of(minted.sub), nowUs + 10e6)
      const exchanged = await exchange(minted, minted.accessToken)
      await revoke(store, { level: 'client', clientId: minted.clientId }, nowUs / 1e6 - 10)
      expect(await stateOf(store, exchanged.accessToken)).toBe('active')
      // The token itself was issued later, and by another client.
      await revoke(store, { level: 'client', clientId: minted.clientId }, nowUs / 1e6 + 5)
      expect(await stateOf(store, exchanged.accessToken)).toBe('revoked')
    })

    it('dies with its client, and with that of what it came from', async () => {
      const { store } = at()
      for (const gone of ['clientId', 'other'] as const) {
        const minted = await login()
        const exchanged = await exchange(minted, minted.accessToken)
        await register(store, minted[gone], { enabled: false })
        expect(await stateOf(store, exchanged.accessToken)).toBe('revoked')
        await register(store, minted[gone], { enabled: true })
        expect(await stateOf(store, exchanged.accessToken)).toBe('revoked')
      }
    })

    it('is not to be had for a token that is not active, or by a client that is gone', async () => {
      const { store, partitions, mint, redis, keys } = at()
      const refusal = async (who: Login, token = who.accessToken) => {
        const outcome = await tryExchange(who, token)
        return outcome.kind === 'inactive' ? outcome.reason : outcome.kind
      }
      const revoked = await login()
      await revoke(store, { level: 'token', jti: revoked.jti })
      expect(await refusal(revoked)).toBe('revoked')
      const expired = await login({ lifetime: 5 })
      await moveClock(at(), partitions.of(expired.sub), expired.expiresAt * 1e6)
      expect(await refusal(expired)).toBe('expired')
      const suspended = await login()
      await store.subjects.put(suspended.sub, BY, { status: 'suspended' })
      const { cutoff } = keys.partition(partitions.of(suspended.sub))
      await redis.del(cutoff.subject(suspended.sub))
      expect(await refusal(suspended)).toBe('suspended')
      const orphan = await login()
      await register(store, orphan.clientId, { enabled: false })
      await redis.del(keys.partition(partitions.of(orphan.sub)).cutoff.client(orphan.clientId))
      expect(await refusal(orphan)).toBe('client')
      const gone = await login()
      await register(store, gone.other, { enabled: false })
      expect(await refusal(gone)).toBe('client-gone')
      await store.clients.delete(gone.other, BY)
      expect(await refusal(gone)).toBe('client-gone')
      const nobody = await login()
      const partition = partitions.of(nobody.sub)
      const never = mint.write({ kind: 'access', partition, grant: '', random: mint.random() })
      expect(await refusal(nobody, never)).toBe('unknown')
    })
  })

  describe('a view', () => {
    const assign = (sub: string, context: string, role: string) =>
      at().store.assignments.apply([{ op: 'assign', sub, context, role }])
    const remove = (sub: string, context: string, role: string) =>
      at().store.assignments.apply([{ op: 'remove', sub, context, role }])
    async function facts(token: string, question: 'all' | readonly string[] = 'all') {
      const { state } = await at().store.tokens.introspect(token, '', question)
      if (state.kind !== 'active') throw new Error(`the token is ${state.reason}`)
      return state.roles
    }

    it('shows what is held in its contexts and everywhere, and nothing outside', async () => {
      const minted = await login()
      await assign(minted.sub, 'course:1', 'student')
      await assign(minted.sub, '*', 'teacher')
      await assign(minted.sub, 'course:2', 'guest')
      const view = { contexts: ['course:1', 'course:3'], assumed: [] }
      const { accessToken } = await exchange(minted, minted.accessToken, { view })
      expect(await facts(accessToken)).toEqual({
        roles: [],
        context_roles: { 'course:1': ['student', 'teacher'], 'course:3': ['teacher'] },
        context_roles_complete: true,
        permissions: { 'course:1': ['grade', 'read'], 'course:3': ['grade', 'read'] },
      })
      expect(await facts(accessToken, ['course:1', 'course:2'])).toEqual({
        roles: [],
        context_roles: { 'course:1': ['student', 'teacher'], 'course:2': [] },
        context_roles_complete: false,
        permissions: { 'course:1': ['grade', 'read'], 'course:2': [] },
      })
    })

    it('shows the assumed role as long as a held one lists it', async () => {
      const { store } = at()
      const minted = await login()
      await assign(minted.sub, 'course:1', 'teacher')
      const { accessToken } = await exchange(minted, minted.accessToken, { view: VIEW })
      const seen = async () => (await facts(accessToken))?.context_roles['course:1']
      expect(await seen()).toEqual(['student'])
      await remove(minted.sub, 'course:1', 'teacher')
      expect(await seen()).toEqual([])
      await assign(minted.sub, '*', 'teacher')
      expect(await seen()).toEqual(['student'])
      await store.roleSchemas.put({ ...SCHEMA, teacher: { permissions: [], assumable: [] } })
      expect(await seen()).toEqual([])
      await store.roleSchemas.put(SCHEMA)
      expect(await seen()).toEqual(['student'])
      const chain = { contexts: ['course:1'], assumed: ['student', 'guest'] }
      const further = await exchange(minted, accessToken, { view: chain })
      expect((await facts(further.accessToken))?.permissions).toEqual({ 'course:1': ['see'] })
      const skipping = { contexts: ['course:1'], assumed: ['guest'] }
      const direct = await exchange(minted, minted.accessToken, { view: skipping })
      expect((await facts(direct.accessToken))?.context_roles).toEqual({ 'course:1': [] })
    })

    it('is listed completely even for a subject with roles in more contexts than an answer lists', async () => {
      const minted = await login()
      const many = Array.from({ length: 150 }, (_, n) => ({
        ...{ op: 'assign' as const, sub: minted.sub, role: 'teacher' },
        context: `course:${n}`,
      }))
      await at().store.assignments.apply(many)
      const { accessToken } = await exchange(minted, minted.accessToken, { view: VIEW })
      expect((await facts(minted.accessToken))?.context_roles_complete).toBe(false)
      expect(await facts(accessToken)).toEqual({
        roles: [],
        context_roles: { 'course:1': ['student'] },
        context_roles_complete: true,
        permissions: { 'course:1': ['read'] },
      })
    })
  })
}
