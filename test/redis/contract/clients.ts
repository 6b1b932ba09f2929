/** The registry: versions order writers, a deletion stands, resources are counted, disabling cuts. */
import { describe, expect, it } from 'vitest'
import type { ScriptReply } from '../../../store/redis/script-runner.ts'
import type { Installation } from '../../fixture/installation.ts'
import {
  BY,
  issue,
  metadata,
  newSub,
  readLog,
  register,
  seqOf,
  stateOf,
  tryIssue,
} from '../actions.ts'

export function clientsContract(at: () => Installation): void {
  /** The script itself, in one partition. */
  function put(
    clientId: string,
    partition: number,
    change: { state?: string; version?: number; expected?: number; cut?: boolean; json?: string },
  ): Promise<ScriptReply> {
    const { run, keys } = at()
    const here = keys.partition(partition)
    const { state = 'enabled', version = '', expected = '', cut = false } = change
    const json = change.json ?? JSON.stringify({ ...metadata(), secrets: [] })
    return run(
      'put-client',
      [here.head, here.log, here.clients, here.cutoff.client(clientId)],
      [
        ...[here.base, clientId, state, json, version, expected, cut ? 'cut' : 'keep', '{}'],
        ...['{"type":"client"}', 60_000, keys.channel, 60_000],
      ],
    )
  }

  const recordsOf = (clientId: string) => {
    const { redis, keys, partitions } = at()
    const all = Array.from({ length: partitions.count }, (_, n) => keys.partition(n).clients)
    return Promise.all(all.map((clients) => redis.hget(clients, `c:${clientId}`)))
  }

  describe('the registry', () => {
    it('keeps what was registered, the same in every partition', async () => {
      const { store } = at()
      const clientId = await register(store, undefined, { client_name: 'Å "1"' })
      expect(await store.clients.get(clientId)).toMatchObject({
        client_id: clientId,
        version: 1,
        enabled: true,
        metadata: metadata({ client_name: 'Å "1"' }),
        secrets: [],
      })
      expect(new Set(await recordsOf(clientId)).size).toBe(1)
      await register(store, clientId, { scope: '' })
      expect(await store.clients.get(clientId)).toMatchObject({
        version: 2,
        metadata: { scope: '' },
      })
      expect(new Set(await recordsOf(clientId)).size).toBe(1)
    })

    it('lists everybody but the deleted, page by page', async () => {
      const { store } = at()
      const ids = await Promise.all(Array.from({ length: 30 }, () => register(store)))
      await store.clients.delete(ids[0] as string, BY)
      const seen = new Set<string>()
      let cursor: string | undefined
      do {
        const page = await store.clients.list(cursor, 10)
        for (const client of page.clients) seen.add(client.client_id)
        cursor = page.next
      } while (cursor !== undefined)
      expect(ids.filter((id) => !seen.has(id))).toEqual([ids[0]])
    })

    it('loses no change of many made at once, and ends the same everywhere', async () => {
      const { store, open } = at()
      const other = await open()
      const clientId = await register(store, undefined, { scope: '' })
      const writers = Array.from({ length: 12 }, (_, n) =>
        (n % 2 === 0 ? store : other).clients.put(clientId, BY, (current) => {
          const known = current ?? { enabled: true, metadata: metadata(), secrets: [] }
          const scope = `${known.metadata.scope} s${n}`.trim()
          return { ...known, metadata: { ...known.metadata, scope } }
        }),
      )
      await Promise.all(writers)
      const client = await store.clients.get(clientId)
      expect(client?.metadata.scope.split(' ').sort()).toEqual(
        Array.from({ length: 12 }, (_, n) => `s${n}`).sort(),
      )
      expect(client?.version).toBe(13)
      expect(new Set(await recordsOf(clientId)).size).toBe(1)
    })

    it('refuses a writer that expected another version, and changes nothing', async () => {
      const { store } = at()
      const clientId = await register(store)
      const before = await seqOf(at(), 0)
      expect(await put(clientId, 0, { expected: 7 })).toEqual(['conflict', '1'])
      expect(await put(clientId, 0, { version: 1, state: 'disabled' })).toEqual(['older', '1'])
      expect(await put(clientId, 0, { version: 0 })).toEqual(['older', '1'])
      expect(await seqOf(at(), 0)).toBe(before)
      expect(await put(clientId, 0, { expected: 1 })).toEqual(['stored', '2'])
      expect(await put(clientId, 0, { version: 5 })).toEqual(['stored', '5'])
      expect(await put(clientId, 0, {})).toEqual(['stored', '6'])
      expect(await seqOf(at(), 0)).toBe(before + 3)
      expect((await readLog(at(), 0)).at(-1)?.event).toEqual({ type: 'client' })
    })

    it('cuts off what was issued even where a newer version was faster', async () => {
      const { store, partitions } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const partition = partitions.of(sub)
      const { accessToken } = await issue(store, { sub, clientId })
      // One writer disables (2), another enables again (3); this partition receives them in reverse order.
      await put(clientId, partition, { version: 3 })
      await put(clientId, partition, { version: 2, state: 'disabled', cut: true })
      expect(await stateOf(store, accessToken)).toBe('revoked')
    })

    it('keeps a deleted client deleted against a slow writer', async () => {
      const { store } = at()
      const clientId = await register(store)
      expect(await store.clients.delete(clientId, BY)).toBe(true)
      expect(await store.clients.delete(clientId, BY)).toBe(true)
      expect(await store.clients.delete('never-was', BY)).toBe(false)
      expect(await put(clientId, 0, { version: 1 })).toEqual(['older', expect.any(String)])
      expect(await put(clientId, 0, { version: 3 })).toEqual(['older', expect.any(String)])
      expect(await store.clients.get(clientId)).toBeUndefined()
      await register(store, clientId)
      expect((await store.clients.get(clientId))?.version).toBeGreaterThan(3)
    })

    it('counts a resource for as long as any client is it', async () => {
      const { store, redis, keys } = at()
      const [sub, clientId] = [newSub(), await register(store)]
      const [one, two] = [`https://${clientId}.test/1`, `https://${clientId}.test/2`]
      const counts = async () => redis.hmget(keys.partition(0).clients, `r:${one}`, `r:${two}`)
      const first = await register(store, undefined, { resources: [one, two] })
      const second = await register(store, undefined, { resources: [one] })
      expect(await counts()).toEqual(['2', '1'])
      await register(store, first, { resources: [two] })
      expect(await counts()).toEqual(['1', '1'])
      await register(store, second, { resources: [one], enabled: false })
      expect(await counts()).toEqual(['1', '1'])
      await store.clients.delete(second, BY)
      expect(await counts()).toEqual([null, '1'])
      const refused = await tryIssue(store, { sub, clientId, aud: [one] })
      expect(refused).toEqual({ kind: 'unknown-target', resource: one })
    })

    it.each(['disabling', 'deleting'])('cuts off what was issued by %s', async (how) => {
      const { store } = at()
      const clientId = await register(store)
      const tokens = await Promise.all(
        Array.from({ length: 10 }, () => issue(store, { sub: newSub(), clientId })),
      )
      if (how === 'deleting') await store.clients.delete(clientId, BY)
      else await register(store, clientId, { enabled: false })
      await register(store, clientId)
      for (const { accessToken } of tokens) {
        expect(await stateOf(store, accessToken)).toBe('revoked')
      }
      const { accessToken } = await issue(store, { sub: newSub(), clientId })
      expect(await stateOf(store, accessToken)).toBe('active')
    })

    it('leaves tokens alone when a client merely changes', async () => {
      const { store } = at()
      const clientId = await register(store)
      const { accessToken } = await issue(store, { sub: newSub(), clientId })
      await register(store, clientId, { scope: 'other' })
      expect(await stateOf(store, accessToken)).toBe('active')
    })

    it('slows down who fails to authenticate too often, by client and source', async () => {
      const { store, open } = at()
      const other = await open()
      const failure = { clientId: newSub(), source: '192.0.2.1' }
      for (let n = 0; n < 10; n++) {
        expect(await (n % 2 === 0 ? store : other).failures.record(failure)).toBeUndefined()
      }
      const slowed = await store.failures.record(failure)
      expect(slowed?.retryAfterSeconds).toBeGreaterThan(0)
      expect(slowed?.retryAfterSeconds).toBeLessThanOrEqual(60)
      expect(await store.failures.record({ ...failure, source: '192.0.2.2' })).toBeUndefined()
    })
  })
}
