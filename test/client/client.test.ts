/** The client against a server that behaves well, and one that does not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ClaimcheckError,
  type Client,
  type ClientOptions,
  createClient,
} from '../../client/src/index.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  activeAnswer,
  answerActive,
  grantEverything,
  nameOf,
  type Respond,
  type ScriptedServer,
  START,
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

function open(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    issuer: server.issuer,
    clientId: 'rs:1',
    clientSecret: 's+ é',
    ...options,
  })
  clients.push(client)
  return client
}

const inState = (client: Client, state: string) => waitFor(() => client.health().state === state)

async function openFresh(options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = open(options)
  await inState(client, 'fresh')
  return client
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ClaimcheckError ? error.code : error),
  )

describe('a look-up', () => {
  it('is live first, then from the cache', async () => {
    const client = await openFresh()
    const first = await client.authorize(shaped('token-a'), {})
    const second = await client.authorize(shaped('token-a'), {})
    expect([first, second]).toMatchObject([
      { ok: true, source: 'live' },
      { ok: true, source: 'cache' },
    ])
    expect(server.asked).toHaveLength(1)
    expect(client.peek(shaped('token-a'))).toBe(client.peek(shaped('token-a')))
    expect(Object.isFrozen(client.peek(shaped('token-a')))).toBe(true)
  })

  it('is shared by all who ask at once, and batched with others of the same tick', async () => {
    const client = await openFresh()
    await Promise.all(['a', 'b', 'a', 'c', 'b'].map((token) => client.introspect(shaped(token))))
    expect(server.asked).toHaveLength(1)
    expect(JSON.parse(server.asked[0] as string)).toEqual({ tokens: ['a', 'b', 'c'].map(shaped) })
  })

  it('sends the token in the body alone, and credentials form-encoded', async () => {
    let authorization: string | undefined
    server.respond = (request) => {
      authorization = request.req.headers.authorization
      expect(request.req.url).toBe('/introspect')
      answerActive()(request)
    }
    await (await openFresh()).introspect(shaped('token-a'))
    const decoded = Buffer.from(String(authorization).slice(6), 'base64').toString()
    expect(decoded).toBe('rs%3A1:s%2B+%C3%A9')
    expect(server.asked).toEqual([`token=${shaped('token-a')}`])
  })

  it('of what cannot be a token asks nobody', async () => {
    const client = await openFresh()
    for (const token of ['', 'a b', 'ü', 'a\nb', 'x'.repeat(5_000), 'a', `${shaped('a')}b`]) {
      expect(await client.introspect(token)).toEqual({ active: false })
    }
    expect(server.asked).toEqual([])
  })

  it('of a void token is remembered, apart from the good ones', async () => {
    server.respond = ({ res }) => res.end('{"active":false}')
    const client = await openFresh({ maxNegatives: 2 })
    for (const token of ['a', 'a', 'b', 'c', 'a']) await client.introspect(shaped(token))
    expect(server.asked).toHaveLength(4)
    expect(client.health()).toMatchObject({ negatives: 2, entries: 0 })
  })

  it('asked live goes to the service even if one is under way', async () => {
    const held: (() => void)[] = []
    const client = await openFresh()
    server.respond = (request) => held.push(() => answerActive()(request))
    const early = client.introspect(shaped('token-a'))
    await waitFor(() => held.length === 1)
    const live = client.introspect(shaped('token-a'), { freshness: 'live' })
    await waitFor(() => held.length === 2)
    for (const release of held) release()
    await Promise.all([early, live])
  })

  it('whose answer was overtaken by a change is asked again, and refused if that does not help', async () => {
    const client = await openFresh()
    await client.introspect(shaped('witness'))
    const held: (() => void)[] = []
    server.respond = (request) => held.push(() => answerActive(0)(request))
    const decision = client.authorize(shaped('token-a'), {})
    await waitFor(() => held.length === 1)
    const at = { type: 'event', partition: 0, epoch: 'e1' } as const
    server.send({ ...at, seq: 1, event: { type: 'subject', sub: 'sub-token-a' } })
    server.send({ ...at, seq: 2, event: { type: 'token', jti: 'jti-witness' } })
    await waitFor(() => client.peek(shaped('witness')) === undefined)
    held[0]?.()
    await waitFor(() => held.length === 2)
    held[1]?.()
    expect(await decision).toMatchObject({ ok: false, status: 503 })
    expect(client.health().counts.discarded.stale).toBe(2)
  })
})

describe('an event', () => {
  it('takes away what it touches and nothing else', async () => {
    const client = await openFresh()
    await Promise.all(['a', 'b'].map((token) => client.introspect(shaped(token))))
    server.send({
      type: 'event',
      partition: 0,
      epoch: 'e1',
      seq: 1,
      event: { type: 'token', jti: 'jti-a' },
    })
    await waitFor(() => client.peek(shaped('a')) === undefined)
    expect(client.peek(shaped('b'))).toMatchObject({ active: true })
  })

  it('of a type nobody knows takes away everything', async () => {
    const client = await openFresh()
    await client.introspect(shaped('a'))
    server.send('{"type":"event","partition":0,"epoch":"e1","seq":1,"event":{"type":"moon-phase"}}')
    await waitFor(() => client.peek(shaped('a')) === undefined)
    expect(client.health().state).toBe('fresh')
  })

  it('that leaves a gap, or comes from another epoch, resets the partition', async () => {
    for (const [epoch, seq] of [
      ['e1', 7],
      ['e2', 1],
    ] as const) {
      const client = await openFresh()
      await client.introspect(shaped('a'))
      server.send({ type: 'event', partition: 0, epoch, seq, event: { type: 'token', jti: 'x' } })
      await waitFor(() => client.peek(shaped('a')) === undefined)
      client.close()
    }
  })
})

describe('without the feed', () => {
  it('entries are kept but not served, and served again after a gapless resume', async () => {
    const client = await openFresh({ maxStalenessMs: 200 })
    await client.introspect(shaped('a'))
    server.greet = () => undefined
    for (const socket of server.sockets) socket.terminate()
    await inState(client, 'suspended')
    expect(client.peek(shaped('a'))).toBeUndefined()
    expect(client.health()).toMatchObject({ entries: 1, stalenessMs: undefined })
    expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: true, source: 'live' })
    server.greet = (socket) => {
      grantEverything(socket)
      socket.removeAllListeners('message')
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data)) as { type: string; n?: number }
        const resume = { type: 'start', partitions: [['resume', 'e1', 0]] }
        if (frame.type === 'hello') socket.send(JSON.stringify(resume))
        if (frame.type === 'probe') socket.send(JSON.stringify({ type: 'lease', n: frame.n }))
      })
    }
    await inState(client, 'fresh')
    expect(client.peek(shaped('a'))).toMatchObject({ active: true })
    expect(client.health().counts.reconnects).toBeGreaterThan(0)
  })

  it('and without the service the answer is 503, or stale for those who opted in', async () => {
    const client = await openFresh({ maxStalenessMs: 200 })
    await client.introspect(shaped('a'))
    server.greet = (socket) => socket.terminate()
    server.respond = ({ res }) => {
      res.statusCode = 503
      res.end()
    }
    for (const socket of server.sockets) socket.terminate()
    await inState(client, 'suspended')
    expect(await client.authorize(shaped('a'), {})).toEqual({
      ok: false,
      status: 503,
      error: 'temporarily_unavailable',
      wwwAuthenticate: undefined,
      retryAfterSeconds: 1,
    })
    expect(await client.authorize(shaped('a'), {}, { allowStaleMs: 60_000 })).toMatchObject({
      ok: true,
      source: 'stale',
    })
    expect(await codeOf(client.introspect(shaped('a')))).toBe('ERR_CLAIMCHECK_UNREACHABLE')
    expect(client.health().counts.staleServed).toBe(1)
  })

  it('a server that has none is cached for the staleness bound', async () => {
    server.metadata = ({ claimcheck_feed_endpoint: _none, ...rest }) => rest
    const client = open({ maxStalenessMs: 60_000, timeoutMs: 2_000 })
    await inState(client, 'ttl')
    await client.introspect(shaped('a'))
    expect(await client.authorize(shaped('a'), {})).toMatchObject({ source: 'cache' })
    expect(client.health()).toMatchObject({ state: 'ttl', stalenessMs: 60_000 })
  })

  it('maxStalenessMs 0 caches nothing', async () => {
    const client = open({ maxStalenessMs: 0 })
    await client.introspect(shaped('a'))
    await client.introspect(shaped('a'))
    expect(server.asked).toHaveLength(2)
    expect(client.health()).toMatchObject({ state: 'uncached', entries: 0 })
  })
})

/** Answers every token with a teacher's role in one course. */
function answerRoles(more: Record<string, unknown>): Respond {
  return ({ req, res, body }) => {
    res.setHeader('claimcheck-freshness', '0:e1:0')
    const roles = { roles: [], context_roles: { 'course:1': ['teacher'] }, ...more }
    const token = new URLSearchParams(body).get('token') ?? ''
    expect(req.url).toBe('/introspect')
    res.end(JSON.stringify(activeAnswer(nameOf(token), roles)))
  }
}

