/** The entries: what an event drops, that nothing else goes with it, and that the sums stay right. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  createEntryCache,
  type Entry,
  type EntryCache,
} from '../../client/src/cache/entry-cache.ts'
import type { Groups, SingleEvent } from '../../client/src/cache/groups.ts'
import type { ActiveToken } from '../../client/src/wire/index.ts'
import { waitFor } from '../fixture/wait-for.ts'

const BYTES = 100

function entry(key: string, groups: Partial<Groups> = {}): Entry {
  return {
    key,
    answer: {} as ActiveToken,
    groups: { jti: key, grantId: `g-${key}`, sid: '', sub: 'alice', clientId: 'web', ...groups },
    partition: 0,
    seq: 1,
    expiresAt: Number.POSITIVE_INFINITY,
    expiresAtWall: Number.POSITIVE_INFINITY,
    liveUntil: Number.POSITIVE_INFINITY,
    askedAt: 0,
    bytes: BYTES,
    isUsed: false,
  }
}

const ENTRIES: readonly Entry[] = [
  entry('plain'),
  entry('in-1', { contexts: ['course:1'] }),
  entry('in-2', { contexts: ['course:2'] }),
  entry('in-1-and-2', { contexts: ['course:1', 'course:2'] }),
  entry('bob-plain', { sub: 'bob' }),
  entry('bob-in-1', { sub: 'bob', contexts: ['course:1'] }),
  entry('exchanged', {
    sub: 'carol',
    sid: 's-carol',
    clientId: 'viewer',
    origins: [
      { jti: 'middle', grant_id: 'g-middle', client_id: 'broker' },
      { jti: 'root', grant_id: 'g-root', client_id: 'portal' },
    ],
  }),
]

function filled(): EntryCache {
  const cache = createEntryCache({ maxEntries: 100, maxBytes: 1e6 })
  for (const one of ENTRIES) cache.set({ ...one })
  return cache
}

const aliceIn = (...contexts: string[]): SingleEvent => ({
  type: 'subject',
  sub: 'alice',
  contexts,
})

describe('an event', () => {
  it.each<[SingleEvent, readonly string[]]>([
    [aliceIn('course:1'), ['plain', 'in-1', 'in-1-and-2']],
    [aliceIn('course:2', 'course:1'), ['plain', 'in-1', 'in-2', 'in-1-and-2']],
    [aliceIn('course:9'), ['plain']],
    [aliceIn('*'), ['plain', 'in-1', 'in-2', 'in-1-and-2']],
    [
      aliceIn(...Array.from({ length: 33 }, (_, n) => `course:${n + 10}`)),
      ['plain', 'in-1', 'in-2', 'in-1-and-2'],
    ],
    [{ type: 'subject', sub: 'bob' }, ['bob-plain', 'bob-in-1']],
    [{ type: 'subject_client', sub: 'bob', client_id: 'web' }, ['bob-plain', 'bob-in-1']],
    [{ type: 'session', sid: 's-carol' }, ['exchanged']],
    [{ type: 'session', sid: '' }, []],
    [{ type: 'token', jti: 'root' }, ['exchanged']],
    [{ type: 'token', jti: 'middle' }, ['exchanged']],
    [{ type: 'grant', grant_id: 'g-root' }, ['exchanged']],
    [{ type: 'client', client_id: 'broker' }, ['exchanged']],
    [{ type: 'client', client_id: 'viewer' }, ['exchanged']],
    [{ type: 'subject_client', sub: 'carol', client_id: 'portal' }, ['exchanged']],
    [{ type: 'subject_client', sub: 'alice', client_id: 'portal' }, []],
    [{ type: 'schema' }, ENTRIES.map(({ key }) => key)],
  ])('%j drops %j, and keeps the rest', (event, dropped) => {
    const cache = filled()
    cache.invalidate(0, 2, event)
    const gone = ENTRIES.map(({ key }) => key).filter((key) => cache.get(key) === undefined)
    expect(gone).toEqual(dropped)
    const left = ENTRIES.length - dropped.length
    expect([cache.size, cache.bytes]).toEqual([left, left * BYTES])
  })

  it('keeps what was read at or after it', () => {
    const cache = filled()
    cache.invalidate(0, 1, aliceIn('*'))
    expect(cache.size).toBe(ENTRIES.length)
  })

  it.each<SingleEvent>([
    { type: 'token', jti: 'jti' },
    { type: 'grant', grant_id: 'grant' },
    { type: 'session', sid: 'sid' },
    { type: 'subject', sub: 'alice' },
    { type: 'subject', sub: 'alice', contexts: ['course:1'] },
    { type: 'subject_client', sub: 'alice', client_id: 'web' },
    { type: 'client', client_id: 'web' },
    { type: 'all' },
    { type: 'schema' },
  ])('%j of one partition keeps the entries of another, even of the same names', (event) => {
    const cache = createEntryCache({ maxEntries: 10, maxBytes: 1e6 })
    const names = { jti: 'jti', grantId: 'grant', sid: 'sid' }
    for (const partition of [0, 1]) cache.set({ ...entry(`in ${partition}`, names), partition })
    cache.invalidate(0, 2, event)
    expect([cache.get('in 0'), cache.get('in 1')]).toEqual([
      undefined,
      expect.objectContaining({ partition: 1 }),
    ])
    expect([cache.size, cache.bytes]).toEqual([1, BYTES])
  })

  it('finds nothing under the names of what is gone', () => {
    const cache = filled()
    cache.clear()
    cache.set(entry('in-1', { contexts: ['course:3'] }))
    cache.invalidate(0, 2, aliceIn('course:1'))
    cache.invalidate(0, 2, { type: 'token', jti: 'root' })
    expect([cache.size, cache.bytes]).toEqual([1, BYTES])
  })
})

describe('an entry under a key that is taken', () => {
  /** The position and partition of what is kept after two entries of one key. */
  function keptOf(...both: readonly Partial<Entry>[]) {
    const cache = createEntryCache({ maxEntries: 10, maxBytes: 1e6 })
    for (const one of both) cache.set({ ...entry('same'), ...one })
    expect([cache.size, cache.bytes]).toEqual([1, BYTES])
    const { partition, seq, askedAt } = cache.get('same') as Entry
    return { partition, seq, askedAt }
  }

  it('is not kept when it was read before the one that is there', () => {
    expect(keptOf({ seq: 5, askedAt: 1 }, { seq: 4, askedAt: 2 })).toMatchObject({ seq: 5 })
  })

  it('takes the place of one that was read before it, or at the same position', () => {
    expect(keptOf({ seq: 4 }, { seq: 5 })).toMatchObject({ seq: 5 })
    expect(keptOf({ seq: 5, askedAt: 1 }, { seq: 5, askedAt: 2 })).toMatchObject({ askedAt: 2 })
  })

  it('takes the place of one of another partition, whose positions do not compare', () => {
    const [old, next] = [
      { partition: 0, seq: 5 },
      { partition: 1, seq: 4 },
    ]
    expect(keptOf(old, next)).toMatchObject(next)
  })
})

