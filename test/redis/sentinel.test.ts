/** A Sentinel URL finds the primary, and finds the next one when that is gone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Installation, openInstallation } from '../fixture/installation.ts'
import { caughtUp, startSentinel, type TestSentinel } from '../fixture/redis-sentinel.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { issue, newSub, register, revoke, stateOf } from './actions.ts'

describe('behind a sentinel', () => {
  let sentinel: TestSentinel
  let installation: Installation

  beforeAll(async () => {
    sentinel = await startSentinel()
    const { url, primary } = sentinel
    installation = await openInstallation({ url, node: primary.direct })
  })

  afterAll(async () => {
    await installation.close()
    await sentinel.stop()
  })

  it('the store follows a failover, with what was revoked before it', async () => {
    const { store } = installation
    const [sub, clientId] = [newSub(), await register(store)]
    const kept = await issue(store, { sub, clientId })
    const voided = await issue(store, { sub, clientId })
    await revoke(store, { level: 'token', jti: voided.jti })
    const epochOf = async (token: string) => {
      const { state } = await store.tokens.introspect(token, '')
      return state.kind === 'active' ? state.stamp.epoch : ''
    }
    const before = await epochOf(kept.accessToken)
    await caughtUp(sentinel.replica, sentinel.primary)
    await sentinel.primary.kill()

    const after = await waitFor(() => epochOf(kept.accessToken))
    expect(after).not.toBe(before)
    expect(await stateOf(store, voided.accessToken)).toBe('revoked')
    const next = await waitFor(() => issue(store, { sub, clientId }))
    expect(await stateOf(store, next.accessToken)).toBe('active')
  })
})