describe('a decision', () => {
  const claims = {
    scope: 'read write',
    roles: ['staff'],
    context_roles: { 'course:1': ['teacher'] },
  }
  const permissions = { '*': ['profile:read'], 'course:1': ['grade:write'] }

  it('demands what the route demands', async () => {
    server.respond = ({ res }) => {
      res.setHeader('claimcheck-freshness', '0:e1:0')
      res.end(JSON.stringify(activeAnswer('a', { ...claims, permissions })))
    }
    const client = await openFresh()
    const isOk = async (needs: Parameters<Client['authorize']>[1]) =>
      (await client.authorize(shaped('a'), needs)).ok
    expect(await isOk({ scope: 'read' })).toBe(true)
    expect(await isOk({ scope: 'read admin' })).toBe(false)
    expect(await isOk({ audience: 'r' })).toBe(true)
    expect(await isOk({ audience: 'other' })).toBe(false)
    expect(await isOk({ role: 'teacher', context: 'course:1' })).toBe(true)
    expect(await isOk({ role: 'teacher', context: 'course:2' })).toBe(false)
    expect(await isOk({ role: 'teacher', context: '*' })).toBe(false)
    expect(await isOk({ role: 'staff', context: 'course:2' })).toBe(true)
    expect(await isOk({ permission: 'grade:write', context: 'course:1' })).toBe(true)
    expect(await isOk({ permission: 'grade:write', context: 'course:2' })).toBe(false)
    expect(await isOk({ permission: 'profile:read', context: 'course:2' })).toBe(true)
  })

  it('about a role in a course asks for that course, and what stands above it', async () => {
    const client = await openFresh()
    const needs = { role: 'teacher', context: 'course:1', parents: ['school:9', 'district:2'] }
    await client.authorize(shaped('a'), needs)
    await client.authorize(shaped('a'), { ...needs, parents: ['district:2', 'school:9'] })
    const asked = server.asked.map((body) => new URLSearchParams(body).get('context'))
    expect(asked).toEqual(['course:1 district:2 school:9'])
  })

  it.each([true, false])(
    'goes by what is known without contexts if that is all: %j',
    async (all) => {
      server.respond = answerRoles({ context_roles_complete: all })
      const client = await openFresh()
      const needs = { role: 'teacher', context: 'course:2' }
      await client.introspect(shaped('a'))
      expect(await client.authorize(shaped('a'), needs)).toMatchObject({ ok: false, status: 403 })
      expect(await client.isAuthorized(shaped('a'), { ...needs, context: 'course:1' })).toBe(true)
      expect(server.asked).toHaveLength(all ? 1 : 3)
    },
  )

  it('before something that cannot be undone goes by nothing that is known', async () => {
    server.respond = answerRoles({ context_roles_complete: true })
    const client = await openFresh()
    const needs = { role: 'teacher', context: 'course:1' }
    await client.introspect(shaped('a'))
    await client.authorize(shaped('a'), needs, { freshness: 'live' })
    expect(server.asked).toHaveLength(2)
    // What was asked for in other contexts does not tell of this one, whatever it says.
    await client.introspect(shaped('b'), { contexts: ['course:2'] })
    await client.authorize(shaped('b'), needs)
    expect(server.asked).toHaveLength(4)
  })

  it('in many courses drops what changed in one alone', async () => {
    const client = await openFresh()
    const inCourse = (id: number) =>
      client.authorize(shaped('a'), { role: 'teacher', context: `course:${id}` })
    await Promise.all([inCourse(1), inCourse(2)])
    server.respond = answerActive(1)
    server.send({
      type: 'event',
      partition: 0,
      epoch: 'e1',
      seq: 1,
      event: { type: 'subject', sub: 'sub-a', contexts: ['course:1'] },
    })
    await waitFor(() => client.health().entries === 1)
    const before = server.asked.length
    await inCourse(2)
    expect(server.asked).toHaveLength(before)
    await inCourse(1)
    expect(server.asked).toHaveLength(before + 1)
  })

  it('about a role without its context is a mistake of the caller', async () => {
    const client = open()
    const needs = { role: 'teacher' } as unknown as Parameters<Client['authorize']>[1]
    await expect(client.authorize(shaped('a'), needs)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
    await expect(client.isAuthorized(shaped('a'), needs)).rejects.toThrow('"context"')
  })

  it('tells a missing token from a bad one', async () => {
    server.respond = ({ res }) => res.end('{"active":false}')
    const client = await openFresh()
    expect(await client.authorize(undefined, {})).toMatchObject({ status: 401, error: undefined })
    expect(await client.authorize(shaped('bad'), {})).toMatchObject({
      status: 401,
      error: 'invalid_token',
    })
  })
})

describe('a broken or hostile server', () => {
  const bodies: Record<string, (res: import('node:http').ServerResponse) => void> = {
    'that answers 10 MB': (res) => void res.end(Buffer.alloc(10 * 1_048_576, 32)),
    'that redirects': (res) => void res.writeHead(307, { location: '/introspect' }).end(),
    'that answers no JSON': (res) => void res.end('<html>'),
    'that answers null': (res) => void res.end('null'),
    'whose active is a text': (res) => void res.end('{"active":"true"}'),
    'that cuts the answer': (res) => {
      res.writeHead(200, { 'content-length': '100' })
      res.write('{"active":')
      setImmediate(() => res.destroy())
    },
    'that answers in invalid UTF-8': (res) => void res.end(Buffer.from([0x22, 0xff, 0x22])),
    'that answers 500': (res) => void res.writeHead(500).end('{"active":true}'),
    'that refuses our credentials': (res) => void res.writeHead(401).end(),
    'that answers 204': (res) => void res.writeHead(204).end(),
  }
  for (const [name, respond] of Object.entries(bodies)) {
    it(`${name} makes the decision 503, never 401`, async () => {
      server.respond = ({ res }) => respond(res)
      const client = await openFresh()
      expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: false, status: 503 })
      expect(client.health().lastProblem).toEqual(expect.any(String))
    })
  }

  it('that never finishes its answer is left at the time-out', async () => {
    server.respond = ({ res }) => void res.write('{')
    const client = await openFresh({ timeoutMs: 100 })
    expect(await codeOf(client.introspect(shaped('a')))).toBe('ERR_CLAIMCHECK_TIMEOUT')
  })

  it('whose metadata is another issuer’s, or leads elsewhere, gets no token', async () => {
    for (const change of [
      { issuer: 'http://127.0.0.1:1' },
      { introspection_endpoint: 'http://evil.test/' },
    ]) {
      server.metadata = (document) => ({ ...document, ...change })
      const client = open()
      expect(await codeOf(client.introspect(shaped('a')))).toBe('ERR_CLAIMCHECK_BAD_RESPONSE')
    }
    expect(server.asked).toEqual([])
  })

  const frames: Record<string, string> = {
    'no JSON': '{',
    'an array': '[]',
    'a start without partitions': '{"type":"start","partitions":[]}',
    'an event without a name':
      '{"type":"event","partition":0,"epoch":"e1","seq":1,"event":{"type":"token"}}',
    'a position that is no number':
      '{"type":"event","partition":0,"epoch":"e1","seq":"1","event":{"type":"all"}}',
    'a frame of two megabytes': JSON.stringify({
      type: 'lease',
      n: 1,
      padding: 'x'.repeat(2_097_152),
    }),
  }
  for (const [name, frame] of Object.entries(frames)) {
    it(`whose feed sends ${name} is left, and found again`, async () => {
      const client = await openFresh()
      server.send(frame)
      await waitFor(() => client.health().counts.reconnects === 1)
      await inState(client, 'fresh')
      expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: true })
    })
  }

  it('whose feed sends a frame of unknown type, or an old one, changes nothing', async () => {
    const client = await openFresh()
    await client.introspect(shaped('a'))
    server.send('{"type":"weather"}')
    server.send({ type: 'event', partition: 0, epoch: 'e1', seq: 0, event: { type: 'all' } })
    server.send({ type: 'event', partition: 99, epoch: 'e1', seq: 1, event: { type: 'all' } })
    server.send({ type: 'lease', n: 12_345 })
    server.send({
      type: 'event',
      partition: 0,
      epoch: 'e1',
      seq: 1,
      event: { type: 'token', jti: 'x' },
    })
    await client.introspect(shaped('a'), { freshness: 'live' })
    expect(client.peek(shaped('a'))).toMatchObject({ active: true })
    expect(client.health().counts.reconnects).toBe(0)
  })

  it('that accepts connections and says nothing leaves the client live', async () => {
    server.greet = () => undefined
    const client = open({ timeoutMs: 100 })
    await waitFor(() => client.health().lastProblem !== undefined)
    expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: true, source: 'live' })
    expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: true, source: 'live' })
    expect(client.health().state).toBe('starting')
  })

  it('that stops answering probes is left', async () => {
    server.greet = (socket) => {
      socket.on('message', (data) => {
        if (String(data).includes('hello')) socket.send(JSON.stringify(START))
      })
    }
    const client = open({ maxStalenessMs: 100, timeoutMs: 100 })
    await waitFor(() => client.health().lastProblem === 'the node answered no probe')
  })
})

