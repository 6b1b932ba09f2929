/** The log: gapless, published as it is written, trimmed by age; and expiry: nothing outlives what it was for. */
import { describe, expect, it } from 'vitest'
import type { Installation } from '../../fixture/installation.ts'
import { waitFor } from '../../fixture/wait-for.ts'
import {
  BY,
  issue,
  issueGrant,
  locate,
  moveClock,
  newSub,
  readLog,
  refreshed,
  register,
  revoke,
  seqOf,
  stateOf,
} from '../actions.ts'

/** How many of the oldest entries one change looks at, as include/log.lua has it. */
const LOG_TRIM_BATCH = 16

export function logContract(at: () => Installation): void {
  const change = (sub: string, store = at().store) => store.subjects.put(sub, BY, { claims: {} })

  describe('the log', () => {
    it('is gapless under parallel changes of every kind, and its ids are the seqs', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const partition = partitions.of(sub)
      const grants = await Promise.all(
        Array.from({ length: 10 }, () => issueGrant(store, { sub, clientId, session: 'new' })),
      )
      const before = await seqOf(at(), partition)
      await Promise.all(
        grants.flatMap(({ jti, grantId, sid }) => [
          revoke(store, { level: 'token', jti }),
          revoke(store, { level: 'grant', grantId }),
          revoke(store, { level: 'session', sid: sid as string }),
          change(sub),
        ]),
      )
      await Promise.all([
        revoke(store, { level: 'subject', sub }),
        revoke(store, { level: 'subject+client', sub, clientId }),
        revoke(store, { level: 'client', clientId }),
        revoke(store, { level: 'all' }),
        register(store, clientId),
      ])
      const entries = await readLog(at(), partition)
      const seq = await seqOf(at(), partition)
      expect(seq).toBe(before + 45)
      expect(entries.at(-1)?.id).toBe(`${seq}-0`)
      const first = Number(entries[0]?.id.split('-')[0])
      expect(entries.map(({ id }) => id)).toEqual(entries.map((_, n) => `${first + n}-0`))
      const times = entries.map(({ atUs }) => atUs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    })

    it('is published as it is written', async () => {
      const { store, keys, partitions, node } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const partition = partitions.of(sub)
      const { accessToken } = await issue(store, { sub, clientId })
      const { state } = await store.tokens.introspect(accessToken, '')
      const listener = node.duplicate({ lazyConnect: true })
      const heard: string[] = []
      // Pub/sub knows no partition: what others do meanwhile is heard too.
      listener.on('message', (_channel: string, text: string) => {
        if (text.includes(sub)) heard.push(text)
      })
      await listener.connect()
      await listener.subscribe(keys.channel)
      try {
        await change(sub)
        await revoke(store, { level: 'subject', sub })
        await waitFor(() => heard.length >= 2)
      } finally {
        listener.disconnect()
      }
      const logged = (await readLog(at(), partition)).slice(-2)
      const epoch = state.kind === 'active' ? state.stamp.epoch : ''
      expect(heard).toEqual(
        logged.map(({ id, event, revocation }) => {
          const seq = id.split('-')[0]
          const change = `${partitions.tag(partition)} ${epoch} ${seq} ${JSON.stringify(event)}`
          return revocation === undefined ? change : `${change}\n${revocation}`
        }),
      )
    })

    it('forgets by age, oldest first and a few at each change, and keeps what is young', async () => {
      const { open, partitions, redis, keys } = at()
      const logRetentionMs = 3_600_000
      const brief = await open({ logRetentionMs })
      const sub = newSub()
      const partition = partitions.of(sub)
      const { log } = keys.partition(partition)
      const positions = async () =>
        (await readLog(at(), partition)).map(({ id }) => Number(id.split('-')[0]))
      const from = (first: number, last: number) =>
        Array.from({ length: last - first + 1 }, (_, n) => first + n)
      // More than one trim looks at, so that several are needed.
      for (let n = 0; n < 2.5 * LOG_TRIM_BATCH; n++) await change(sub)
      const old = await seqOf(at(), partition)
      let [floor = 0] = await positions()
      const lastAtUs = (await readLog(at(), partition)).at(-1)?.atUs as number
      // The age is told by the partition's clock; the life of the whole key, by that of Redis, goes on.
      await moveClock(at(), partition, lastAtUs + logRetentionMs * 1_000)
      while (floor <= old) {
        await change(sub, brief)
        floor = Math.min(floor + LOG_TRIM_BATCH, old + 1)
        expect(await positions()).toEqual(from(floor, await seqOf(at(), partition)))
      }
      await change(sub, brief)
      expect(await positions()).toEqual(from(old + 1, await seqOf(at(), partition)))
      expect(await redis.pttl(log)).toBeGreaterThan(0)
      expect(await redis.pttl(log)).toBeLessThanOrEqual(logRetentionMs)
    })

    it('ages out as a whole when idle, and the count goes on', async () => {
      const { open, partitions, redis, keys } = at()
      const brief = await open({ logRetentionMs: 50 })
      const sub = newSub()
      const partition = partitions.of(sub)
      await change(sub, brief)
      const before = await seqOf(at(), partition)
      await waitFor(async () => (await redis.exists(keys.partition(partition).log)) === 0)
      await change(sub)
      expect((await readLog(at(), partition)).map(({ id }) => id)).toEqual([`${before + 1}-0`])
    })
  })

  describe('expiry', () => {
    it('leaves nothing of what has ended', async () => {
      const { store, redis, keys, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const here = keys.partition(partitions.of(sub))
      const lifetime = 1
      const own = await issue(store, { sub, clientId, lifetime })
      const grant = await issueGrant(store, {
        sub,
        clientId,
        lifetime,
        session: 'new',
        refresh: { lifetimeSeconds: lifetime, idleLifetimeSeconds: lifetime },
      })
      const ownHash = (await locate(store, own.accessToken)).hash
      const { grant: local, hash } = await locate(store, grant.accessToken)
      const session = partitions.parsePublicId(grant.sid as string)?.local as string
      await revoke(store, { level: 'token', jti: own.jti })
      await revoke(store, { level: 'token', jti: grant.jti })
      await revoke(store, { level: 'grant', grantId: grant.grantId }, 1)
      await revoke(store, { level: 'session', sid: grant.sid as string }, 1)
      const records = [here.token(ownHash), here.tokens(local), here.grant(local)]
      const cutoffs = [here.cutoff.token(ownHash), here.cutoff.token(hash)]
      cutoffs.push(here.cutoff.grant(local), here.cutoff.session(session))
      const all = [...records, ...cutoffs, here.session(session), here.index(sub)]
      for (const key of all) {
        expect(await redis.exists(key), key).toBe(1)
        expect(await redis.pttl(key), key).toBeGreaterThan(0)
        expect(await redis.pttl(key), key).toBeLessThanOrEqual(1_000)
      }
      await waitFor(async () => {
        const found = await Promise.all(all.map((key) => redis.exists(key)))
        return found.every((exists) => exists === 0)
      })
      for (const token of [own.accessToken, grant.accessToken]) {
        expect(await stateOf(store, token)).toBe('unknown')
      }
    })

    it('ends a token on time while others of its grant live on', async () => {
      const { store } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const grant = await issueGrant(store, { sub, clientId, lifetime: 1 })
      const next = await refreshed(store, grant.refreshToken, clientId)
      await waitFor(async () => (await stateOf(store, grant.accessToken)) === 'expired')
      expect(await stateOf(store, next.accessToken)).toBe('active')
    })

    it('takes members out of an index that lives on', async () => {
      const { store, redis, keys, partitions } = at()
      const clientId = await register(store)
      const sub = newSub()
      const index = keys.partition(partitions.of(sub)).index(sub)
      await issue(store, { sub, clientId, lifetime: 1 })
      await issue(store, { sub, clientId, lifetime: 1, session: 'new' })
      let { refreshToken } = await issueGrant(store, { sub, clientId })
      expect(await redis.zcard(index)).toBe(4)
      await waitFor(async () => {
        ;({ refreshToken } = await refreshed(store, refreshToken, clientId))
        return (await redis.zcard(index)) === 1
      })
    })

    it('gives wide cutoffs more than a year', async () => {
      const { store, redis, keys, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      await revoke(store, { level: 'subject', sub })
      await revoke(store, { level: 'subject+client', sub, clientId })
      await revoke(store, { level: 'client', clientId })
      await revoke(store, { level: 'all' })
      const { cutoff } = keys.partition(partitions.of(sub))
      const wide = [cutoff.subject(sub), cutoff.subjectClient(sub, clientId)]
      for (const key of [...wide, cutoff.client(clientId), cutoff.all]) {
        expect(await redis.pttl(key)).toBeGreaterThan(365 * 86_400_000)
      }
    })
  })
}
