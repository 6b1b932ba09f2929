/** What the feed sends to a connected client, and when: start, changes, resume and reset, also through faults of Redis. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { StartFrame } from '../../client/src/wire/index.ts'
import { createPartitions } from '../../store/partitions.ts'
import { waitFor } from '../fixture/wait-for.ts'
import type { FeedSocket } from './feed-socket.ts'
import { type FeedWorld, ofSubject, startFeedWorld } from './feed-world.ts'

const partitionOf = createPartitions(64).of
const HOME = partitionOf('alice')

describe('the feed', () => {
  let world: FeedWorld

  beforeAll(async () => {
    world = await startFeedWorld({ redis: ['--appendonly', 'yes'] })
  })

  afterEach(() => world.closeSockets())

  afterAll(() => world.close())

  const hows = ({ partitions }: StartFrame) => partitions.map(([how]) => how)
  const head = async () => {
    const heads = await world.store.log.heads()
    return heads[HOME] as (typeof heads)[number]
  }

  /** Changes the log without a script, so that nothing is published. */
  async function tamper(change: (seq: number) => (string | number)[][]): Promise<void> {
    const { seq } = await head()
    await world.redis.direct.multi(change(seq)).exec()
  }

  const logKey = 'cc{A}l'.replace('A', createPartitions(64).tag(HOME))
  const headKey = logKey.replace(/l$/, 'h')

  it('starts a new client at the head of every partition', async () => {
    const feed = await world.start()
    const start = await feed.started()
    const heads = await world.store.log.heads()
    expect(start.partitions).toEqual(heads.map(({ epoch, seq }) => ['reset', epoch, seq]))
  })

  it('tells of a revocation on every node', async () => {
    const feeds = [await world.start(0), await world.start(1)]
    await world.revoke('alice')
    for (const feed of feeds) {
      const { epoch, seq } = await head()
      expect(await feed.event(ofSubject('alice'))).toEqual({
        type: 'event',
        partition: HOME,
        epoch,
        seq,
        event: { type: 'subject', sub: 'alice' },
      })
    }
  })

  it('tells of every level of the lattice, and of the registry', async () => {
    const feed = await world.start()
    const { revocations, clients } = world.store
    const by = { by: 'test' }
    await world.register('another')
    await revocations.revoke({ level: 'subject+client', sub: 'alice', clientId: 'web' }, by)
    await revocations.revoke({ level: 'client', clientId: 'web' }, by)
    await revocations.revoke({ level: 'all' }, by)
    await feed.event(({ event }) => event.type === 'subject_client' && event.client_id === 'web')
    for (let partition = 0; partition < 64; partition++) {
      await feed.event((frame) => frame.partition === partition && frame.event.type === 'all')
    }
    await feed.event(({ event }) => event.type === 'client' && event.client_id === 'another')
    expect(await clients.get('another')).toBeDefined()
  })

  it('goes on where a client left off, with what it missed and nothing twice', async () => {
    const before = await world.start()
    before.close()
    const missed = Array.from({ length: 20 }, (_, n) => `missed-${n}`)
    for (const sub of missed) await world.revoke(sub)
    const after = await world.start(0, before.cursors)
    expect(new Set(hows(await after.started()))).toEqual(new Set(['resume']))
    for (const sub of missed) await after.event(ofSubject(sub))
    await world.revoke('missed-0')
    await waitFor(() => after.frames.filter((frame) => frame.type === 'event').length === 21)
  })

  it('goes on at another node', async () => {
    const before = await world.start(0)
    before.close()
    await world.revoke('alice')
    const after = await world.start(1, before.cursors)
    await after.event(ofSubject('alice'))
  })

  it('resets a cursor of another epoch, one ahead of the log, and one it has no events for', async () => {
    const { epoch, seq } = await head()
    const cursors = {
      [HOME]: ['0123456789abcdef', seq] as const,
      [(HOME + 1) % 64]: [epoch, 1e9] as const,
      '4095': [epoch, 1] as const,
    }
    const feed = await world.start(0, cursors)
    expect(new Set(hows(await feed.started()))).toEqual(new Set(['reset']))
    await tamper(() => [['xtrim', logKey, 'MAXLEN', '0']])
    const restarted = await world.start(0, { [HOME]: [epoch, 0] })
    expect((await restarted.started()).partitions[HOME]).toEqual(['resume', epoch, seq])
  })

  it('finds within a poll what was never published', async () => {
    const feed = await world.start()
    const json = '{"type":"subject","sub":"unpublished"}'
    await tamper((seq) => [
      ['hset', headKey, 'seq', seq + 1],
      ['xadd', logKey, `${seq + 1}-0`, 'at', 1, 'event', json],
    ])
    await feed.event(ofSubject('unpublished'))
  })

  it('resets a partition whose log no longer goes back far enough', async () => {
    const feed = await world.start()
    const { epoch, seq: last } = await head()
    await tamper((seq) => [
      ['hset', headKey, 'seq', seq + 5],
      ['xadd', logKey, `${seq + 5}-0`, 'at', 1, 'event', '{"type":"all"}'],
      ['xtrim', logKey, 'MINID', `${seq + 5}-0`],
    ])
    await waitFor(() => feed.frames.some(({ type }) => type === 'reset'))
    expect(feed.frames.at(-1)).toEqual({ type: 'reset', partition: HOME, epoch, seq: last + 5 })
    await world.revoke('alice')
    expect(await feed.event(ofSubject('alice'))).toMatchObject({ seq: last + 6 })
  })

  it('resets a partition whose log has a hole', async () => {
    const feed = await world.start()
    await tamper((seq) => [
      ['hset', headKey, 'seq', seq + 3],
      ['xadd', logKey, `${seq + 1}-0`, 'at', 1, 'event', '{"type":"all"}'],
      ['xadd', logKey, `${seq + 3}-0`, 'at', 1, 'event', '{"type":"all"}'],
    ])
    await waitFor(() => feed.frames.some(({ type }) => type === 'reset'))
    expect(await feed.lease()).toMatchObject({ type: 'lease' })
  })

  it('resets a partition that was flushed under the same epoch', async () => {
    const feed = await world.start()
    const { epoch } = await head()
    await tamper(() => [
      ['hset', headKey, 'seq', 0],
      ['del', logKey],
    ])
    await feed.lease()
    expect(feed.frames).toContainEqual({ type: 'reset', partition: HOME, epoch, seq: 0 })
  })

  it('takes an event it cannot read for one that touches everything', async () => {
    const feed = await world.start()
    await tamper((seq) => [
      ['hset', headKey, 'seq', seq + 1],
      ['xadd', logKey, `${seq + 1}-0`, 'at', 1, 'event', '{"type":'],
    ])
    await feed.event(({ event }) => (event.type as string) === 'unreadable')
  })

  it('ignores messages that are none, late or from another partition count', async () => {
    const feed = await world.start()
    const { epoch, seq } = await head()
    const tag = createPartitions(64).tag(HOME)
    for (const text of [
      '',
      'nonsense',
      `${tag} ${epoch} ${seq + 1} not-json`,
      `${tag} ${epoch} ${seq + 1} {"type":`,
      `${tag} ${epoch} ${seq + 1} {"no":"type"}`,
      `${tag} ${epoch} -1 {"type":"all"}`,
      `${tag} ${epoch} ${seq} {"type":"subject","sub":"late"}`,
      `!! ${epoch} 1 {"type":"all"}`,
      `AA ${epoch} 1 {"type":"all"}`,
      `${tag} 0123456789abcdef ${seq + 1} {"type":"all"}`,
    ]) {
      await world.redis.direct.publish('cc:feed', text)
    }
    await feed.lease()
    expect(feed.frames.filter(({ type }) => type === 'event' || type === 'reset')).toEqual([])
  })

  it('takes back a made-up message that continued the sequence', async () => {
    const feed = await world.start()
    const { epoch, seq } = await head()
    const tag = createPartitions(64).tag(HOME)
    const text = `${tag} ${epoch} ${seq + 1} {"type":"subject","sub":"made up"}`
    await world.redis.direct.publish('cc:feed', text)
    // Redis may answer the publisher before it writes to the node.
    await feed.event(ofSubject('made up'))
    await feed.lease()
    expect(feed.frames).toContainEqual({ type: 'reset', partition: HOME, epoch, seq })
  })

  it('goes on when its subscription is cut', async () => {
    const feed = await world.start()
    for (let n = 0; n < 5; n++) {
      await world.redis.direct.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await world.revoke(`cut-${n}`)
      await feed.event(ofSubject(`cut-${n}`))
    }
    const subscribers = () => world.redis.direct.pubsub('NUMSUB', 'cc:feed')
    await waitFor(async () => Number((await subscribers())[1]) === 2)
    expect(feed.frames.some(({ type }) => type === 'reset')).toBe(false)
  })

  it('resets every partition when Redis has restarted', async () => {
    const feed: FeedSocket = await world.start()
    const { epoch } = await head()
    await world.redis.kill()
    await world.redis.start()
    await waitFor(() => feed.frames.filter(({ type }) => type === 'reset').length === 64)
    const heads = await waitFor(() => world.store.log.heads())
    expect(heads[HOME]?.epoch).not.toBe(epoch)
    expect(Object.values(feed.cursors)).toEqual(heads.map(({ epoch, seq }) => [epoch, seq]))
    await world.revoke('alice')
    await feed.event(ofSubject('alice'))
    await feed.lease()
  })
})
