/** Introspection: every state a token can be in, the caller's registration, and the stamp. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../../store/errors.ts'
import { createTokenKeyRing } from '../../../store/mint/key-ring.ts'
import { createTokenMint } from '../../../store/mint/token.ts'
import { type Installation, SELF } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  issuedAtUs,
  issueGrant,
  locate,
  moveClock,
  newSub,
  register,
  revoke,
  seqOf,
  stateOf,
} from '../actions.ts'

export function introspectContract(at: () => Installation): void {
  describe('introspection', () => {
    it('tells everything about a live token', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      await store.subjects.put(sub, BY, { claims: { name: 'Å "n" \\ \n x', n: [1, null] } })
      const issued = await issueGrant(store, { sub, clientId, session: 'new' })
      const { state } = await store.tokens.introspect(issued.accessToken, '')
      expect(state).toMatchObject({
        kind: 'active',
        jti: issued.jti,
        grantId: issued.grantId,
        sid: issued.sid,
        claims: { name: 'Å "n" \\ \n x', n: [1, null] },
        record: {
          expiresAt: issued.expiresAt,
          authorization: { sub, clientId, scope: 'read write', aud: [SELF], login: {} },
        },
        stamp: {
          partition: partitions.of(sub),
          epoch: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
          seq: await seqOf(at(), partitions.of(sub)),
        },
      })
    })

    it('stamps what it reads with the last change', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issue(store, { sub, clientId })
      const stamp = async () => {
        const { state } = await store.tokens.introspect(accessToken, '')
        return state.kind === 'active' ? state.stamp : undefined
      }
      const before = await stamp()
      await store.subjects.put(sub, BY, { claims: { changed: true } })
      const after = await stamp()
      expect(after).toEqual({ ...before, seq: (before?.seq ?? 0) + 1 })
      expect(after?.partition).toBe(partitions.of(sub))
    })

    it('calls junk junk without asking Redis for it, and a refresh token what it is', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { refreshToken } = await issueGrant(store, { sub, clientId })
      expect(await stateOf(store, 'junk')).toBe('junk')
      expect(await stateOf(store, `cc_at_k1${'A'.repeat(66)}`)).toBe('junk')
      expect(await stateOf(store, refreshToken)).toBe('refresh-token')
    })

    it('does not know what was minted and never issued', async () => {
      const { store, mint, partitions } = at()
      for (const grant of ['', partitions.newLocalId()]) {
        const random = mint.random()
        const token = mint.write({ kind: 'access', partition: 1, grant, random })
        expect(await stateOf(store, token)).toBe('unknown')
      }
    })

    it('does not know a token whose grant is gone', async () => {
      const { store, redis, keys } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issueGrant(store, { sub, clientId })
      const { partition, grant } = await locate(store, accessToken)
      await redis.del(keys.partition(partition).grant(grant))
      expect(await stateOf(store, accessToken)).toBe('unknown')
    })

    it.each([true, false])(
      'knows the end of a token to the second (refresh: %s)',
      async (refresh) => {
        const { store, partitions } = at()
        const [sub, clientId] = [newSub(), await register(store)]
        const { accessToken, expiresAt } = await issue(store, {
          sub,
          clientId,
          refresh,
          lifetime: 5,
        })
        await moveClock(at(), partitions.of(sub), expiresAt * 1e6 - 1)
        expect(await stateOf(store, accessToken)).toBe('active')
        await moveClock(at(), partitions.of(sub), expiresAt * 1e6)
        expect(await stateOf(store, accessToken)).toBe('expired')
      },
    )

    it('knows a revoked token', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken, jti } = await issue(store, { sub, clientId })
      await revoke(store, { level: 'token', jti })
      expect(await stateOf(store, accessToken)).toBe('revoked')
    })

    it('knows a suspended subject even where its cutoff is gone', async () => {
      const { store, redis, keys, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issue(store, { sub, clientId })
      await store.subjects.put(sub, BY, { status: 'suspended' })
      expect(await stateOf(store, accessToken)).toBe('revoked')
      await redis.del(keys.partition(partitions.of(sub)).cutoff.subject(sub))
      expect(await stateOf(store, accessToken)).toBe('suspended')
    })

    it('knows a disabled and a deleted client even where its cutoff is gone', async () => {
      const { store, redis, keys, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issue(store, { sub, clientId })
      const forget = () => redis.del(keys.partition(partitions.of(sub)).cutoff.client(clientId))
      await register(store, clientId, { enabled: false })
      expect(await stateOf(store, accessToken)).toBe('revoked')
      await forget()
      expect(await stateOf(store, accessToken)).toBe('client')
      await store.clients.delete(clientId, BY)
      await forget()
      expect(await stateOf(store, accessToken)).toBe('client')
    })

    it("brings the caller's registration along, for every state", async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const callerId = await register(store, undefined, { introspect: true })
      const { accessToken, refreshToken, jti } = await issueGrant(store, { sub, clientId })
      const callerOf = async (token: string, id: string) =>
        (await store.tokens.introspect(token, id)).caller
      const tokens = [accessToken, refreshToken, 'junk']
      const ask = (id: string) => Promise.all(tokens.map((token) => callerOf(token, id)))
      const caller = await store.clients.get(callerId)
      expect(caller).toMatchObject({ client_id: callerId, enabled: true })
      expect(await ask(callerId)).toEqual([caller, caller, caller])
      await revoke(store, { level: 'token', jti })
      expect(await ask(callerId)).toEqual([caller, caller, caller])
      expect(await ask('nobody')).toEqual([undefined, undefined, undefined])
      expect(await ask('')).toEqual([undefined, undefined, undefined])
      await register(store, callerId, { enabled: false })
      expect((await ask(callerId)).map((found) => found?.enabled)).toEqual([false, false, false])
      await store.clients.delete(callerId, BY)
      expect(await ask(callerId)).toEqual([undefined, undefined, undefined])
    })

    it('is an outage where this node lacks a token key that others mint with', async () => {
      const { store, partitions, redis } = at()
      const ring = createTokenKeyRing([{ id: 'k7', secret: randomBytes(32) }])
      const ahead = createTokenMint(ring, partitions)
      const token = ahead.write({ kind: 'access', partition: 0, grant: '', random: ahead.random() })
      expect(await stateOf(store, token)).toBe('junk')
      await redis.hset('claimcheck:installation', 'key:k7', 'fingerprint')
      await expect(stateOf(store, token)).rejects.toThrow(StoreUnavailableError)
      await redis.hdel('claimcheck:installation', 'key:k7')
      expect(await stateOf(store, token)).toBe('junk')
    })

    it('writes nothing', async () => {
      const { store, redis, keys } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issue(store, { sub, clientId })
      const { partition } = await locate(store, accessToken)
      const { head } = keys.partition(partition)
      const before = await redis.hgetall(head)
      await issuedAtUs(store, accessToken)
      expect(await redis.hgetall(head)).toEqual(before)
    })
  })
}
