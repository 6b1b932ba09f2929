/** Look-ups against servers that differ: batches that are refused, plain RFC 7662 servers, a bound of 0. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Client,
  type ClientOptions,
  createClient,
  environment,
} from '../../client/src/index.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  activeAnswer,
  answerActive,
  nameOf,
  type ScriptedServer,
  shaped,
  startScriptedServer,
} from './scripted-server.ts'

let server: ScriptedServer
const clients: Client[] = []

beforeEach(async () => {
  server = await startScriptedServer()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server.close()
})

async function open(state: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = createClient({
    issuer: server.issuer,
    clientId: 'rs',
    clientSecret: 's',
    ...options,
  })
  clients.push(client)
  await waitFor(() => client.health().state === state)
  return client
}

const withoutFeed = ({ claimcheck_feed_endpoint: _none, ...rest }: Record<string, unknown>) => rest
const plain = ({
  claimcheck_introspection_batch_endpoint: _none,
  ...rest
}: Record<string, unknown>) => withoutFeed(rest)

describe('a batch', () => {
  it('stays well below the longest body the service takes', async () => {
    server.metadata = withoutFeed
    const client = await open('ttl')
    const tokens = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(4_000, 'x'))
    await Promise.all(tokens.map((token) => client.introspect(token)))
    expect(server.asked.length).toBeGreaterThan(1)
    for (const body of server.asked) expect(body.length).toBeLessThan(48 * 1_024)
  })

  it('asks about different contexts at once, one text a token', async () => {
    const client = await open('fresh')
    await Promise.all([
      client.introspect(shaped('a'), { contexts: ['course:1'] }),
      client.introspect(shaped('a'), { contexts: ['course:2', 'course:1'] }),
      client.introspect(shaped('b'), { contexts: ['course:1'] }),
      client.introspect(shaped('c')),
      client.introspect(shaped('a'), { contexts: ['course:1', 'course:2', 'course:1'] }),
    ])
    expect(server.asked.map((body) => JSON.parse(body))).toEqual([
      {
        tokens: ['a', 'a', 'b', 'c'].map(shaped),
        context: ['course:1', 'course:1 course:2', 'course:1', ''],
      },
    ])
    await Promise.all(
      ['d', 'e'].map((name) => client.introspect(shaped(name), { contexts: ['course:1'] })),
    )
    expect(JSON.parse(server.asked[1] as string)).toEqual({
      tokens: ['d', 'e'].map(shaped),
      context: 'course:1',
    })
  })

  it('stays well below it with long contexts too', async () => {
    const client = await open('fresh')
    const idOf = (n: number) => `${n}`.padEnd(190, '"')
    const contextsOf = (n: number) => Array.from({ length: 20 }, (_, i) => `c:${idOf(n * 20 + i)}`)
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        client.introspect(shaped(`t${n}`), { contexts: contextsOf(n) }),
      ),
    )
    expect(server.asked.length).toBeGreaterThan(1)
    const batches = server.asked.filter((body) => body.startsWith('{'))
    expect(batches.length).toBeGreaterThan(1)
    for (const body of batches) expect(body.length).toBeLessThan(48 * 1_024)
  })

  it.each([
    ['the same contexts', () => 0],
    ['others', (n: number) => n],
  ])('asks in no more than 1,000 contexts in all, counted for each token: %s', async (_, from) => {
    server.metadata = withoutFeed
    const client = await open('ttl')
    const most = 100
    await Promise.all(
      Array.from({ length: 25 }, (_, n) => {
        const contexts = Array.from({ length: most }, (_, i) => `c:${from(n)}-${i}`)
        return client.introspect(shaped(`t${n}`), { contexts })
      }),
    )
    const bodies = server.asked.map((body) => JSON.parse(body) as { tokens: readonly string[] })
    expect(bodies.map(({ tokens }) => tokens.length)).toEqual([10, 10, 5])
  })

  it('that is refused is asked again token by token, so that junk spoils nothing', async () => {
    const client = await open('fresh')
    server.respond = (request) => {
      if (request.body.includes('junk')) request.res.writeHead(400).end()
      else answerActive()(request)
    }
    const decisions = await Promise.all(
      ['a', 'junk', 'b'].map((name) => client.authorize(shaped(name), {})),
    )
    expect(decisions).toMatchObject([{ ok: true }, { ok: false, status: 503 }, { ok: true }])
    expect(client.health().pendingLookups).toBe(0)
  })

  it('with one answer that is none fails for that token alone', async () => {
    const client = await open('fresh')
    server.respond = (request) => {
      if (!request.body.includes('odd')) return answerActive()(request)
      const isBatch = request.req.url?.endsWith('/batch') === true
      const odd = activeAnswer('odd', { aud: 5 })
      request.res.end(JSON.stringify(isBatch ? { results: [odd, odd] } : odd))
    }
    const decisions = await Promise.all(
      ['odd', 'a'].map((name) => client.authorize(shaped(name), {})),
    )
    expect(decisions).toMatchObject([{ ok: false, status: 503 }, { ok: true }])
  })

  it('measures each answer by itself', async () => {
    const client = await open('fresh')
    server.respond = ({ res, body }) => {
      const { tokens } = JSON.parse(body) as { tokens: string[] }
      const results = tokens.map((token) =>
        activeAnswer(nameOf(token), nameOf(token) === 'big' ? { note: 'x'.repeat(50_000) } : {}),
      )
      res.setHeader('claimcheck-freshness', tokens.map(() => '0:e1:0').join(','))
      res.end(JSON.stringify({ results }))
    }
    await Promise.all(['big', 'a'].map((name) => client.introspect(shaped(name))))
    const both = client.health().entryBytes
    server.send({
      type: 'event',
      partition: 0,
      epoch: 'e1',
      seq: 1,
      event: { type: 'token', jti: 'jti-big' },
    })
    await waitFor(() => client.health().entries === 1)
    expect(both - client.health().entryBytes).toBeGreaterThan(50_000)
    expect(client.health().entryBytes).toBeLessThan(2_000)
  })
})

describe('a server without batches', () => {
  it('gets no more requests at once than allowed', async () => {
    server.metadata = plain
    const held: (() => void)[] = []
    let most = 0
    server.respond = (request) => {
      held.push(() => answerActive()(request))
      most = Math.max(most, held.length)
    }
    const client = await open('ttl', { maxConcurrency: 2 })
    const all = Promise.all(Array.from({ length: 6 }, (_, i) => client.introspect(`t${i}`)))
    for (let answered = 0; answered < 6; answered += 2) {
      await waitFor(() => held.length === 2)
      for (const release of held.splice(0)) release()
    }
    await all
    expect([most, server.asked.length]).toEqual([2, 6])
  })

  it('is asked in each context by itself', async () => {
    server.metadata = plain
    const client = await open('ttl')
    await Promise.all(
      ['course:1', 'course:2'].map((context) => client.introspect('t', { contexts: [context] })),
    )
    const contexts = server.asked.map((body) => new URLSearchParams(body).get('context'))
    expect(contexts.sort()).toEqual(['course:1', 'course:2'])
  })

  it('may issue tokens of any shape, name one audience as a text, and no expiry', async () => {
    server.metadata = plain
    const { exp: _none, ...endless } = activeAnswer('a', { aud: 'r' })
    server.respond = ({ res }) => res.end(JSON.stringify(endless))
    const client = await open('ttl')
    expect(await client.authorize('any.shape', { audience: 'r' })).toMatchObject({ ok: true })
    expect(await client.authorize('any.shape', { audience: 'r' })).toMatchObject({
      source: 'cache',
    })
  })
})

describe('a bound of 0', () => {
  it('joins no question that was sent before', async () => {
    const held: (() => void)[] = []
    server.respond = (request) => held.push(() => answerActive()(request))
    const client = await open('uncached', { maxStalenessMs: 0 })
    const first = client.introspect(shaped('a'))
    await waitFor(() => held.length === 1)
    const second = client.introspect(shaped('a'))
    await waitFor(() => held.length === 2)
    for (const release of held) release()
    await Promise.all([first, second])
  })
})

describe('an answer in invalid UTF-8', () => {
  it('is no answer, and not asked for again', async () => {
    server.respond = ({ res }) => void res.end(Buffer.from([0x22, 0xff, 0x22]))
    const client = await open('fresh')
    await expect(client.introspect(shaped('a'))).rejects.toMatchObject({
      code: 'ERR_CLAIMCHECK_BAD_RESPONSE',
    })
    expect(server.asked).toHaveLength(1)
  })
})

describe('stale facts', () => {
  async function openSuspended(status: number): Promise<Client> {
    const client = await open('fresh', { maxStalenessMs: 200 })
    await client.introspect(shaped('a'))
    server.greet = (socket) => socket.terminate()
    server.respond = ({ res }) => void res.writeHead(status).end()
    for (const socket of server.sockets) socket.terminate()
    await waitFor(() => client.health().state === 'suspended')
    return client
  }

  it.each([
    [503, { ok: true, source: 'stale' }],
    [401, { ok: false, status: 503 }],
    [400, { ok: false, status: 503 }],
  ])('when the service says %i: %j', async (status, expected) => {
    const client = await openSuspended(status)
    expect(await client.authorize(shaped('a'), {}, { allowStaleMs: 60_000 })).toMatchObject(
      expected,
    )
  })

  it('of all contexts will do for any', async () => {
    server.respond = ({ res }) => {
      res.setHeader('claimcheck-freshness', '0:e1:0')
      const roles = { context_roles: { 'course:1': ['teacher'] }, context_roles_complete: true }
      res.end(JSON.stringify(activeAnswer('a', roles)))
    }
    const client = await openSuspended(503)
    const inCourse = (id: number) =>
      client.authorize(
        shaped('a'),
        { role: 'teacher', context: `course:${id}` },
        { allowStaleMs: 60_000 },
      )
    expect(await inCourse(1)).toMatchObject({ ok: true, source: 'stale' })
    expect(await inCourse(2)).toMatchObject({ ok: false, status: 403 })
  })

  it.each([-1, 0.5, Number.NaN, '5'])('are not allowed for %j', async (allowStaleMs) => {
    const client = await open('fresh')
    const options = { allowStaleMs: allowStaleMs as number }
    await expect(client.introspect(shaped('a'), options)).rejects.toThrow('"allowStaleMs" must be')
  })
})

describe('demands', () => {
  it.each([
    { scope: undefined },
    { audience: undefined },
    { audience: '' },
    { role: '', context: 'a' },
    { role: 'a', context: undefined },
    { scopes: 'a' },
    { scope: ['a'] },
    { context: 'a b' },
    { context: 'course' },
    { context: 'course:' },
    { context: 'course:*' },
    { context: `course:${'1'.repeat(191)}` },
    { context: '9:1' },
    { parents: ['school:1'] },
    { context: 'course:1', parents: ['school:1'] },
    { role: 'a', context: '*', parents: ['school:1'] },
    { role: 'a', context: 'course:1', parents: undefined },
    { role: 'a', context: 'course:1', parents: 'school:1' },
    { role: 'a', context: 'course:1', parents: ['*'] },
    { role: 'a', context: 'course:1', parents: [5] },
    { role: 'a', context: 'course:1', parents: Array.from({ length: 21 }, (_, n) => `s:${n}`) },
    null,
    [],
    'read',
  ])('as %j are thrown back, for any token', async (needs) => {
    const client = await open('fresh')
    const wanted = needs as Parameters<Client['authorize']>[1]
    for (const token of [undefined, shaped('a')]) {
      await expect(client.authorize(token, wanted)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_INVALID_ARG_/),
      })
    }
    await expect(client.isAuthorized(shaped('a'), wanted)).rejects.toThrow()
    expect(server.asked).toEqual([])
  })

  it('on more contexts than the service takes are thrown back too', async () => {
    const client = await open('fresh')
    const contexts = Array.from({ length: 101 }, (_, n) => `course:${n}`)
    await expect(client.introspect(shaped('a'), { contexts })).rejects.toThrow(
      '"contexts" must not',
    )
    await client.introspect(shaped('a'), { contexts: contexts.slice(1) })
  })
})

describe('a feed', () => {
  it('whose connection fails costs one step of the back-off', async () => {
    // A handshake that is refused is told twice: as an error, then as a close.
    server.metadata = (document) => ({
      ...document,
      claimcheck_feed_endpoint: `${server.issuer}/nowhere`,
    })
    let attempts = 0
    let draws = 0
    class CountedSocket extends WebSocket {
      constructor(...init: ConstructorParameters<typeof WebSocket>) {
        super(...init)
        attempts += 1
      }
    }
    await open('starting', {
      WebSocket: CountedSocket,
      [environment]: {
        monotonic: () => performance.now(),
        wall: () => Date.now(),
        random: () => {
          draws += 1
          return 0
        },
      },
    })
    await waitFor(() => attempts >= 5)
    expect(draws).toBeLessThanOrEqual(attempts)
  })

  it('that says goodbye for a year is asked again soon, by a timer that is no overflow', async () => {
    const client = await open('fresh')
    const before = server.sockets.size
    server.send({ type: 'goodbye', reconnect_after_ms: 2 ** 40 })
    await waitFor(() => client.health().lastProblem === 'the node said goodbye')
    await waitFor(() => server.sockets.size < before)
    expect(client.health().counts.reconnects).toBe(0)
  })

  it('vouches for nothing after close', async () => {
    const client = await open('fresh')
    client.close()
    expect(client.health()).toMatchObject({ state: 'closed', stalenessMs: undefined })
  })
})

describe('a platform without', () => {
  it.each(['fetch', 'WebSocket'] as const)('%s gets no client that cannot work', (name) => {
    const options = { issuer: 'https://i.test', clientId: 'a', clientSecret: 'b' }
    const original = globalThis[name]
    try {
      Object.assign(globalThis, { [name]: undefined })
      expect(() => createClient(options)).toThrow(`"${name}" must be given`)
    } finally {
      Object.assign(globalThis, { [name]: original })
    }
    expect(() => createClient({ ...options, [name]: 5 } as unknown as ClientOptions)).toThrow(
      `"${name}" must be a function`,
    )
  })
})
