/** On a real Redis: a lease is true, and no lease is given while the node cannot know. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../fixture/wait-for.ts'
import type { FeedSocket } from './feed-socket.ts'
import { type FeedWorld, ofSubject, startFeedWorld } from './feed-world.ts'

/** The nodes: a hanging Redis is an outage soon. */
const IMPATIENT = { commandTimeoutMs: 2_000 }

describe('a lease', () => {
  let world: FeedWorld

  beforeAll(async () => {
    world = await startFeedWorld({
      redis: ['--appendonly', 'yes'],
      introspectStores: [IMPATIENT, IMPATIENT],
    })
  })

  afterEach(() => world.closeSockets())

  afterAll(() => world.close())

  const indexOf = (feed: FeedSocket, matches: (frame: FeedSocket['frames'][number]) => boolean) =>
    feed.frames.findIndex(matches)

  const readiness = async (node: 0 | 1) => {
    const response = await fetch(`${world.introspect[node]}/readyz`)
    return { status: response.status, body: (await response.json()) as object }
  }

  it('comes after every revocation acknowledged before its probe left', async () => {
    const feeds = [await world.start(0), await world.start(1)]
    const acknowledged: string[] = []
    const probes: { feed: FeedSocket; n: number; subjects: readonly string[] }[] = []
    let isRevoking = true

    async function revokeOn(worker: number): Promise<void> {
      for (let n = 0; n < 400; n++) {
        const sub = `${worker}-${n}`
        await world.revoke(sub)
        acknowledged.push(sub)
      }
    }
    async function probeOn(feed: FeedSocket): Promise<void> {
      for (let n = 1; isRevoking; n++) {
        probes.push({ feed, n, subjects: [...acknowledged] })
        await feed.lease()
      }
    }
    async function cutOn(): Promise<void> {
      while (isRevoking) {
        await world.redis.direct.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
        await delay(20)
      }
    }
    const revoking = Promise.all([1, 2, 3, 4].map(revokeOn)).finally(() => {
      isRevoking = false
    })
    await Promise.all([revoking, cutOn(), ...feeds.map(probeOn)])

    expect(probes.length).toBeGreaterThan(5)
    for (const { feed, n, subjects } of probes) {
      const leasedAt = indexOf(feed, (frame) => frame.type === 'lease' && frame.n === n)
      const told = new Set<string>()
      for (const frame of feed.frames.slice(0, leasedAt)) {
        if (frame.type === 'event' && frame.event.type === 'subject') told.add(frame.event.sub)
      }
      expect(subjects.filter((sub) => !told.has(sub))).toEqual([])
    }
  })

  it('is not given while Redis hangs, and again once it goes on', async () => {
    const feed = await world.start()
    const starting = await world.open()
    await feed.lease()
    world.redis.pause()
    feed.send({ type: 'probe', n: 100 })
    starting.send({ type: 'hello', version: 1 })
    expect((await readiness(0)).status).toBe(503)
    expect(feed.frames.some((frame) => frame.type === 'lease' && frame.n === 100)).toBe(false)
    expect(starting.frames).toEqual([])
    world.redis.resume()
    await starting.started()
    await waitFor(async () => (await readiness(0)).status === 200)
    feed.send({ type: 'probe', n: 101 })
    await waitFor(() => feed.frames.some((frame) => frame.type === 'lease' && frame.n === 101))
  })

  it('comes after the resets of a Redis that was killed and is back', async () => {
    const feed = await world.start()
    await world.redis.kill()
    feed.send({ type: 'probe', n: 1 })
    expect((await readiness(0)).status).toBe(503)
    expect(feed.frames.some(({ type }) => type === 'lease')).toBe(false)
    await world.redis.start()
    for (let n = 2; !feed.frames.some(({ type }) => type === 'lease'); n++) {
      feed.send({ type: 'probe', n })
      await delay(50)
    }
    const beforeLease = feed.frames.slice(
      0,
      indexOf(feed, ({ type }) => type === 'lease'),
    )
    const resets = beforeLease.filter((frame) => frame.type === 'reset')
    expect(new Set(resets.map(({ partition }) => partition)).size).toBe(64)
  })

  it('is not given, and the node is not ready, while a log cannot be read', async () => {
    const feed = await world.start()
    await world.revoke('alice')
    await feed.event(ofSubject('alice'))
    const { direct } = world.redis
    await direct
      .multi()
      .rename('cc{A}l', 'aside')
      .set('cc{A}l', 'x')
      .hincrby('cc{A}h', 'seq', 1)
      .exec()
    feed.send({ type: 'probe', n: 1 })
    const { status, body } = await readiness(0)
    expect([status, body]).toEqual([
      503,
      { status: 'not_ready', checks: { redis: 'ok', feed: 'behind' } },
    ])
    expect(feed.frames.some(({ type }) => type === 'lease')).toBe(false)
    await direct.del('cc{A}l')
    await waitFor(async () => (await readiness(0)).status === 200)
    feed.send({ type: 'probe', n: 2 })
    await waitFor(() => feed.frames.some(({ type }) => type === 'lease'))
    expect(indexOf(feed, ({ type }) => type === 'reset')).toBeLessThan(
      indexOf(feed, ({ type }) => type === 'lease'),
    )
  })

  it('is not given where Redis would refuse a write: a primary that lost its replicas', async () => {
    const feed = await world.start()
    await world.redis.direct.config('SET', 'min-replicas-to-write', '1')
    feed.send({ type: 'probe', n: 1 })
    await waitFor(async () => (await readiness(0)).status === 503)
    expect(feed.frames.some(({ type }) => type === 'lease')).toBe(false)
    await world.redis.direct.config('SET', 'min-replicas-to-write', '0')
    await waitFor(async () => (await readiness(0)).status === 200)
  })
})
