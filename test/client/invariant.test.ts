/** A violated invariant is noticed in each state machine, and makes the client drop its cache instead of serving from it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it } from 'vitest'
import { createAnswers } from '../../client/src/cache/answers.ts'
import { createEntryCache, type Entry } from '../../client/src/cache/entry-cache.ts'
import { createFreshness } from '../../client/src/cache/freshness.ts'
import { createMarks } from '../../client/src/cache/marks.ts'
import { createNegativeCache } from '../../client/src/cache/negative-cache.ts'
import { INACTIVE, readAnswer } from '../../client/src/cache/reply.ts'
import { FeedSession } from '../../client/src/feed/session.ts'
import { type Client, createClient, environment } from '../../client/src/index.ts'
import { InvariantViolation } from '../../client/src/invariant.ts'
import { Lookups } from '../../client/src/service/lookups.ts'
import type { ActiveToken, FeedEvent } from '../../client/src/wire/index.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  activeAnswer,
  answerActive,
  grantEverything,
  START,
  shaped,
  startScriptedServer,
} from './scripted-server.ts'

const BOUND_MS = 1_000
const ALL: FeedEvent = { type: 'all' }

const freshAt = (now: number) => {
  const freshness = createFreshness({ boundMs: BOUND_MS, marksPerPartition: 8 })
  freshness.apply(START, now)
  freshness.apply({ type: 'lease', n: freshness.probe(now) }, now)
  return freshness
}

const entry = (key: string): Entry => ({
  key,
  answer: readAnswer(activeAnswer(key)) as ActiveToken,
  groups: { jti: 'jti', grantId: 'grant', sid: '', sub: 'sub', clientId: 'web' },
  partition: 0,
  seq: 0,
  expiresAt: Number.POSITIVE_INFINITY,
  expiresAtWall: Number.POSITIVE_INFINITY,
  liveUntil: Number.POSITIVE_INFINITY,
  askedAt: 0,
  bytes: 10,
  isUsed: false,
})

describe('the protocol', () => {
  it('refuses a frame and a probe from the past', () => {
    const freshness = freshAt(10)
    expect(() => freshness.apply(START, 9)).toThrow(InvariantViolation)
    expect(() => freshness.probe(9)).toThrow('elapsed time never goes back')
    expect(() => freshness.apply(START, Number.NaN)).toThrow(InvariantViolation)
  })

  it('serves and stores nothing after it has started over, and knows a late lease from a new one', () => {
    const freshness = freshAt(10)
    const late = freshness.probe(11)
    freshness.startOver()
    expect(freshness.isLeased(12)).toBe(false)
    expect(freshness.cursors()).toBeUndefined()
    freshness.apply(START, 12)
    expect(freshness.apply({ type: 'lease', n: late }, 13)).toEqual([])
    expect(freshness.isLeased(13)).toBe(false)
  })

  it('refuses, once it knows positions again, what was asked before', () => {
    const freshness = freshAt(10)
    freshness.startOver()
    freshness.apply(START, 12)
    const stamp = { partition: 0, epoch: 'e1', seq: 0 }
    expect(freshness.judge(stamp, entry('a').groups, 12)).toBe('stale')
    expect(freshness.judge(stamp, entry('a').groups, 13)).toBe('store')
  })
})

describe('the cache', () => {
  it('notices marks out of order', () => {
    const marks = createMarks(5, 8)
    expect(() => marks.raise(ALL as { type: 'all' }, 4)).toThrow(InvariantViolation)
  })

  it('notices an entry that its index does not find any more, and can still be emptied', () => {
    const cache = createEntryCache({ maxEntries: 2, maxBytes: 100 })
    const moved = entry('a')
    cache.set(moved)
    ;(moved as { key: string }).key = 'b'
    expect(() => cache.invalidate(0, 1, { type: 'token', jti: 'jti' })).toThrow(InvariantViolation)
    cache.clear()
    expect([cache.size, cache.bytes]).toEqual([0, 0])
    cache.set(entry('a'))
    expect(cache.size).toBe(1)
  })

  it('notices bytes that do not add up', () => {
    const cache = createEntryCache({ maxEntries: 2, maxBytes: 100 })
    const grown = entry('a')
    cache.set(grown)
    ;(grown as { bytes: number }).bytes = 11
    expect(() => cache.delete('a')).toThrow('not negative')
  })

  it('notices an answer that arrives before its request', () => {
    const answers = createAnswers({
      entries: createEntryCache({ maxEntries: 2, maxBytes: 100 }),
      negatives: createNegativeCache(2),
      freshness: freshAt(0),
      boundMs: BOUND_MS,
      clientId: 'a',
      mode: () => 'feed',
    })
    const reply = { answer: INACTIVE, stamp: undefined, bytes: 1, serverTimeMs: undefined }
    const settle = () => answers.settle('t', { reply, askedAt: 2 }, { elapsed: 1, wall: 1 })
    expect(settle).toThrow(InvariantViolation)
  })
})

describe('the parts that send', () => {
  it('have one connection at a time', async () => {
    const server = await startScriptedServer()
    const session = new FeedSession({
      url: `${server.issuer.replace('http', 'ws')}/feed`,
      authorization: '',
      WebSocket,
      freshness: freshAt(0),
      boundMs: BOUND_MS,
      timeoutMs: BOUND_MS,
      backoff: { next: () => 0, reset: () => undefined },
      now: () => 0,
      onFrame: () => [],
      onUp: () => undefined,
      onDown: () => undefined,
      onFault: () => undefined,
    })
    session.open()
    expect(() => session.open()).toThrow(InvariantViolation)
    session.close()
    expect(() => session.open()).toThrow(InvariantViolation)
    await server.close()
  })

  it('give no token the answer of another when a reply is missing', async () => {
    const reply = { answer: INACTIVE, stamp: undefined, bytes: 1, serverTimeMs: undefined }
    const lookups = new Lookups({
      introspector: { ask: async () => [reply], batchLimit: async () => 2 },
      maxConcurrency: 1,
      maxQueued: 2,
      now: () => 0,
      pauseBeforeRetry: async () => undefined,
    })
    const asked = ['a', 'b'].map((key) => lookups.ask({ key, token: key, contexts: '' }, false))
    const settled = await Promise.allSettled(asked)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(lookups.pending).toBe(0)
  })
})

describe('a client whose clocks go back', () => {
  const closings: (() => unknown)[] = []
  const states: unknown[] = []
  const listen = (message: unknown): void => void states.push(message)

  afterEach(async () => {
    unsubscribe('claimcheck:client:state', listen)
    for (const close of closings.splice(0)) await close()
    states.length = 0
  })

  /** Looks the token up, and tells whether the cache serves it; a busy machine may lose the lease in between. */
  async function isServed(client: Client): Promise<boolean> {
    await client.introspect(shaped('a'))
    return client.peek(shaped('a')) !== undefined
  }

  async function open(maxStalenessMs: number) {
    const server = await startScriptedServer()
    let aheadMs = 0
    const client = createClient({
      issuer: server.issuer,
      clientId: 'a',
      clientSecret: 'b',
      maxStalenessMs,
      [environment]: {
        monotonic: () => performance.now() + aheadMs,
        wall: () => Date.now() + aheadMs,
        random: () => 0,
      },
    })
    closings.push(client.close, server.close)
    // Ahead from now on, so that going back does not lead to before the start.
    aheadMs = 60_000
    subscribe('claimcheck:client:state', listen)
    await waitFor(() => isServed(client))
    const goBack = () => {
      aheadMs = 0
    }
    return { server, client, goBack }
  }

  it('drops its cache at the next probe, asks the service, reports it, and recovers', async () => {
    const { server, client, goBack } = await open(200)
    server.greet = () => undefined
    goBack()
    await waitFor(() => client.health().state === 'starting')
    expect(states).toContainEqual({
      state: 'starting',
      reason: 'the cache was dropped because of an internal fault: elapsed time never goes back',
    })
    expect(client.health()).toMatchObject({ entries: 0, lastProblem: expect.any(String) })
    expect(client.peek(shaped('a'))).toBeUndefined()
    expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: true, source: 'live' })
    expect(client.health().entries).toBe(0)
    server.greet = grantEverything
    await waitFor(() => isServed(client))
  })

  it('does not return an answer that seems to precede its request, but asks again', async () => {
    // No probe falls into the test, so that the answer is the first to notice.
    const { server, client, goBack } = await open(600_000)
    const askedBefore = server.asked.length
    server.respond = (request) => {
      goBack()
      server.respond = answerActive()
      answerActive()(request)
    }
    const decision = await client.authorize(shaped('b'), {})
    expect(decision).toMatchObject({ ok: true, source: 'live' })
    expect(server.asked.length - askedBefore).toBe(2)
    expect(JSON.stringify(states)).toContain('an answer arrives after its request')
    expect(client.peek(shaped('a'))).toBeUndefined()
  })
})
