/** The audit: its streams read as one in both orders, whatever the pages, and held to its bounds. */

import { beforeEach, describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../../client/src/wire/index.ts'
import { type AuditPage, type AuditQuery, createAudit } from '../../../store/audit.ts'
import type { AuditStream } from '../../../store/keys.ts'
import type { Installation } from '../../fixture/installation.ts'

const STREAMS = ['changes', 'issues', 'refusals'] as const
const LETTERS = {
  changes: 'c',
  issues: 'i',
  refusals: 'r',
  own: 'o',
  assignments: 'a',
  reads: 'q',
} as const
const ALL_STREAMS = Object.keys(LETTERS) as readonly AuditStream[]
const ORDERS = ['asc', 'desc'] as const
const DAY_MS = 86_400_000
const RETENTION_MS = 90 * DAY_MS
/** Redis keeps at most this many records in a node of a stream, and drops whole nodes. */
const MOST_IN_NODE = 100
/** Most records looked at for one page, and what a last look may add to them. */
const BUDGET = 10_000
const MOST_IN_LOOK = 3_000

interface Entry {
  readonly stream: AuditStream
  readonly ms: number
  readonly n: number
}

export function auditContract(at: () => Installation): void {
  const keyOf = (stream: AuditStream) => at().keys.audit(stream)
  const lengthOf = (stream: AuditStream) => at().redis.xlen(keyOf(stream))
  const idOf = ({ stream, ms, n }: Entry) => `${ms}-${n}${LETTERS[stream]}`

  /** Puts records in as if they had been kept at those times; each is told by its action. */
  async function keep(entries: readonly Entry[]): Promise<void> {
    const { redis } = at()
    const record = (entry: Entry) => JSON.stringify({ action: idOf(entry), result: 'done' })
    await Promise.all(
      entries.map((entry) =>
        redis.xadd(keyOf(entry.stream), `${entry.ms}-${entry.n}`, 'record', record(entry)),
      ),
    )
  }

  const read = (query: Partial<AuditQuery>): Promise<AuditPage> =>
    at().store.audit.read({ order: 'asc', size: 100, matches: () => true, ...query })

  /** Actions of all pages; every page but the last must have a next one and no page be too long. */
  async function readAll(query: Partial<AuditQuery> & { readonly size: number }) {
    const actions: string[] = []
    for (let cursor: string | undefined; ; ) {
      const { records, next } = await read({ ...query, cursor })
      expect(records.length).toBeLessThanOrEqual(query.size)
      for (const { id, at: time, action } of records) {
        expect([id, time]).toEqual([action, Number.parseInt(action, 10) / 1_000])
        actions.push(action)
      }
      if (next === undefined) return actions
      cursor = next
    }
  }

  /** By time, then by number, then by letter. */
  function inOrder(entries: readonly Entry[], order: AuditQuery['order']): string[] {
    const ascending = entries
      .toSorted(
        (a, b) => a.ms - b.ms || a.n - b.n || (LETTERS[a.stream] < LETTERS[b.stream] ? -1 : 1),
      )
      .map(idOf)
    return order === 'asc' ? ascending : ascending.reverse()
  }

  describe('the audit', () => {
    beforeEach(async () => {
      for (const stream of ALL_STREAMS) await at().redis.del(keyOf(stream))
    })

    it('keeps changes, issues and refusals apart, and hands them out as they were', async () => {
      const { redis, store } = at()
      const changed: AuditRecord = {
        ...{ action: 'subject.put', result: 'done', actor: 'op', actor_client: 'cli' },
        ...{ subject: 'å\n"x"', target: { level: 'all', n: 1, yes: true }, reason: 'r', count: 2 },
      }
      const issued: AuditRecord = { action: 'token.issue', result: 'done', source: '192.0.2.1' }
      const refused: AuditRecord = { action: 'token.issue', result: 'refused', error: 'denied' }
      const before = Date.now()
      for (const record of [changed, issued, refused]) await store.audit.append(record)
      for (const [n, stream] of STREAMS.entries()) {
        const [entry, ...more] = await redis.xrange(keyOf(stream), '-', '+')
        expect(more).toEqual([])
        expect(entry?.[1]).toEqual(['record', JSON.stringify([changed, issued, refused][n])])
      }
      const { records, next } = await read({})
      expect(next).toBeUndefined()
      expect(records.toSorted((a, b) => (a.id.slice(-1) < b.id.slice(-1) ? -1 : 1))).toEqual([
        { id: expect.stringMatching(/^\d+-\d+c$/) as string, at: expect.any(Number), ...changed },
        { id: expect.stringMatching(/^\d+-\d+i$/) as string, at: expect.any(Number), ...issued },
        { id: expect.stringMatching(/^\d+-\d+r$/) as string, at: expect.any(Number), ...refused },
      ])
      for (const { id, at: time } of records) {
        expect(time).toBe(Number.parseInt(id, 10) / 1_000)
        expect(time).toBeGreaterThanOrEqual(before / 1_000)
        expect(time).toBeLessThanOrEqual(Date.now() / 1_000)
      }
    })

    it('loses none of many that come at once, and gives each a unique id', async () => {
      const { store } = at()
      const actions = Array.from({ length: 200 }, (_, n) => `a${n}`)
      await Promise.all(actions.map((action) => store.audit.append({ action, result: 'done' })))
      const { records } = await read({ size: 500 })
      expect(records.map(({ action }) => action).sort()).toEqual(actions.sort())
      expect(new Set(records.map(({ id }) => id)).size).toBe(200)
    })

    it('is empty in both orders when nothing was kept', async () => {
      for (const order of ORDERS) {
        expect(await read({ order })).toEqual({ records: [], follow: 'c0-0i0-0r0-0o0-0a0-0q0-0' })
      }
    })

    it.each(ORDERS)('is whole and in order, %s, whatever the size of the pages', async (order) => {
      // The same moments and numbers in several streams, and moments that only some of them know.
      const entries = STREAMS.flatMap((stream, k) =>
        Array.from({ length: 40 }, (_, i) => ({ stream, ms: 1_000 + (i >> 2), n: i & 3 })).filter(
          ({ ms, n }) => (ms + n) % (k + 1) === 0,
        ),
      )
      await keep(entries)
      const expected = inOrder(entries, order)
      for (const size of [1, 2, 3, 7, entries.length - 1, entries.length, entries.length + 1]) {
        expect(await readAll({ order, size }), `pages of ${size}`).toEqual(expected)
      }
    })

    it.each(ORDERS)('is whole, %s, where one stream is longer than one look', async (order) => {
      const run = (stream: AuditStream, length: number, step: number) =>
        Array.from({ length }, (_, i) => ({ stream, ms: 5_000 + i * step, n: 0 }))
      // One is exactly as long as a look, one lies beyond the first look of the others.
      const late = { stream: 'refusals' as const, ms: 5_800, n: 0 }
      const entries = [...run('changes', 1_200, 1), ...run('issues', 500, 3), late]
      await keep(entries)
      const expected = inOrder(entries, order)
      for (const size of [499, 500, 501, 2_000]) {
        expect(await readAll({ order, size }), `pages of ${size}`).toEqual(expected)
      }
    })

    it.each(ORDERS)('can be limited to a time, both ends included, %s', async (order) => {
      const entries = STREAMS.flatMap((stream) =>
        [1_499, 1_500, 1_501, 2_249, 2_250, 2_251].flatMap((ms) => [
          { stream, ms, n: 0 },
          { stream, ms, n: 7 },
        ]),
      )
      await keep(entries)
      const within = (since: number, until: number) =>
        inOrder(
          entries.filter(({ ms }) => ms >= since && ms <= until),
          order,
        )
      const all = { order, size: 5 }
      expect(await readAll({ ...all, since: 1.5 })).toEqual(within(1_500, 9_999))
      expect(await readAll({ ...all, until: 2.25 })).toEqual(within(0, 2_250))
      expect(await readAll({ ...all, since: 1.5, until: 2.25 })).toEqual(within(1_500, 2_250))
      // Finer than a record can tell: what lies between is within neither.
      expect(await readAll({ ...all, since: 1.5004, until: 2.2496 })).toEqual(within(1_501, 2_249))
      expect(await readAll({ ...all, since: 2.252 })).toEqual([])
      expect(await readAll({ ...all, until: 1.498 })).toEqual([])
    })

    it('has no next page behind the last record, even where that fills its page', async () => {
      const entries = [1, 2, 3].map((ms) => ({ stream: 'changes' as const, ms, n: 0 }))
      await keep(entries)
      const { records, next } = await read({ size: 3 })
      expect([records.length, next]).toEqual([3, undefined])
      const first = await read({ size: 2 })
      expect(first.next).toBe('c2-0')
      const last = await read({ size: 2, cursor: first.next })
      expect([last.records.map(({ id }) => id), last.next]).toEqual([['3-0c'], undefined])
    })

    it('goes on behind what was read of each stream, whatever was kept meanwhile', async () => {
      await keep(STREAMS.map((stream) => ({ stream, ms: 9, n: 1 })))
      const behind = async (cursor: string, order: AuditQuery['order']) =>
        (await read({ order, cursor })).records.map(({ id }) => id)
      expect(await behind('c9-1', 'asc')).toEqual(['9-1i', '9-1r'])
      expect(await behind('c9-1i9-1r9-1', 'asc')).toEqual([])
      expect(await behind('r9-1', 'desc')).toEqual(['9-1i', '9-1c'])
      expect(await behind('c9-1i9-1r9-1', 'desc')).toEqual([])
      // Where nothing is, or is any more.
      expect(await behind('r9-0', 'asc')).toEqual(['9-1c', '9-1i', '9-1r'])
      expect(await behind('c9-2', 'desc')).toEqual(['9-1r', '9-1i', '9-1c'])
    })

    it('can be followed from either end, and passes over nothing that is written late', async () => {
      expect((await read({ order: 'desc', size: 1 })).follow).toBe('c0-0i0-0r0-0o0-0a0-0q0-0')
      await keep([{ stream: 'refusals', ms: 9, n: 1 }])
      const { follow } = await read({ order: 'desc', size: 1 })
      expect(follow).toBe('c0-0i0-0r9-1o0-0a0-0q0-0')
      const upwards = await read({ order: 'asc', size: 9 })
      expect([upwards.next, upwards.follow]).toEqual([undefined, follow])
      // Of the same moment, and of one before by another clock.
      await keep([
        { stream: 'changes', ms: 9, n: 0 },
        { stream: 'issues', ms: 3, n: 0 },
      ])
      const late = await read({ order: 'asc', size: 9, cursor: follow })
      expect(late.records.map(({ id }) => id)).toEqual(['3-0i', '9-0c'])
      const cursor = late.follow
      expect(cursor).toBe('c9-0i3-0r9-1o0-0a0-0q0-0')
      expect((await read({ order: 'asc', size: 9, cursor })).records).toEqual([])
      const part = await read({ order: 'asc', size: 1 })
      expect([part.next, part.follow]).toEqual(['i3-0', undefined])
    })

    it('keeps to its times, whatever the cursor says', async () => {
      await keep([1_000, 2_000, 3_000].map((ms) => ({ stream: 'changes' as const, ms, n: 0 })))
      const ids = async (query: Partial<AuditQuery>) =>
        (await read({ size: 9, ...query })).records.map(({ id }) => id)
      expect(await ids({ order: 'asc', since: 2, cursor: 'c500-0' })).toEqual([
        '2000-0c',
        '3000-0c',
      ])
      expect(await ids({ order: 'desc', until: 2, cursor: 'c9000-0' })).toEqual([
        '2000-0c',
        '1000-0c',
      ])
    })

    it('hands out only what matches, and fills the page with it', async () => {
      const entries = Array.from({ length: 60 }, (_, i) => ({
        ...{ stream: STREAMS[i % 3] as AuditStream, ms: 100 + i, n: 0 },
      }))
      await keep(entries)
      const wanted = inOrder(entries, 'asc').filter((_, i) => i % 7 === 3)
      const matches: AuditQuery['matches'] = ({ action }) => wanted.includes(action)
      for (const size of [1, 4, 100]) expect(await readAll({ size, matches })).toEqual(wanted)
      const { records } = await read({ size: 4, matches })
      expect(records).toHaveLength(4)
    })

    it.each(ORDERS)(
      'looks at a bounded number of records for one page, and once at each, %s',
      async (order) => {
        const entries = Array.from({ length: BUDGET + 2_000 }, (_, i) => ({
          ...{ stream: i % 9 === 0 ? ('refusals' as const) : ('changes' as const), ms: i, n: 1 },
        }))
        await keep(entries)
        const expected = inOrder(entries, order)
        const seen: string[] = []
        const matches: AuditQuery['matches'] = ({ action }) => {
          seen.push(action)
          return action === expected.at(-1)
        }
        const first = await read({ order, matches, size: 1 })
        expect(first.records).toEqual([])
        expect(seen.length).toBeGreaterThanOrEqual(BUDGET)
        expect(seen.length).toBeLessThan(BUDGET + MOST_IN_LOOK)
        const last = seen.at(-1) as string
        expect(first.next).toContain(last.at(-1) + last.slice(0, -1))
        const second = await read({ order, matches, size: 1, cursor: first.next })
        expect(second.records.map(({ id }) => id)).toEqual([expected.at(-1)])
        expect(second.next).toBeUndefined()
        expect(seen).toEqual(expected)
      },
    )

    it('drops what is older than its retention, and nothing else', async () => {
      const { open, store } = at()
      const brief = await open({ auditRetentionMs: 1_000 })
      const ago = (days: number, stream: AuditStream, count: number) =>
        Array.from({ length: count }, (_, n) => ({ stream, ms: now - days * DAY_MS, n }))
      const now = Date.now()
      await keep([...ago(91, 'changes', 300), ...ago(89, 'changes', 300)])
      await keep(ago(91, 'issues', 300))
      await store.audit.append({ action: 'x', result: 'done' })
      const older = await readAll({ size: 500, until: (now - 60_000) / 1_000 })
      const left = older.filter((id) => id.endsWith('c'))
      const young = left.filter((id) => Number.parseInt(id, 10) === now - 89 * DAY_MS)
      expect(young).toHaveLength(300)
      expect(left.length - young.length).toBeLessThan(MOST_IN_NODE)
      // Each stream is trimmed by its own records.
      expect(await lengthOf('issues')).toBe(300)
      await brief.audit.append({ action: 'y', result: 'done' })
      expect(await lengthOf('changes')).toBeLessThanOrEqual(MOST_IN_NODE)
      const [last] = (await read({ order: 'desc', size: 1 })).records
      expect(last).toMatchObject({ action: 'y' })
    })

    it('drops the oldest where there are too many', async () => {
      const { run } = at()
      const append = (n: number) =>
        run('append-audit', [keyOf('changes')], [`{"action":"${n}"}`, RETENTION_MS, 50])
      for (let n = 0; n < 400; n++) {
        expect(await append(n)).toEqual([expect.stringMatching(/^\d+-\d+$/)])
      }
      const left = (await read({ size: 500 })).records.map(({ action }) => Number(action))
      expect(left.length).toBeGreaterThanOrEqual(50)
      expect(left.length).toBeLessThanOrEqual(50 + MOST_IN_NODE)
      expect(left).toEqual(left.map((_, i) => 400 - left.length + i))
    })

    it('bounds the records of each kind, so that one kind cannot push out another', async () => {
      const bounds: unknown[] = []
      const audit = createAudit({
        ...({ keys: at().keys, auditRetentionMs: RETENTION_MS } as Parameters<
          typeof createAudit
        >[0]),
        run(name, keys, args) {
          bounds.push([...keys, ...args.slice(1)])
          return at().run(name, keys, args)
        },
      })
      const changes = [keyOf('changes'), RETENTION_MS, 1_000_000]
      const issues = [keyOf('issues'), RETENTION_MS, 500_000]
      const refusals = [keyOf('refusals'), RETENTION_MS, 100_000]
      const own = [keyOf('own'), RETENTION_MS, 200_000]
      const assignments = [keyOf('assignments'), RETENTION_MS, 1_000_000]
      const reads = [keyOf('reads'), RETENTION_MS, 100_000]
      const expected: readonly (readonly [AuditRecord, unknown])[] = [
        [{ action: 'client.put', result: 'done', actor: 'op' }, changes],
        [{ action: 'revocation.create', result: 'done', actor: 'op' }, changes],
        [{ action: 'revocation.create', result: 'done', actor_client: 'app' }, own],
        [{ action: 'token.issue', result: 'done' }, issues],
        [{ action: 'token.exchange', result: 'done' }, own],
        [{ action: 'role_assignments.apply', result: 'done' }, assignments],
        [{ action: 'role_schema.put', result: 'done' }, changes],
        [{ action: 'audit.read', result: 'done' }, reads],
        [{ action: 'token.explain', result: 'done' }, reads],
        [{ action: 'revocation.forecast', result: 'done' }, reads],
        [{ action: 'client.put', result: 'refused' }, refusals],
        [{ action: 'role_assignments.apply', result: 'refused' }, refusals],
      ]
      for (const [record] of expected) await audit.append(record)
      expect(bounds).toEqual(expected.map(([, bound]) => bound))
      const { records } = await read({ size: 500 })
      expect(records.map(({ action }) => action).sort()).toEqual(
        expected.map(([{ action }]) => action).sort(),
      )
    })

    it('goes on from a cursor of a time when there were fewer streams', async () => {
      const streams = ALL_STREAMS.map((stream) => ({ stream, ms: 9, n: 1 }))
      await keep(streams)
      const old = await read({ order: 'asc', cursor: 'c9-1i9-1r9-1' })
      expect(old.records.map(({ id }) => id).sort()).toEqual(['9-1a', '9-1o', '9-1q'])
      const rest = await read({ order: 'asc', cursor: old.follow })
      expect(rest.records).toEqual([])
      expect(await readAll({ size: 2 })).toEqual(inOrder(streams, 'asc'))
    })

    it('tells cursors from other texts', () => {
      const { audit } = at().store
      const cursors = ['c0-0', 'i1790000000000-12', 'c1-1i2-2r3-3', 'c1-1i2-2r3-3o4-4a5-5q6-6']
      for (const text of cursors) expect(audit.isCursor(text), text).toBe(true)
      for (const text of [
        '',
        '1-1',
        'x1-1',
        'c-1-1',
        'c1-1 ',
        '(c1-1',
        'c1-1i',
        `c${'9'.repeat(16)}-0`,
        'c1-1'.repeat(7),
      ]) {
        expect(audit.isCursor(text), text).toBe(false)
      }
    })
  })
}
