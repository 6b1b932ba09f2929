/** What a client may not do on the feed, and how the feed answers it. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { LogHead } from '../../store/change-log.ts'
import { basic } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { refusedFeed } from './feed-socket.ts'
import { type FeedWorld, ofSubject, startFeedWorld } from './feed-world.ts'

const HELLO = { type: 'hello', version: 1 }

describe('limits of the feed', () => {
  let world: FeedWorld

  beforeAll(async () => {
    world = await startFeedWorld({
      feedLimits: {
        helloTimeoutMs: 300,
        silenceMs: 4_000,
        maxConnections: 3,
        maxFramesPerSecond: 20,
      },
    })
  })

  afterEach(async () => {
    world.closeSockets()
    await waitFor(async () => (await metric('claimcheck_feed_connections')) === 0)
  })

  afterAll(() => world.close())

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${world.introspect[0]}/metrics`)).text()
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
  }

  const offences: Record<string, readonly (object | string | Buffer)[]> = {
    'something before hello': [{ type: 'probe', n: 1 }],
    'an ack before hello': [{ type: 'ack', cursors: {} }],
    'a second hello': [HELLO, HELLO],
    'what is not JSON': ['{'],
    'what is not an object': ['[]'],
    'a null': ['null'],
    'no type': [{}],
    'a type that is no string': [{ type: 1 }],
    'a hello without a version': [{ type: 'hello' }],
    'a version that is no number': [{ type: 'hello', version: '1' }],
    'cursors that are no object': [{ ...HELLO, cursors: [] }],
    'a cursor of no partition': [{ ...HELLO, cursors: { x: ['a', 1] } }],
    'a cursor of partition 007': [{ ...HELLO, cursors: { '007': ['a', 1] } }],
    'a cursor of partition 4096': [{ ...HELLO, cursors: { '4096': ['a', 1] } }],
    'a cursor without seq': [{ ...HELLO, cursors: { 1: ['a'] } }],
    'a cursor whose epoch is none': [{ ...HELLO, cursors: { 1: ['<script>', 1] } }],
    'a cursor with a fraction': [{ ...HELLO, cursors: { 1: ['a', 1.5] } }],
    'a cursor below zero': [{ ...HELLO, cursors: { 1: ['a', -1] } }],
    'a probe without a number': [HELLO, { type: 'probe' }],
    'a probe with a text': [HELLO, { type: 'probe', n: '1' }],
    'a probe too large to count': [HELLO, { type: 'probe', n: 1e300 }],
    'probes that do not grow': [HELLO, { type: 'probe', n: 2 }, { type: 'probe', n: 2 }],
    'an ack without cursors': [HELLO, { type: 'ack' }],
    'a binary frame': [Buffer.from(JSON.stringify(HELLO))],
    'a frame that is too large': [{ ...HELLO, filler: 'x'.repeat(9_000) }],
    'too many frames': [HELLO, ...Array.from({ length: 20 }, () => ({ type: 'news' }))],
  }
  for (const [offence, frames] of Object.entries(offences)) {
    it(`closes with 4400 on ${offence}`, async () => {
      const feed = await world.open()
      for (const frame of frames) {
        if (Buffer.isBuffer(frame)) feed.socket.send(frame)
        else feed.send(frame)
      }
      expect(await feed.closeCode()).toBe(4400)
    })
  }

  it('closes the connection on a message that is far too large', async () => {
    const feed = await world.open()
    feed.send({ ...HELLO, filler: 'x'.repeat(100_000) })
    expect(await feed.closeCode()).toBe(1009)
  })

  it('closes with 4406 on another version, whatever its hello looks like', async () => {
    const feed = await world.open()
    feed.send({ type: 'hello', version: 2, cursors: 'of another form' })
    expect(await feed.closeCode()).toBe(4406)
  })

  it('closes with 4400 a connection that does not say hello in time', async () => {
    const feed = await world.open()
    expect(await feed.closeCode()).toBe(4400)
  })

  it('ignores frames and members it does not know', async () => {
    const feed = await world.open()
    feed.send({ type: 'news', of: 'tomorrow' })
    feed.send({ ...HELLO, more: true })
    await feed.started()
    feed.send({ type: 'news' })
    feed.send({ type: 'ack', cursors: feed.cursors, more: true })
    await feed.lease()
  })

  it('passes over more probes than may be open, and answers the others', async () => {
    const feed = await world.start()
    for (let n = 1; n <= 12; n++) feed.send({ type: 'probe', n })
    await waitFor(() => feed.frames.filter(({ type }) => type === 'lease').length >= 8)
    feed.send({ type: 'probe', n: 13 })
    await waitFor(() => feed.frames.some((frame) => frame.type === 'lease' && frame.n === 13))
  })

  it('cuts a socket that has fallen silent, and keeps one that answers pings', async () => {
    const silent = await world.start()
    const alive = await world.start()
    silent.socket.pause()
    await waitFor(async () => (await metric('claimcheck_feed_connections')) === 1)
    expect(alive.closed).toBeUndefined()
    silent.socket.resume()
    expect(await silent.closeCode()).toBe(1006)
  })

  it('tells a client that connects to a full node to come back later', async () => {
    const feeds = [await world.start(), await world.start(), await world.start()]
    const headers = { authorization: basic(world.grades) }
    const refusal = await refusedFeed(world.introspect[0], headers)
    expect([refusal.status, refusal.headers['retry-after']]).toEqual([503, '5'])
    expect(JSON.parse(refusal.body)).toMatchObject({ error: 'temporarily_unavailable' })
    feeds[0]?.close()
    await waitFor(async () => (await metric('claimcheck_feed_connections')) < 3)
    await world.start()
  })

  it('knows how far behind an acknowledging client is', async () => {
    const lag = () => metric('claimcheck_feed_unacknowledged_events')
    const feed = await world.start()
    feed.send({ type: 'ack', cursors: feed.cursors })
    await feed.lease()
    expect(await lag()).toBe(0)
    for (let n = 0; n < 3; n++) await world.revoke('alice')
    await feed.lease()
    expect(await lag()).toBe(3)
    feed.send({ type: 'ack', cursors: feed.cursors })
    await waitFor(async () => (await lag()) === 0)
  })
})

describe('a socket that is read too slowly', () => {
  it('is closed with 4408, and the other clients still receive events', async () => {
    const world = await startFeedWorld({ feedLimits: { maxBufferedBytes: 65_536 } })
    onTestFinished(world.close)
    const slow = await world.start()
    const quick = await world.start()
    slow.socket.pause()
    const isClosed = () => world.logs.some((line) => line.includes('read too slowly'))
    // Long names fill the buffers of the kernel sooner.
    const json = `{"type":"subject","sub":"${'x'.repeat(60_000)}"}`
    const { epoch, seq: head } = (await world.store.log.heads())[0] as LogHead
    for (let seq = head + 1; !isClosed(); seq++) {
      await world.redis.direct
        .multi()
        .hset('cc{A}h', 'seq', seq)
        .xadd('cc{A}l', `${seq}-0`, 'at', 1, 'event', json)
        .publish('cc:feed', `A ${epoch} ${seq} ${json}`)
        .exec()
    }
    slow.socket.resume()
    expect([1006, 4408]).toContain(await slow.closeCode())
    await world.revoke('bob')
    await quick.event(ofSubject('bob'))
    expect(quick.closed).toBeUndefined()
    world.closeSockets()
  })
})
