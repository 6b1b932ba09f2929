/** Nothing is left behind: not by a million tokens that pass through, not by clients that are closed. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { createAnswers } from '../../client/src/cache/answers.ts'
import { createEntryCache } from '../../client/src/cache/entry-cache.ts'
import { createFreshness } from '../../client/src/cache/freshness.ts'
import { createNegativeCache } from '../../client/src/cache/negative-cache.ts'
import { readAnswer } from '../../client/src/cache/reply.ts'
import { type Client, createClient } from '../../client/src/index.ts'
import type { FeedEvent, ServerFrame } from '../../client/src/wire/index.ts'
import {
  activeAnswer,
  type ScriptedServer,
  shaped,
  startScriptedServer,
} from '../client/scripted-server.ts'
import { waitFor } from '../fixture/wait-for.ts'

const TOKENS = 1_000_000
const MAX_ENTRIES = 10_000
const MAX_NEGATIVES = 1_000
const MARKS = 256
/** What ten thousand entries come to, several times over; a leak of a hundred bytes a token would be a hundred MiB. */
const MAX_GROWTH_BYTES = 20 * 2 ** 20
const SETTLED_AFTER = 100_000

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

describe('a million tokens through a cache of ten thousand', () => {
  function openCache() {
    const entries = createEntryCache({ maxEntries: MAX_ENTRIES, maxBytes: 2 ** 30 })
    const negatives = createNegativeCache(MAX_NEGATIVES)
    const freshness = createFreshness({ boundMs: 1_000, marksPerPartition: MARKS })
    freshness.apply({ type: 'start', partitions: [['reset', 'e1', 0]] }, 0)
    const answers = createAnswers({
      entries,
      negatives,
      freshness,
      boundMs: 1_000,
      clientId: 'api',
      mode: () => 'feed',
    })
    return { entries, negatives, freshness, answers }
  }

  const eventOf = (n: number): FeedEvent => {
    const events: readonly FeedEvent[] = [
      { type: 'token', jti: `jti-${n}` },
      { type: 'grant', grant_id: `grant-${n}` },
      { type: 'session', sid: `sid-${n}` },
      { type: 'subject', sub: `sub-${n}` },
    ]
    return events[n % events.length] as FeedEvent
  }

  it('leave the heap flat and every index within its bound', () => {
    const { entries, negatives, freshness, answers } = openCache()
    const moment = { elapsed: 1, wall: 0 }
    let settledBytes = 0
    let seq = 0
    for (let n = 0; n < TOKENS; n++) {
      const isVoid = n % 10 === 0
      const body = isVoid
        ? { active: false }
        : activeAnswer(`${n}`, { sid: `sid-${n}`, sub: `sub-${n % 5_000}` })
      const answer = readAnswer(body)
      if (answer === undefined) throw new Error('no answer')
      const reply = {
        answer,
        stamp: { partition: 0, epoch: 'e1', seq },
        bytes: 300,
        serverTimeMs: undefined,
      }
      answers.settle(`token-${n}`, { reply, askedAt: 1 }, moment)
      if (n % 50 === 0) {
        seq++
        const frame: ServerFrame = {
          type: 'event',
          partition: 0,
          epoch: 'e1',
          seq,
          event: eventOf(n),
        }
        answers.apply(freshness.apply(frame, 1))
      }
      if (n === SETTLED_AFTER) settledBytes = heapBytes()
    }
    expect(entries.size).toBeGreaterThan(MAX_ENTRIES / 2)
    expect(entries.size).toBeLessThanOrEqual(MAX_ENTRIES)
    expect(negatives.size).toBe(MAX_NEGATIVES)
    expect(heapBytes() - settledBytes).toBeLessThan(MAX_GROWTH_BYTES)
    answers.clear()
    expect(entries.size + entries.bytes + negatives.size).toBe(0)
  })
})

describe('a client that is closed', () => {
  let server: ScriptedServer | undefined

  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  const CLIENTS = 20
  const TOKENS_EACH = 20

  /** Sockets and timers that are open; those of the test runner and of `fetch`'s pool are among them. */
  function resources(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = { TCPSocketWrap: 0, Timeout: 0 }
    for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
    return counts
  }

  function open(issuer: string): Client {
    return createClient({ issuer, clientId: 'api', clientSecret: 's', maxStalenessMs: 2_000 })
  }

  async function useAndClose(issuer: string): Promise<readonly Client[]> {
    const clients = Array.from({ length: CLIENTS }, () => open(issuer))
    await waitFor(() => clients.every((client) => client.health().state === 'fresh'))
    for (const client of clients) {
      const tokens = Array.from({ length: TOKENS_EACH }, (_, n) => shaped(`token-${n}`))
      await Promise.all(tokens.map((token) => client.introspect(token)))
      expect(client.health().entries).toBe(TOKENS_EACH)
    }
    for (const client of clients) client.close()
    return clients
  }

  it('has no socket, no timer and no entry left', async () => {
    server = await startScriptedServer()
    const { sockets, issuer } = server
    const before = resources()
    const clients = await useAndClose(issuer)
    await waitFor(() => sockets.size === 0)
    for (const client of clients) {
      const { state, entries, entryBytes, negatives, pendingLookups } = client.health()
      expect({ state, entries, entryBytes, negatives, pendingLookups }).toEqual({
        state: 'closed',
        entries: 0,
        entryBytes: 0,
        negatives: 0,
        pendingLookups: 0,
      })
    }
    // What `fetch` keeps open for the next request belongs to it; it ends with its server.
    await server.close()
    server = undefined
    await waitFor(() => {
      const { TCPSocketWrap = 0, Timeout = 0 } = resources()
      return TCPSocketWrap <= (before.TCPSocketWrap ?? 0) && Timeout <= (before.Timeout ?? 0) + 1
    })
  })

  it('is forgotten, with everything it held', async () => {
    server = await startScriptedServer()
    const { issuer } = server
    const references = (await useAndClose(issuer)).map((client) => new WeakRef(client))
    await waitFor(() => {
      collectGarbage()
      return references.every((reference) => reference.deref() === undefined)
    })
  })

  it('lets go of a look-up under way and of a feed that is not open yet', async () => {
    server = await startScriptedServer()
    const { sockets, issuer } = server
    const held: (() => void)[] = []
    server.respond = ({ res }) => void held.push(() => res.destroy())
    server.greet = () => undefined
    const client = open(issuer)
    const lookup = client
      .introspect(shaped('token-a'))
      .catch((error: { code: string }) => error.code)
    await waitFor(() => held.length === 1 && sockets.size === 1)
    client.close()
    expect(await lookup).toBe('ERR_CLAIMCHECK_CLOSED')
    await waitFor(() => sockets.size === 0)
    expect(client.health()).toMatchObject({ state: 'closed', pendingLookups: 0, entries: 0 })
    for (const end of held) end()
  })
})
