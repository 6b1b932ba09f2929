/**
 * What a live access token costs in Redis, everything included: the memory of the server before and after, divided by
 * the number of tokens. The figures are printed, because they are promised, and must stay within their limits.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { Store } from '../../store/store.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { issue, issueGrant, refreshed, register } from './actions.ts'

const TOKENS = 50_000
const TOKENS_A_GRANT = 10
const CONCURRENCY = 200
const MAX_BYTES_AT_TEN = 256
const MAX_BYTES_AT_ONE = 400

describe('the memory of a live access token', () => {
  let installation: OwnInstallation

  afterEach(() => installation.close())

  async function open(): Promise<Store> {
    // Successors live as long as the grace; with a short one they are gone when the memory is read.
    installation = await startInstallation({ partitions: 64, refreshGraceMs: 1_000 })
    return installation.store
  }

  /** Calls `one` for every number below `count`, so many at a time. */
  async function repeat(count: number, one: (n: number) => Promise<void>): Promise<void> {
    let next = 0
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        while (next < count) await one(next++)
      }),
    )
  }

  async function usedMemory(): Promise<number> {
    const used = /^used_memory:(\d+)/m.exec(await installation.server.direct.info('memory'))
    return Number(used?.[1])
  }

  /** Bytes a token that `work` leaves behind, once all that it left for a moment only is gone. */
  async function bytesPerToken(keysLeft: number, work: () => Promise<void>): Promise<number> {
    const [before, keysBefore] = [await usedMemory(), await installation.server.direct.dbsize()]
    await work()
    await waitFor(async () => {
      await sweep()
      return (await installation.server.direct.dbsize()) - keysBefore <= keysLeft
    })
    expect((await installation.server.direct.dbsize()) - keysBefore).toBe(keysLeft)
    return ((await usedMemory()) - before) / TOKENS
  }

  /** Redis takes its time with the last tenth of what has expired, unless it meets it. */
  async function sweep(): Promise<void> {
    let cursor = '0'
    do {
      ;[cursor] = await installation.server.direct.scan(cursor, 'COUNT', 1_000)
    } while (cursor !== '0')
  }

  function report(what: string, bytes: number): void {
    process.stdout.write(`${what}: ${bytes.toFixed(1)} bytes a live access token\n`)
  }

  it(`is at most ${MAX_BYTES_AT_TEN} bytes with ten tokens a grant`, async () => {
    const store = await open()
    const clientId = await register(store)
    const grants = TOKENS / TOKENS_A_GRANT
    // Grant, tokens, session and index of each grant; and the head of each partition, there since the registration.
    const bytes = await bytesPerToken(grants * 4, () =>
      repeat(grants, async (n) => {
        const sub = `user-${n.toString().padStart(8, '0')}`
        let { refreshToken } = await issueGrant(store, { sub, clientId, session: 'new' })
        for (let more = 1; more < TOKENS_A_GRANT; more++) {
          ;({ refreshToken } = await refreshed(store, refreshToken, clientId))
        }
      }),
    )
    report(`${TOKENS} tokens in ${grants} grants`, bytes)
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES_AT_TEN)
  })

  it(`is at most ${MAX_BYTES_AT_ONE} bytes with one token a grant`, async () => {
    const store = await open()
    const clientId = await register(store)
    const bytes = await bytesPerToken(TOKENS + 1, () =>
      repeat(TOKENS, async () => {
        await issue(store, { sub: clientId, clientId, subjectKind: 'client' })
      }),
    )
    report(`${TOKENS} tokens in ${TOKENS} grants`, bytes)
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES_AT_ONE)
  })
})
