/** The installation: the first process pins it, others agree or are refused. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { StoreMismatchError } from '../../../store/errors.ts'
import { createTokenKeyRing } from '../../../store/mint/key-ring.ts'
import type { Installation } from '../../fixture/installation.ts'
import { issue, newSub, register, stateOf } from '../actions.ts'

export function pinContract(at: () => Installation): void {
  describe('an installation', () => {
    it('keeps what the first process pinned', async () => {
      const { run } = at()
      const pin = (...fields: string[]) =>
        run('pin-installation', ['claimcheck:installation'], fields)
      expect(await pin('partitions', '9', 'format', '99')).toEqual(['8', '1'])
      expect(await pin('partitions', '9')).toEqual(['8'])
    })

    it('refuses other partitions, another prefix and another key under the same id', async () => {
      const { open } = at()
      const tokenKeys = [{ id: 'k1', secret: randomBytes(32) }]
      for (const other of [{ partitions: 16 }, { prefix: 'other' }, { tokenKeys }]) {
        await expect(open(other)).rejects.toThrow(StoreMismatchError)
      }
    })

    it('knows whose token keys fit', async () => {
      const { run, redis, tokenKeys } = at()
      const installation = 'claimcheck:installation'
      const own = createTokenKeyRing(tokenKeys).minting.fingerprint
      const tell = (...args: string[]) => run('register-token-keys', [installation], args)
      const fields = async () => Object.keys(await redis.hgetall(installation)).sort()
      expect(await tell('', 'k1', own)).toEqual(['registered', 'k1'])
      expect(await tell('', 'k1', 'another')).toEqual(['differs', 'k1'])
      expect(await tell('k2', 'k2', 'new')).toEqual(['lacks', 'k1'])
      const known = await fields()
      expect(await tell('k2', 'k2', 'new', 'k1', own)).toEqual(['registered', 'k1'])
      expect(await fields()).toEqual([...known, 'key:k2'].sort())
      expect(await tell('k1', 'k1', own, 'k2', 'new')).toEqual(['registered', 'k2'])
      expect(await tell('k1', 'k1', own)).toEqual(['registered', 'k1'])
      expect(await fields()).toEqual(known)
    })

    it('refuses keys of another format', async () => {
      const { open, redis } = at()
      await redis.hset('claimcheck:installation', 'format', '2')
      await expect(open()).rejects.toThrow(/format 2/)
      await redis.hset('claimcheck:installation', 'format', '1')
      await expect(open()).resolves.toBeDefined()
    })

    it('is ready when every primary answers', async () => {
      expect(await at().store.readiness()).toEqual({ ready: true, checks: { redis: 'ok' } })
    })

    it('does not notice that scripts were flushed', async () => {
      const { store, redis } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const { accessToken } = await issue(store, { sub, clientId })
      const nodes = 'nodes' in redis ? redis.nodes('master') : [redis]
      await Promise.all(nodes.map((node) => node.script('FLUSH')))
      expect(await stateOf(store, accessToken)).toBe('active')
    })
  })
}
