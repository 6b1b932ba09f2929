/**
 * The clock of a partition never goes back. A clock that was stepped back leaves a stored tick far ahead of TIME, as does a
 * primary with a faster clock than the replica promoted after it. Later writes must still be in order.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import {
  type OwnInstallation,
  openInstallation,
  startInstallation,
} from '../fixture/installation.ts'
import { caughtUp, isLinked, startPrimary, startReplica } from '../fixture/redis-sentinel.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  BY,
  issue,
  issuedAtUs,
  issueGrant,
  moveClock,
  newSub,
  refresh,
  refreshed,
  register,
  revoke,
  stateOf,
} from './actions.ts'

const HOUR_US = 3_600e6

describe('after the clock was stepped back by an hour', () => {
  let installation: OwnInstallation
  let clientId: string
  let aheadUs: number

  beforeAll(async () => {
    installation = await startInstallation()
    clientId = await register(installation.store)
  })

  beforeEach(async () => {
    aheadUs = Date.now() * 1e3 + HOUR_US
    const { partitions } = installation
    await Promise.all(
      Array.from({ length: partitions.count }, (_, n) => moveClock(installation, n, aheadUs)),
    )
  })

  afterAll(() => installation.close())

  it('times go on from the last one handed out, each later than all before', async () => {
    const { store } = installation
    const sub = newSub()
    const tokens = await Promise.all(
      Array.from({ length: 50 }, () => issue(store, { sub, clientId })),
    )
    const times = await Promise.all(tokens.map(({ accessToken }) => issuedAtUs(store, accessToken)))
    expect(new Set(times).size).toBe(50)
    expect(Math.min(...times)).toBe(aheadUs + 1)
    expect(Math.max(...times)).toBe(aheadUs + 50)
  })

  it.each(['token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all'])(
    'a revocation at the level of %s voids what came before and spares what comes after',
    async (level) => {
      const { store } = installation
      const sub = newSub()
      const before = await issueGrant(store, { sub, clientId, session: 'new' })
      const target = { level, ...before, sub, clientId } as unknown as Parameters<typeof revoke>[1]
      expect(await revoke(store, target)).toMatchObject({ kind: 'revoked' })
      expect(await stateOf(store, before.accessToken)).toBe('revoked')
      const after = await issueGrant(store, { sub, clientId, session: 'new' })
      expect(await stateOf(store, after.accessToken)).toBe('active')
      expect((await refreshed(store, after.refreshToken, clientId)).retry).toBe(false)
      const again = { level, ...after, sub, clientId } as unknown as Parameters<typeof revoke>[1]
      await revoke(store, again)
      expect(await stateOf(store, after.accessToken)).toBe('revoked')
      expect(await stateOf(store, before.accessToken)).toBe('revoked')
    },
  )

  it('a time inside the present step is understood', async () => {
    const { store } = installation
    const sub = newSub()
    const first = await issue(store, { sub, clientId })
    const second = await issue(store, { sub, clientId })
    const issuedBefore = (await issuedAtUs(store, second.accessToken)) / 1e6
    await revoke(store, { level: 'subject', sub }, issuedBefore)
    expect(await stateOf(store, first.accessToken)).toBe('revoked')
    expect(await stateOf(store, second.accessToken)).toBe('active')
  })

  it('what was revoked or suspended before the step stays void', async () => {
    const { store } = installation
    const sub = newSub()
    const revoked = await issueGrant(store, { sub, clientId })
    await revoke(store, { level: 'grant', grantId: revoked.grantId })
    const suspended = await issue(store, { sub, clientId })
    await store.subjects.put(sub, BY, { status: 'suspended' })
    await store.subjects.put(sub, BY, { status: 'active' })
    expect(await stateOf(store, revoked.accessToken)).toBe('revoked')
    expect(await stateOf(store, suspended.accessToken)).toBe('revoked')
    expect(await refresh(store, revoked.refreshToken, clientId)).toEqual({ kind: 'revoked' })
  })

  it('what has ended stays ended', async () => {
    const { store, partitions } = installation
    const sub = newSub()
    const { accessToken, expiresAt } = await issue(store, { sub, clientId, lifetime: 60 })
    await moveClock(installation, partitions.of(sub), expiresAt * 1e6)
    expect(await stateOf(store, accessToken)).toBe('expired')
    await issue(store, { sub, clientId })
    expect(await stateOf(store, accessToken)).toBe('expired')
  })

  it('issue and revocation of the same microsecond happen in their order', async () => {
    const { store, partitions } = installation
    const sub = newSub()
    const partition = partitions.of(sub)
    // Every tick finds the same time: only the order of the calls is left to tell them apart.
    const before = await issue(store, { sub, clientId })
    const sameUs = await issuedAtUs(store, before.accessToken)
    const outcome = await revoke(store, { level: 'subject', sub })
    expect(outcome).toMatchObject({ cutoffUs: sameUs + 1 })
    const after = await issue(store, { sub, clientId })
    expect(await issuedAtUs(store, after.accessToken)).toBe(sameUs + 2)
    expect(await stateOf(store, before.accessToken)).toBe('revoked')
    // Even a cutoff that is written with the very time of a token voids it.
    await moveClock(installation, partition, sameUs + 1)
    const equal = await revoke(store, { level: 'subject', sub })
    expect(equal).toMatchObject({ cutoffUs: sameUs + 2 })
    expect(await stateOf(store, after.accessToken)).toBe('revoked')
  })
})

describe('a promoted replica with a slower clock', () => {
  it('goes on from where its primary was', async () => {
    const primary = await startPrimary()
    onTestFinished(primary.stop)
    const old = await openInstallation({ url: primary.url, node: primary.direct })
    onTestFinished(old.close)
    const replica = await startReplica(primary)
    onTestFinished(replica.stop)
    const { store, partitions } = old
    const [sub, clientId] = [newSub(), await register(store)]
    await moveClock(old, partitions.of(sub), Date.now() * 1e3 + HOUR_US)
    const voided = await issueGrant(store, { sub, clientId })
    await revoke(store, { level: 'subject', sub })
    const live = await issueGrant(store, { sub, clientId })
    const lastUs = await issuedAtUs(store, live.accessToken)
    await caughtUp(replica, primary)
    await replica.direct.replicaof('NO', 'ONE')
    await waitFor(async () => !(await isLinked(replica)))

    const promoted = await openInstallation(
      { url: replica.url, node: replica.direct },
      { tokenKeys: old.tokenKeys },
    )
    onTestFinished(promoted.close)
    expect(await stateOf(promoted.store, voided.accessToken)).toBe('revoked')
    expect(await stateOf(promoted.store, live.accessToken)).toBe('active')
    const next = await issue(promoted.store, { sub, clientId })
    expect(await issuedAtUs(promoted.store, next.accessToken)).toBe(lastUs + 1)
    await revoke(promoted.store, { level: 'subject', sub })
    expect(await stateOf(promoted.store, live.accessToken)).toBe('revoked')
    expect(await stateOf(promoted.store, next.accessToken)).toBe('revoked')
  })
})
