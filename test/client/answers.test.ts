/** The cache where races would have to be won to see it from outside: ends, our own registration, negatives, contexts. */
import { describe, expect, it } from 'vitest'
import {
  type CacheMode,
  createAnswers,
  entryKey,
  type Moment,
} from '../../client/src/cache/answers.ts'
import { createEntryCache } from '../../client/src/cache/entry-cache.ts'
import { createFreshness } from '../../client/src/cache/freshness.ts'
import { createNegativeCache } from '../../client/src/cache/negative-cache.ts'
import { INACTIVE, type Reply, readAnswer } from '../../client/src/cache/reply.ts'
import type { FeedEvent, IntrospectionResponse } from '../../client/src/wire/index.ts'
import { activeAnswer, START } from './scripted-server.ts'

const MAX_STALENESS_MS = 1_000
const KEY = 'token'

function open(mode: CacheMode = 'feed') {
  const freshness = createFreshness({ boundMs: MAX_STALENESS_MS, marksPerPartition: 8 })
  const entries = createEntryCache({ maxEntries: 10, maxBytes: 1e6 })
  const answers = createAnswers({
    entries,
    negatives: createNegativeCache(10),
    freshness,
    boundMs: MAX_STALENESS_MS,
    clientId: 'ours',
    mode: () => mode,
  })
  const at = (elapsed: number) => ({ elapsed, wall: elapsed })
  const lease = (now: number) => {
    freshness.apply({ type: 'lease', n: freshness.probe(now) }, now)
  }
  let seq = 0
  const tell = (event: FeedEvent, now: number) => {
    seq += 1
    answers.apply(freshness.apply({ type: 'event', partition: 0, epoch: 'e1', seq, event }, now))
  }
  const stampAt = (position: number) => ({ partition: 0, epoch: 'e1', seq: position })
  const land = (
    answer: IntrospectionResponse,
    askedAt: number,
    more: Partial<Reply> = {},
    contexts?: string,
  ) => {
    const reply = { answer, stamp: stampAt(seq), bytes: 100, serverTimeMs: askedAt, ...more }
    return answers.settle(KEY, { reply, askedAt }, at(askedAt + 1), contexts)
  }
  answers.apply(freshness.apply(START, 0))
  return { answers, entries, at, lease, tell, land, stampAt }
}

const active = (more: Record<string, unknown> = {}): IntrospectionResponse =>
  readAnswer(activeAnswer('a', more)) ?? INACTIVE

const OWN: FeedEvent = { type: 'client', client_id: 'ours' }

describe('a change of our own registration', () => {
  it('drops what was kept, whoever the tokens were issued to', () => {
    const { answers, entries, at, lease, tell, land } = open()
    lease(1)
    land(active(), 2)
    expect(answers.find(KEY, at(3))).toBeDefined()
    tell(OWN, 4)
    expect(entries.size).toBe(0)
  })

  it('refuses what was asked before it, even if it was read after it', () => {
    const { tell, land } = open()
    tell(OWN, 10)
    expect(land(active(), 10)).toEqual({ kind: 'refused', reason: 'stale' })
    expect(land(active(), 11)).toEqual({ kind: 'kept' })
  })

  it('lets no older answer say for ever that a token is void', () => {
    const { answers, tell, land } = open()
    tell(OWN, 10)
    land(INACTIVE, 10)
    expect(answers.isVoid(KEY, 12)).toBe(false)
    land(INACTIVE, 11)
    expect(answers.isVoid(KEY, 12)).toBe(true)
  })

  it('is not taken for one of somebody else', () => {
    const { entries, tell, land } = open()
    land(active(), 2)
    tell({ type: 'client', client_id: 'theirs' }, 3)
    expect(entries.size).toBe(1)
  })
})

it('an answer that is ahead of the feed is not replaced by an older one, and outlives the events it knows', () => {
  const { answers, at, lease, tell, land, stampAt } = open()
  lease(1)
  const [newer, older] = [active({ roles: ['teacher'] }), active({ roles: [] })]
  expect(land(newer, 2, { stamp: stampAt(2) })).toEqual({ kind: 'kept' })
  // It was asked for first and arrives last.
  expect(land(older, 1, { stamp: stampAt(1) })).toEqual({ kind: 'kept' })
  for (const now of [5, 6]) {
    expect(answers.find(KEY, at(now))?.answer).toBe(newer)
    tell({ type: 'subject', sub: 'sub-a' }, now)
  }
  expect(answers.find(KEY, at(7))?.answer).toBe(newer)
})

describe('a change of several subjects', () => {
  const several: FeedEvent = {
    type: 'subjects',
    subjects: [{ sub: 'somebody' }, { sub: 'sub-a', contexts: ['course:1'] }],
  }

  it('drops what it touches of each, and nothing else', () => {
    const { entries, tell, land } = open()
    land(active(), 2, {}, 'course:2')
    tell(several, 3)
    expect(entries.size).toBe(1)
    land(active(), 4, {}, 'course:1')
    expect(entries.size).toBe(2)
    tell(several, 5)
    expect(entries.size).toBe(1)
  })

  it('refuses late replies about each', () => {
    const { tell, land, stampAt } = open()
    tell(several, 3)
    const late = { stamp: stampAt(0) }
    expect(land(active(), 4, late)).toEqual({ kind: 'refused', reason: 'stale' })
    expect(land(active({ sub: 'somebody' }), 4, late)).toEqual({ kind: 'refused', reason: 'stale' })
    expect(land(active({ sub: 'nobody' }), 4, late)).toEqual({ kind: 'kept' })
  })
})

