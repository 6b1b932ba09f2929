/** The entries: what an event drops, that nothing else goes with it, and that the sums stay right. */
import { describe, expect, it } from 'vitest'
import { createEntryCache, type Entry, type EntryCache } from '../../client/src/entry-cache.ts'
import type { Groups, SingleEvent } from '../../client/src/groups.ts'
import type { ActiveToken } from '../../client/src/wire/index.ts'

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

  it('finds nothing under the names of what is gone', () => {
    const cache = filled()
    cache.clear()
    cache.set(entry('in-1', { contexts: ['course:3'] }))
    cache.invalidate(0, 2, aliceIn('course:1'))
    cache.invalidate(0, 2, { type: 'token', jti: 'root' })
    expect([cache.size, cache.bytes]).toEqual([1, BYTES])
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