it('a token that came from its own grant is one entry, and goes at once', () => {
  const cache = createEntryCache({ maxEntries: 10, maxBytes: 1e6 })
  const origins = [{ jti: 'root', grant_id: 'g-child', client_id: 'web' }]
  cache.set(entry('child', { origins }))
  cache.invalidate(0, 2, { type: 'grant', grant_id: 'g-child' })
  cache.set(entry('other', { grantId: 'g-child' }))
  cache.invalidate(0, 2, { type: 'grant', grant_id: 'g-child' })
  expect([cache.size, cache.bytes]).toEqual([0, 0])
})

describe('a full cache', () => {
  const MOST = 100

  function fullOfUsed(): EntryCache {
    const cache = createEntryCache({ maxEntries: MOST, maxBytes: 1e6 })
    for (let n = 0; n < MOST; n++) cache.set({ ...entry(`old-${n}`), isUsed: true })
    return cache
  }

  /** Keeps an entry and serves it once; whether that was possible. */
  function use(cache: EntryCache, one: Entry): boolean {
    cache.set(one)
    const found = cache.get(one.key)
    if (found !== undefined) found.isUsed = true
    return found !== undefined
  }

  it('takes every new entry, and in the end has given up all that are used no more', () => {
    const cache = fullOfUsed()
    for (let n = 0; n < 10 * MOST; n++) expect(use(cache, entry(`new-${n}`))).toBe(true)
    for (let n = 0; n < MOST; n++) expect(cache.get(`old-${n}`)).toBeUndefined()
    expect([cache.size, cache.bytes]).toEqual([MOST, MOST * BYTES])
  })

  it.each(['once', 'twice'])(
    'keeps what is in use, however many contexts one token is asked about %s',
    (times) => {
      const cache = fullOfUsed()
      const [inUse, flood] = [5, 100 * MOST]
      let missed = 0
      for (let n = 0; n < flood; n++) {
        const contexts = [`made-up:${n}`]
        const made = entry(`flood ${contexts}`, { jti: 'flood', contexts })
        if (times === 'once') cache.set(made)
        else expect(use(cache, made)).toBe(true)
        const mine = cache.get(`old-${n % inUse}`)
        if (mine !== undefined) mine.isUsed = true
        else {
          missed += 1
          use(cache, entry(`old-${n % inUse}`))
        }
      }
      // Where all have been used, one of them is the first to go.
      expect(missed / flood).toBeLessThan(0.01)
      expect([cache.size, cache.bytes]).toEqual([MOST, MOST * BYTES])
      cache.invalidate(0, 2, { type: 'token', jti: 'flood' })
      expect([cache.size, cache.bytes]).toEqual([inUse, inUse * BYTES])
    },
  )

  it('makes room by bytes too, and refuses only what would not fit alone', () => {
    const cache = createEntryCache({ maxEntries: MOST, maxBytes: 10 * BYTES })
    for (let n = 0; n < 10; n++) use(cache, entry(`old-${n}`))
    expect(use(cache, { ...entry('big'), bytes: 9 * BYTES })).toBe(true)
    expect([cache.size, cache.bytes]).toEqual([2, 10 * BYTES])
    expect(use(cache, { ...entry('too big'), bytes: 11 * BYTES })).toBe(false)
    expect(cache.size).toBe(2)
  })

  it('looks at no more entries than were used, however many there are', () => {
    const most = 10_000
    const cache = createEntryCache({ maxEntries: most, maxBytes: 1e9 })
    let looks = 0
    const watched = (key: string): Entry => {
      let isUsed = false
      return {
        ...entry(key),
        get isUsed() {
          looks += 1
          return isUsed
        },
        set isUsed(is) {
          isUsed = is
        },
      }
    }
    for (let n = 0; n < most; n++) cache.set(watched(`old-${n}`))
    let uses = 0
    for (let n = 0; n < 2 * most; n++) {
      cache.set(watched(`new-${n}`))
      const found = cache.get(`new-${n - 7}`)
      if (n % 3 !== 0 || found === undefined) continue
      found.isUsed = true
      uses += 1
    }
    expect(cache.size).toBe(most)
    expect(looks).toBeLessThanOrEqual(2 * most + uses)
  })
})

it('what is gone is let go of, even if there was always room', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const cache = createEntryCache({ maxEntries: 1_000, maxBytes: 1e9 })
  const known: WeakRef<Entry>[] = []
  for (let n = 0; n < 20_000; n++) {
    const one = entry(`${n}`)
    cache.set(one)
    known.push(new WeakRef(one))
    cache.delete(`${n - 50}`)
  }
  await waitFor(() => {
    collect()
    return known.filter((ref) => ref.deref() !== undefined).length < 500
  })
  expect(cache.size).toBe(50)
})