describe('expiry', () => {
  it('by the clock of the server holds for stale facts too', () => {
    const { answers, at, land } = open('ttl')
    const serverTimeMs = 3_600_000_000
    land(active({ exp: serverTimeMs / 1_000 + 3 }), 10, { serverTimeMs })
    expect(answers.find(KEY, at(1_009))).toBeDefined()
    expect(answers.find(KEY, at(1_010))).toBeUndefined()
    expect(answers.findStale(KEY, at(2_009), 60_000)).toBeDefined()
    expect(answers.findStale(KEY, at(2_010), 60_000)).toBeUndefined()
  })

  it('that is not told leaves the time to live, and nothing with a feed', () => {
    const { exp: _none, ...endless } = activeAnswer('a')
    const answer = readAnswer(endless) ?? INACTIVE
    const plain = open('ttl')
    expect(plain.land(answer, 10)).toEqual({ kind: 'kept' })
    expect(plain.answers.find(KEY, plain.at(1_009))).toBeDefined()
    expect(plain.answers.find(KEY, plain.at(1_010))).toBeUndefined()
    expect(open('feed').land(answer, 10)).toEqual({ kind: 'passed', reason: 'unmarked' })
  })
})

describe('an answer that ends by itself', () => {
  const HOUR_MS = 3_600_000

  it.each([
    ['right', 0],
    ['an hour behind', -HOUR_MS],
    ['an hour ahead', HOUR_MS],
  ])(
    'is served no longer than it had left when it was asked for, with the clock of its node %s',
    (_, skewMs) => {
      const { answers, at, lease, land, stampAt } = open()
      const stamp = { ...stampAt(0), leftMs: 500 }
      lease(2_500)
      land(active(), 2_500, { stamp, serverTimeMs: 2_500 + skewMs })
      const clocks = [0, -HOUR_MS, HOUR_MS]
      for (const own of clocks) {
        const [before, then] = [2_999, 3_000].map((ms) => ({ ...at(ms), wall: ms + own }))
        expect(answers.find(KEY, before as Moment)).toBeDefined()
        expect(answers.find(KEY, then as Moment)).toBeUndefined()
        expect(answers.findStale(KEY, then as Moment, 60_000)).toBeUndefined()
      }
    },
  )

  it('is not served when nothing was left of it', () => {
    const { answers, at, lease, land, stampAt } = open()
    lease(500)
    expect(land(active(), 500, { stamp: { ...stampAt(0), leftMs: 0 } })).toEqual({ kind: 'kept' })
    expect(answers.find(KEY, at(501))).toBeUndefined()
  })

  it('ends with its token if that is sooner', () => {
    const { answers, at, lease, land, stampAt } = open()
    lease(500)
    const stamp = { ...stampAt(0), leftMs: HOUR_MS }
    land(active({ exp: 1 }), 500, { stamp, serverTimeMs: undefined })
    expect(answers.find(KEY, at(999))).toBeDefined()
    expect(answers.find(KEY, at(1_000))).toBeUndefined()
  })
})

describe('contexts', () => {
  const IN_1 = 'course:1'
  const IN_2 = 'course:2'
  const change: FeedEvent = { type: 'subject', sub: 'sub-a', contexts: [IN_1] }

  it('have entries of their own, of which a role change drops those it names', () => {
    const { answers, at, lease, tell, land } = open()
    lease(1)
    for (const contexts of ['', IN_1, IN_2]) land(active(), 2, {}, contexts)
    tell(change, 3)
    const found = ['', IN_1, IN_2].map((contexts) => answers.find(entryKey(KEY, contexts), at(4)))
    expect(found.map((entry) => entry !== undefined)).toEqual([false, false, true])
  })

  it.each([
    ['', 'refused'],
    [IN_1, 'refused'],
    [`${IN_1} ${IN_2}`, 'refused'],
    [IN_2, 'kept'],
  ])('asked as "%s" while a role changed in one: %s', (contexts, kind) => {
    const { tell, land, stampAt } = open()
    const stamp = stampAt(0)
    tell(change, 3)
    expect(land(active(), 2, { stamp }, contexts)).toMatchObject({ kind })
  })

  it('are all void when the token is', () => {
    const { answers, entries, at, land } = open()
    land(active(), 2)
    land(active(), 2, {}, IN_1)
    land(INACTIVE, 3, {}, IN_1)
    expect(entries.size).toBe(0)
    expect(answers.isVoid(KEY, at(4).elapsed)).toBe(true)
  })
})

describe('origins', () => {
  it.each([
    [[{ jti: 'j', grant_id: 'g', client_id: 'c' }], 'kept'],
    [[], 'kept'],
    [[{ jti: 'j', grant_id: 'g' }], 'passed'],
    ['j', 'passed'],
    [null, 'passed'],
    [[null], 'passed'],
  ])(
    'that read %j: such an answer is %s, for what events cannot find is not kept',
    (exchanged_from, kind) => {
      expect(open().land(active({ exchanged_from }), 2)).toMatchObject({ kind })
    },
  )
})
