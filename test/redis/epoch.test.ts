/**
 * The epoch names one unbroken history. Where acknowledged writes may have been lost, answers carry another epoch, and
 * a server that is not a primary gives no answer.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailableError } from '../../store/errors.ts'
import type { Store } from '../../store/store.ts'
import { type Installation, openInstallation } from '../fixture/installation.ts'
import { caughtUp, isLinked, startPrimary, startReplica } from '../fixture/redis-sentinel.ts'
import { freePort, startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { issue, locate, newSub, refresh, register, revoke, tryIssue } from './actions.ts'

async function serverOf(start: Promise<TestRedis>): Promise<TestRedis> {
  const server = await start
  onTestFinished(server.stop)
  return server
}

async function installationOn(
  server: TestRedis,
  overrides: Parameters<typeof openInstallation>[1] = {},
): Promise<Installation> {
  const installation = await openInstallation({ url: server.url, node: server.direct }, overrides)
  onTestFinished(installation.close)
  return installation
}

async function epochOf(store: Store, token: string): Promise<string> {
  const { state } = await store.tokens.introspect(token, '')
  if (state.kind !== 'active') throw new Error(`the token is ${state.reason}`)
  return state.stamp.epoch
}

/** Swaps the roles and waits until the former primary follows. */
async function failOver(from: TestRedis, to: TestRedis): Promise<void> {
  await caughtUp(to, from)
  await to.direct.replicaof('NO', 'ONE')
  await from.direct.replicaof('127.0.0.1', String(to.port))
  await waitFor(() => isLinked(from))
}

describe('the epoch', () => {
  it('is the same for every partition and answer of one history', async () => {
    const server = await serverOf(startRedis())
    const { store } = await installationOn(server)
    const clientId = await register(store)
    const epochs = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { accessToken } = await issue(store, { sub: newSub(), clientId })
        return epochOf(store, accessToken)
      }),
    )
    expect(new Set(epochs).size).toBe(1)
  })

  it('is another one after a restart, with nothing acknowledged lost', async () => {
    const server = await serverOf(startRedis('--appendonly', 'yes', '--appendfsync', 'always'))
    const { store } = await installationOn(server)
    const [sub, clientId] = [newSub(), await register(store)]
    const { accessToken } = await issue(store, { sub, clientId })
    const voided = await issue(store, { sub, clientId })
    await revoke(store, { level: 'token', jti: voided.jti })
    const epochs = new Set([await epochOf(store, accessToken)])
    for (let n = 2; n <= 3; n++) {
      await server.kill()
      await expect(epochOf(store, accessToken)).rejects.toThrow(StoreUnavailableError)
      await server.start()
      epochs.add(await waitFor(() => epochOf(store, accessToken)))
      expect(epochs.size).toBe(n)
      await expect(epochOf(store, voided.accessToken)).rejects.toThrow('revoked')
    }
  })

  it('is another one after a failover there, and after one back', async () => {
    const first = await serverOf(startPrimary())
    const second = await serverOf(startReplica(first))
    const onFirst = await installationOn(first)
    const [sub, clientId] = [newSub(), await register(onFirst.store)]
    const { accessToken } = await issue(onFirst.store, { sub, clientId })
    const epochs = [await epochOf(onFirst.store, accessToken)]

    await failOver(first, second)
    const onSecond = await installationOn(second, { tokenKeys: onFirst.tokenKeys })
    epochs.push(await epochOf(onSecond.store, accessToken))
    await issue(onSecond.store, { sub, clientId })

    await failOver(second, first)
    epochs.push(await waitFor(() => epochOf(onFirst.store, accessToken)))
    expect(new Set(epochs).size).toBe(3)

    await failOver(first, second)
    epochs.push(await waitFor(() => epochOf(onSecond.store, accessToken)))
    expect(new Set(epochs).size).toBe(4)
  })

  describe('of a demoted primary', () => {
    /** A former primary whose new one is out of reach: it keeps the old data and would serve it. */
    async function demoted() {
      const server = await serverOf(startRedis())
      const { store, mint, partitions } = await installationOn(server)
      const [sub, clientId] = [newSub(), await register(store)]
      const issued = await issue(store, { sub, clientId, refresh: true, session: 'new' })
      await server.direct.replicaof('127.0.0.1', String(await freePort()))
      const unknownRefresh = mint.write({
        kind: 'refresh',
        partition: 0,
        grant: partitions.newLocalId(),
        random: mint.random(),
      })
      return { store, sub, clientId, ...issued, unknownRefresh }
    }

    async function answeredOf(
      calls: Readonly<Record<string, () => Promise<unknown>>>,
    ): Promise<string[]> {
      const answered: string[] = []
      for (const [name, call] of Object.entries(calls)) {
        // A refusal makes the store look for another primary; it must be back to be asked the next thing.
        const refusal = await waitFor(async () => {
          const outcome = await call().catch((error: unknown) => error)
          if (!(outcome instanceof StoreUnavailableError)) return 'none'
          return String(outcome.cause).includes('READONLY') ? 'READONLY' : ''
        })
        if (refusal === 'none') answered.push(name)
      }
      return answered
    }

    it('no store answers whether a token is live or void', async () => {
      const { store, sub, clientId, accessToken, refreshToken = '' } = await demoted()
      const calls = {
        introspect: () => store.tokens.introspect(accessToken, clientId),
        issue: () => issue(store, { sub, clientId }),
        refresh: () => refresh(store, refreshToken, clientId),
        revoke: () => revoke(store, { level: 'subject', sub }),
        'revoke the unknown': () => revoke(store, { level: 'token', jti: `A${'h'.repeat(22)}` }),
        suspend: () => store.subjects.put(sub, 'tester', { status: 'suspended' }),
        list: () => store.liveGrants.grants(sub, { size: 1 }),
        register: () => register(store, clientId),
      }
      expect(await answeredOf(calls)).toEqual([])
    })

    it('no store says that something does not exist, because the next primary may know it', async () => {
      const { store, sub, clientId, unknownRefresh } = await demoted()
      const located = await locate(store, unknownRefresh)
      const calls = {
        'issue for a client unknown here': () => tryIssue(store, { sub, clientId: 'nobody' }),
        'a client unknown here': () => store.clients.get('nobody'),
        'a grant unknown here': () => store.grants.read(located),
        'refresh of a grant unknown here': () => refresh(store, unknownRefresh, clientId),
        'a subject unknown here': () => store.subjects.get('nobody'),
      }
      expect(await answeredOf(calls)).toEqual([])
    })
  })
})
