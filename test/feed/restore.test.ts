/** A Redis that comes back without its last writes, as after a failover: what was revoked stays revoked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RevocationMemory } from '../../introspect/feed/revocation-memory.ts'
import { createPartitions } from '../../store/partitions.ts'
import { registerApplication } from '../fixture/clients.ts'
import type { Login } from '../fixture/operator.ts'
import { fetchToken } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { INACTIVE } from '../fixture/world.ts'
import { type FeedWorld, startFeedWorld } from './feed-world.ts'
import { createManualClock } from './manual-clock.ts'

describe('after a history was lost', () => {
  let world: FeedWorld
  let node: string

  beforeAll(async () => {
    world = await startFeedWorld()
    node = world.introspect[0]
  })

  afterAll(() => world.close())

  const revoke = async (target: object) => {
    const response = await world.callAdmin('POST', '/revocations', target)
    expect(response.status).toBe(200)
  }
  /** Loses all writes since the last snapshot. */
  async function restart(): Promise<void> {
    const epoch = (await world.store.log.heads())[0]?.epoch
    await world.redis.kill()
    await world.redis.start()
    const now = await waitFor(() => world.store.log.heads())
    expect(now[0]?.epoch).not.toBe(epoch)
  }

  it('every level of the lattice is revoked again, and what came later is not', async () => {
    const { redis, web } = world
    const other = await registerApplication(world, 'other-app')
    const names = ['token', 'grant', 'session', 'subject', 'pair', 'suspended'] as const
    const logins = {} as Record<(typeof names)[number], Login>
    for (const name of names) logins[name] = await world.login(name)
    const otherToken = await fetchToken(world.issuer, other)
    const spared = await world.login('spared')
    const early = await world.login('early')
    const older = await world.login('spanned')
    const between = Date.now() / 1_000
    const late = await world.login('early')
    const of = { spanned: await world.login('spanned'), begun: await world.login('begun') }
    const behind = Date.now() / 1_000
    const last = await world.login('spanned')
    await redis.direct.save()
    await revoke({ token: logins.token.access_token })
    await revoke({ grant: logins.grant.grant_id })
    await revoke({ session: logins.session.sid })
    await revoke({ subject: 'subject', reason: 'a lost laptop' })
    await revoke({ subject: 'pair', client: web.client_id })
    await revoke({ client: other.client_id })
    await revoke({ subject: 'early', issued_before: between })
    await revoke({ subject: 'spanned', issued_after: between, issued_before: behind })
    await revoke({ grant: of.spanned.grant_id, issued_after: 1, issued_before: between })
    await revoke({ session: of.begun.sid, issued_after: between })
    await world.callAdmin('PUT', '/subjects/suspended', { status: 'suspended' })
    const caught = await world.start()
    await caught.lease()

    await restart()
    const void_ = [
      ...names.map((name) => logins[name].access_token),
      otherToken,
      early.access_token,
      of.spanned.access_token,
      of.begun.access_token,
    ]
    for (const token of void_) {
      await waitFor(async () => (await world.verdict(token)) === INACTIVE)
    }
    const metrics = await (await fetch(`${node}/metrics`)).text()
    expect(metrics).toMatch(/^claimcheck_feed_replayed_revocations_total \d+$/m)
    expect(await world.verdict(spared.access_token)).not.toBe(INACTIVE)
    for (const { access_token } of [late, older, last]) {
      expect(await world.verdict(access_token)).not.toBe(INACTIVE)
    }
    const again = await world.login('subject')
    expect(await world.verdict(again.access_token)).not.toBe(INACTIVE)
    expect(await redis.direct.keys('cc{*}xusubject')).toHaveLength(1)
    const [key = ''] = await redis.direct.keys('cc{*}xusubject')
    expect(await redis.direct.get(key)).toContain('a lost laptop')
    world.closeSockets()
  })

  it('nothing is written again that the new history has', async () => {
    const { of } = createPartitions(64)
    let lost = 'lost'
    while (of(lost) !== of('subject')) lost += '!'
    const seq = async () => (await world.store.log.heads())[of('subject')]?.seq ?? 0
    await world.redis.direct.save()
    const before = await seq()
    await world.revoke(lost)
    const caught = await world.start()
    await caught.lease()
    world.closeSockets()
    await restart()
    // What was lost is the last of its partition to be written again.
    await waitFor(async () => (await seq()) > before)
    expect(await seq()).toBe(before + 1)
  })
})

describe('the memory of revocations', () => {
  const event = (sub: string, cutoffUs: number, afterUs?: number) => ({
    seq: 1,
    event: { type: 'subject', sub } as const,
    json: JSON.stringify({ type: 'subject', sub }),
    revocation: { cutoffUs, details: '{}', ...(afterUs === undefined ? {} : { afterUs }) },
  })
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

  function setUp(maxKept = 3) {
    const clock = createManualClock()
    const written: string[] = []
    let isReachable = true
    const memory = new RevocationMemory({
      partitions: 1,
      maxKept,
      retentionMs: 1_000,
      clock,
      onRestored: () => undefined,
      async restore(_partition, { ...restored }, { cutoffUs, afterUs }) {
        if (!isReachable) throw new Error('down')
        const since = afterUs === undefined ? '' : `${afterUs}-`
        written.push(`${'sub' in restored ? restored.sub : ''} ${since}${cutoffUs}`)
        return true
      },
    })
    return {
      clock,
      memory,
      written,
      setReachable: (value: boolean) => {
        isReachable = value
      },
    }
  }

  it('keeps the newest, and of the same thing the furthest', async () => {
    const { memory, written } = setUp()
    for (const [n, sub] of ['a', 'b', 'c', 'd'].entries()) memory.note(0, event(sub, n))
    memory.note(0, event('b', 9))
    memory.note(0, event('b', 5))
    memory.note(0, { ...event('e', 1), revocation: undefined } as never)
    memory.restore(0)
    await turn()
    expect(written).toEqual(['c 2', 'd 3', 'b 9'])
  })

  it('keeps each span of the same thing, and of those that begin alike the furthest', async () => {
    const { memory, written } = setUp(4)
    memory.note(0, event('a', 5))
    memory.note(0, event('a', 20, 10))
    memory.note(0, event('a', 40, 30))
    memory.note(0, event('a', 25, 10))
    memory.note(0, event('a', 35, 30))
    memory.restore(0)
    await turn()
    expect(written).toEqual(['a 5', 'a 30-40', 'a 10-25'])
  })

  it('forgets what is older than the log', async () => {
    const { memory, written, clock } = setUp()
    memory.note(0, event('a', 1))
    clock.pass(900)
    memory.note(0, event('b', 2))
    clock.pass(200)
    memory.restore(0)
    await turn()
    expect(written).toEqual(['b 2'])
  })

  it('tries again until Redis answers, and begins again when the history changes on the way', async () => {
    const { memory, written, clock, setReachable } = setUp()
    memory.note(0, event('a', 1))
    memory.note(0, event('b', 2))
    setReachable(false)
    memory.restore(0)
    await turn()
    memory.restore(0)
    setReachable(true)
    clock.pass(500)
    await turn()
    expect(written).toEqual(['a 1', 'a 1', 'b 2'])
  })

  it('stops when it is closed', async () => {
    const { memory, written, clock, setReachable } = setUp()
    memory.note(0, event('a', 1))
    setReachable(false)
    memory.restore(0)
    await turn()
    memory.close()
    setReachable(true)
    clock.pass(500)
    await turn()
    expect(written).toEqual([])
  })
})