describe('closing', () => {
  it('ends look-ups, connections and memory', async () => {
    const client = await openFresh()
    await client.introspect(shaped('a'))
    server.respond = () => undefined
    const pending = codeOf(client.introspect(shaped('b')))
    await waitFor(() => server.asked.length === 2)
    client.close()
    expect(await pending).toBe('ERR_CLAIMCHECK_CLOSED')
    expect(await codeOf(client.introspect(shaped('a')))).toBe('ERR_CLAIMCHECK_CLOSED')
    await waitFor(() => server.sockets.size === 0)
    expect(client.health()).toMatchObject({ state: 'closed', entries: 0, negatives: 0 })
    client.close()
  })
})

describe('options', () => {
  const good = { issuer: 'https://i.test', clientId: 'a', clientSecret: 'b' }
  const bad: readonly (readonly [object, string])[] = [
    [{ ...good, issuer: 'http://i.test' }, 'issuer'],
    [{ ...good, issuer: 'https://i.test?x' }, 'issuer'],
    [{ ...good, issuer: 7 }, 'issuer'],
    [{ ...good, clientId: '' }, 'clientId'],
    [{ ...good, clientSecret: undefined }, 'clientSecret'],
    [{ ...good, maxStalenessMs: Number.NaN }, 'maxStalenessMs'],
    [{ ...good, maxStalenessMs: 5 }, 'maxStalenessMs'],
    [{ ...good, maxStalenessMs: '5000' }, 'maxStalenessMs'],
    [{ ...good, maxEntries: 0 }, 'maxEntries'],
    [{ ...good, maxEntries: 1.5 }, 'maxEntries'],
    [{ ...good, timeoutMs: 6_000 }, 'timeoutMs'],
    [{ ...good, maxStaleness: 1 }, 'maxStaleness'],
  ]
  for (const [options, name] of bad) {
    it(`${JSON.stringify(options)} names "${name}"`, () => {
      expect(() => createClient(options as ClientOptions)).toThrow(`"${name}"`)
    })
  }
})

describe('memory', () => {
  it('stays bounded over many distinct tokens', async () => {
    const client = await openFresh({ maxEntries: 100, maxNegatives: 50 })
    for (let i = 0; i < 20; i++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, j) => client.introspect(shaped(`token-${i}-${j}`))),
      )
    }
    expect(client.health()).toMatchObject({ entries: 100, pendingLookups: 0 })
    expect(client.health().entryBytes).toBeLessThan(100 * 2_000)
  })
})
