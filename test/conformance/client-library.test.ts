/**
 * What the RFCs ask of those who call the endpoints, proved on the client library: against the real services where these
 * are enough, and against scripted servers for what ours never do.
 */

import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import {
  type Client,
  type ClientOptions,
  createClient,
  environment,
} from '../../client/src/index.ts'
import { createToolBench } from '../cli/tool.ts'
import {
  activeAnswer,
  answerActive,
  type ScriptedServer,
  shaped,
  startScriptedServer,
} from '../client/scripted-server.ts'
import { fetchToken, postForm, type TestClient } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { TEST_TLS } from '../unit/http/tls-fixture.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { verifies } from './verifies.ts'

const SECRET = 'a secret of the library'
/** Longer than any wait of these tests: what is refused sooner was not refused because of it. */
const LONG_BOUND_MS = 3_600_000

/** A request as the library made it. */
interface Sent {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: string
}

/** A client of the library and the requests it made. */
interface Caller {
  readonly client: Client
  readonly sent: readonly Sent[]
  /** The requests that asked about tokens. */
  asked(): readonly Sent[]
}

const opened: Client[] = []

afterEach(() => {
  for (const client of opened.splice(0)) client.close()
})

function open(issuer: string, caller: TestClient, options: Partial<ClientOptions> = {}): Caller {
  const sent: Sent[] = []
  const client = createClient({
    issuer,
    clientId: caller.client_id,
    clientSecret: caller.client_secret,
    fetch(input, init) {
      const { method = 'GET', headers, body } = init ?? {}
      sent.push({ url: String(input), method, headers: new Headers(headers), body: `${body}` })
      return fetch(input, init)
    },
    ...options,
  })
  opened.push(client)
  const asked = () => sent.filter(({ url }) => url.includes('/introspect'))
  return { client, sent, asked }
}

async function openFresh(...settings: Parameters<typeof open>): Promise<Caller> {
  const caller = open(...settings)
  await waitFor(() => caller.client.health().state === 'fresh')
  return caller
}

/** Clocks that a test moves, in milliseconds. */
function movableClocks() {
  const ahead = { wall: 0, elapsed: 0 }
  const clocks = {
    wall: () => Date.now() + ahead.wall,
    monotonic: () => performance.now() + ahead.elapsed,
    random: Math.random,
  }
  return { ahead, clocks }
}

describe('the library beside the services', () => {
  let at: ConformanceWorld

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  const openGrades = (options?: Partial<ClientOptions>) => openFresh(at.issuer, at.grades, options)
  const live = () => fetchToken(at.issuer, at.web)
  const expiryMs = async (token: string) =>
    1_000 * (JSON.parse(await at.verdict(token)) as { exp: number }).exp

  verifies(['7662-2.1-a'], 'a token is asked about by a form, and stands in no URL', async () => {
    const { client, sent, asked } = await openGrades()
    const token = await live()
    expect(await client.introspect(token)).toMatchObject({ active: true })
    expect(asked()).toMatchObject([{ url: at.endpoints.introspect, method: 'POST' }])
    const [{ headers, body }] = asked() as [Sent]
    expect(headers.get('content-type')).toBe('application/x-www-form-urlencoded')
    expect([...new URLSearchParams(body)]).toEqual([['token', token]])
    // Several at once go to our own endpoint for that, in the body too.
    const several = await Promise.all([live(), live()])
    await Promise.all(several.map((one) => client.introspect(one)))
    expect(asked()).toHaveLength(2)
    expect(asked()[1]).toMatchObject({ url: `${at.endpoints.introspect}/batch`, method: 'POST' })
    for (const { url } of sent) {
      for (const secret of [token, ...several, at.grades.client_secret]) {
        expect(url).not.toContain(secret)
      }
    }
  })

  describe('expiry', () => {
    for (const moved of ['wall', 'elapsed'] as const) {
      verifies(
        ['7662-4-g'],
        `a cached answer is used until exp and not at it, by the ${moved} clock alone`,
        async () => {
          const { ahead, clocks } = movableClocks()
          const { client, asked } = await openGrades({
            maxStalenessMs: LONG_BOUND_MS,
            [environment]: clocks,
          })
          const token = await live()
          await client.introspect(token)
          const left = (await expiryMs(token)) - Date.now()
          expect(left).toBeGreaterThan(120_000)
          ahead[moved] = left - 60_000
          expect(await client.authorize(token, {})).toMatchObject({ ok: true, source: 'cache' })
          expect(asked()).toHaveLength(1)
          ahead[moved] = left
          expect(client.peek(token)).toBeUndefined()
          expect(await client.authorize(token, {})).not.toMatchObject({ source: 'cache' })
          expect(asked()).toHaveLength(2)
        },
      )
    }
  })

  verifies(['7662-4-g'], 'a machine whose clock is past exp asks every time', async () => {
    const token = await live()
    const { ahead, clocks } = movableClocks()
    ahead.wall = (await expiryMs(token)) - Date.now()
    const { client, asked } = await openGrades({ [environment]: clocks })
    for (let n = 1; n <= 2; n++) {
      expect(await client.authorize(token, {})).not.toMatchObject({ source: 'cache' })
      expect(asked()).toHaveLength(n)
    }
  })

  verifies(['7662-4-h'], 'a bound of 0 asks about every request; the default caches', async () => {
    const token = await live()
    const uncached = open(at.issuer, at.grades, { maxStalenessMs: 0 })
    const cached = await openGrades()
    for (let n = 0; n < 3; n++) {
      expect(await uncached.client.authorize(token, {})).toMatchObject({ source: 'live' })
      expect(await cached.client.authorize(token, {})).toMatchObject({ ok: true })
    }
    expect([uncached.asked().length, cached.asked().length]).toEqual([3, 1])
    expect(uncached.client.health()).toMatchObject({ state: 'uncached', entries: 0 })
  })

  verifies(['7662-4-i'], 'two callers have two verdicts on one token, cached apart', async () => {
    const token = await live()
    const grades = await openGrades()
    const library = await openFresh(at.issuer, at.library)
    for (let n = 0; n < 2; n++) {
      expect((await grades.client.introspect(token)).active).toBe(true)
      expect((await library.client.introspect(token)).active).toBe(false)
    }
    expect([grades.asked().length, library.asked().length]).toEqual([1, 1])
  })

  verifies(['7662-4-i'], 'what was asked in one context answers for no other', async () => {
    const role = { permissions: [], assumable: [] }
    const changes = { op: 'assign', subject: 'tess', context: 'course:1', role: 'teacher' }
    for (const [method, path, body] of [
      ['PUT', '/role-schema', { roles: { teacher: role } }],
      ['POST', '/role-assignments', changes],
    ] as const) {
      expect((await at.callAdmin(method, path, body)).status).toBe(200)
    }
    const { access_token: token } = await at.login('tess')
    const { client } = await openGrades()
    const inCourse = (context: string) => client.authorize(token, { role: 'teacher', context })
    for (let n = 0; n < 2; n++) {
      expect(await inCourse('course:1')).toMatchObject({ ok: true })
      expect(await inCourse('course:2')).toMatchObject({ ok: false, status: 403 })
    }
  })

  verifies(
    ['7662-4-j'],
    'with a feed an inactive answer ends with a change of our registration',
    async () => {
      const resource = 'https://archive.test'
      const register = (resources: readonly string[]) =>
        at.callAdmin('PUT', '/clients/late-api', { introspect: true, resources })
      await at.register('archive-api', { introspect: true, resources: [resource] })
      const late = await at.register('late-api', { introspect: true, resources: [] })
      const token = await fetchToken(at.issuer, at.web, { resource })
      const { client, asked } = await openFresh(at.issuer, late, {
        maxStalenessMs: LONG_BOUND_MS,
      })
      for (let n = 0; n < 3; n++) expect((await client.introspect(token)).active).toBe(false)
      expect(asked()).toHaveLength(1)
      expect((await register([resource])).status).toBe(200)
      await waitFor(async () => (await client.introspect(token)).active)
    },
  )

  verifies(
    ['7662-4-k'],
    'a pushed revocation ends a cached answer long before the bound',
    async () => {
      const { client } = await openGrades({ maxStalenessMs: LONG_BOUND_MS })
      const [token, other] = [await live(), await live()]
      await Promise.all([token, other].map((one) => client.introspect(one)))
      expect((await postForm(at.endpoints.revoke, at.web, { token })).status).toBe(200)
      await waitFor(() => client.peek(token) === undefined)
      expect(client.peek(other)).toMatchObject({ active: true })
      expect(await client.authorize(token, {})).toMatchObject({ ok: false, status: 401 })
      expect(client.health().state).toBe('fresh')
    },
  )

  verifies(['7662-4-k'], 'without the push a cached answer ends within the bound', async () => {
    const boundMs = 500
    const sockets: WebSocket[] = []
    let isCut = false
    class Cable extends WebSocket {
      constructor(...[url, init]: ConstructorParameters<typeof WebSocket>) {
        super(isCut ? 'ws://127.0.0.1:1' : url, init)
        sockets.push(this)
      }
    }
    const { client } = await openGrades({ maxStalenessMs: boundMs, WebSocket: Cable })
    const token = await live()
    await waitFor(async () => {
      const decision = await client.authorize(token, {})
      return decision.ok && decision.source === 'cache'
    })
    isCut = true
    for (const socket of sockets) socket.close()
    expect((await postForm(at.endpoints.revoke, at.web, { token })).status).toBe(200)
    const revokedAt = performance.now()
    let lastAllowedAt = revokedAt
    for (;;) {
      const askedAt = performance.now()
      const decision = await client.authorize(token, {})
      // A busy service may leave a look-up without an answer: 503.
      if (!decision.ok && decision.status === 401) break
      if (decision.ok) lastAllowedAt = askedAt
      await turn()
    }
    expect(lastAllowedAt - revokedAt).toBeLessThanOrEqual(boundMs)
    expect(client.health()).toMatchObject({ state: 'suspended', stalenessMs: undefined })
  })
})

describe('the library beside other servers', () => {
  const caller: TestClient = { client_id: 'grades-api', client_secret: SECRET }
  let server: ScriptedServer

  beforeEach(async () => {
    server = await startScriptedServer()
  })
  afterEach(() => server.close())

  /** A server as RFC 7662 knows it: no feed and no batches. */
  const plain = ({ issuer, introspection_endpoint }: Record<string, unknown>) => ({
    issuer,
    introspection_endpoint,
  })

  async function openPlain(options?: Partial<ClientOptions>): Promise<Caller> {
    server.metadata = plain
    const made = open(server.issuer, caller, options)
    await waitFor(() => made.client.health().state === 'ttl')
    return made
  }

  verifies(
    ['7662-2.1-a'],
    'each of several tokens is a form where there are no batches',
    async () => {
      const { client, asked } = await openPlain()
      const tokens = ['abc', 'a.b-c_d~e+f/g==']
      await Promise.all(tokens.map((token) => client.introspect(token)))
      expect(asked().map(({ url, method }) => [url, method])).toEqual(
        tokens.map(() => [`${server.issuer}/introspect`, 'POST']),
      )
      for (const { headers } of asked()) {
        expect(headers.get('content-type')).toBe('application/x-www-form-urlencoded')
      }
      expect(server.asked.map((body) => [...new URLSearchParams(body)])).toEqual(
        tokens.map((token) => [['token', token]]),
      )
    },
  )

  verifies(['7662-4-h'], 'the default bound is 5 seconds, and the manual says so', async () => {
    const { client } = await openPlain()
    expect(client.health().stalenessMs).toBe(5_000)
    const manual = readFileSync(new URL('../../client/README.md', import.meta.url), 'utf8')
    expect(manual).toMatch(/`maxStalenessMs`[^`]*\b5,?000\b/)
    expect(manual).toContain('`allowStaleMs`')
  })

  verifies(
    ['7662-4-h'],
    'nothing is served beyond the bound but to calls that say how far',
    async () => {
      const { ahead, clocks } = movableClocks()
      const { client } = await openPlain({ maxStalenessMs: 60_000, [environment]: clocks })
      await client.introspect('abc')
      server.respond = ({ res }) => void res.writeHead(503).end()
      ahead.elapsed = 61_000
      expect(await client.authorize('abc', {})).toMatchObject({ ok: false, status: 503 })
      const within = (allowStaleMs: number) => client.authorize('abc', {}, { allowStaleMs })
      expect(await within(30_000)).toMatchObject({ ok: true, source: 'stale' })
      ahead.elapsed = 91_000
      expect(await within(30_000)).toMatchObject({ ok: false, status: 503 })
    },
  )

  verifies(['7662-4-i'], 'two issuers may give out the same token', async () => {
    const other = await startScriptedServer()
    try {
      other.respond = ({ res }) => void res.end('{"active":false}')
      const [here, there] = [await openFresh(server.issuer, caller), open(other.issuer, caller)]
      for (let n = 0; n < 2; n++) {
        expect((await here.client.introspect(shaped('same'))).active).toBe(true)
        expect((await there.client.introspect(shaped('same'))).active).toBe(false)
      }
    } finally {
      other.close()
    }
  })

  verifies(['7662-4-j'], 'an inactive answer is cached for the bound', async () => {
    const { ahead, clocks } = movableClocks()
    server.respond = ({ res }) => void res.end('{"active":false}')
    const { client, asked } = await openPlain({ maxStalenessMs: 60_000, [environment]: clocks })
    for (const elapsed of [0, 30_000]) {
      ahead.elapsed = elapsed
      expect((await client.introspect('abc')).active).toBe(false)
    }
    expect(asked()).toHaveLength(1)
    server.respond = answerActive()
    ahead.elapsed = 60_000
    expect((await client.introspect('abc')).active).toBe(true)
    expect(asked()).toHaveLength(2)
  })

  const failures: Readonly<Record<string, ScriptedServer['respond']>> = {
    'a 500 that says active': ({ res }) => void res.writeHead(500).end('{"active":true}'),
    'a 503': ({ res }) => void res.writeHead(503).end('{"active":false}'),
    'a 429': ({ res }) => void res.writeHead(429).end(),
    'a 401': ({ res }) => void res.writeHead(401).end(),
    'no JSON': ({ res }) => void res.end('active'),
    'a broken connection': ({ res }) => void res.destroy(),
    'no answer in time': () => undefined,
  }
  for (const [name, respond] of Object.entries(failures)) {
    verifies(['7662-4-j'], `no verdict is made or cached of ${name}`, async () => {
      server.respond = respond
      const { client } = await openFresh(server.issuer, caller, { timeoutMs: 200 })
      for (let n = 1; n <= 2; n++) {
        const before = server.asked.length
        expect(await client.authorize(shaped('a'), {})).toMatchObject({ ok: false, status: 503 })
        expect(server.asked.length).toBeGreaterThan(before)
      }
      expect(client.health()).toMatchObject({ entries: 0, negatives: 0 })
    })
  }

  verifies(['6749-5.1-c'], 'members it does not know change nothing', async () => {
    server.metadata = (document) => ({ ...plain(document), x_new: { deep: [1] }, grant_types: 5 })
    const more = {
      x_scope: 'admin',
      'https://x.test/new': [{ a: null }],
      __proto__: null,
      n: 1e300,
    }
    server.respond = ({ res }) =>
      void res.end(JSON.stringify(activeAnswer('a', { ...more, scope: 'read' })))
    const { client } = open(server.issuer, caller)
    const allows = async (scope: string) => (await client.authorize('abc', { scope })).ok
    expect([await allows('read'), await allows('admin')]).toEqual([true, false])
    server.respond = ({ res }) => void res.end('{"active":false,"scope":"read","x_active":true}')
    expect(await client.authorize('abd', {})).toMatchObject({ ok: false, status: 401 })
  })

  verifies(['6749-5.1-c'], 'tokens may be of any length that fits a header', async () => {
    const { client } = await openPlain()
    for (const length of [1, 2, 22, 43, 64, 255, 256, 1_000, 4_096]) {
      const token = 'x'.repeat(length)
      expect(await client.authorize(token, {})).toMatchObject({ ok: true, source: 'live' })
      expect(await client.authorize(token, {})).toMatchObject({ ok: true, source: 'cache' })
      expect(new URLSearchParams(server.asked.at(-1)).get('token')).toBe(token)
    }
  })

  describe('a URL without TLS', () => {
    const INSECURE = 'http://service.example/x'

    verifies(['7009-2-b'], 'is no issuer', () => {
      for (const issuer of [INSECURE, 'http://127.0.0.1.example/', 'ftp://127.0.0.1/']) {
        expect(() => open(issuer, caller)).toThrow('"issuer" must be an https URL')
      }
    })

    for (const name of [
      'introspection_endpoint',
      'claimcheck_introspection_batch_endpoint',
      'claimcheck_feed_endpoint',
    ]) {
      verifies(['7009-2-b'], `gets neither token nor secret as ${name}`, async () => {
        server.metadata = (document) => ({ ...document, [name]: INSECURE })
        const { client, sent } = open(server.issuer, caller)
        await expect(client.introspect(shaped('a'))).rejects.toMatchObject({
          code: 'ERR_CLAIMCHECK_BAD_RESPONSE',
        })
        for (const { url, headers } of sent) {
          expect(url).toBe(`${server.issuer}/.well-known/oauth-authorization-server`)
          expect(headers.has('authorization')).toBe(false)
        }
      })
    }

    // The library takes nothing back; the tool that is built on it does.
    verifies(['7009-2-b'], 'is sent no revocation by the tool', async () => {
      const bench = createToolBench()
      try {
        const profiles = join(bench.home, 'config', 'claimcheck', 'profiles')
        mkdirSync(profiles, { recursive: true })
        const profile = JSON.stringify({ issuer: INSECURE, ...caller })
        writeFileSync(join(profiles, 'default.json'), profile, { mode: 0o600 })
        const { code, stderr } = await bench.run(['revoke', '--subject', 'alice', '--yes'])
        expect([code, stderr]).toEqual([2, expect.stringContaining('plain http')])
        expect(stderr).not.toContain(SECRET)
      } finally {
        bench.close()
      }
    })
  })
})

describe('the certificate of the service', () => {
  const caller: TestClient = { client_id: 'grades-api', client_secret: SECRET }
  const trusted = getCACertificates('default')
  let server: Server
  /** What got through the handshake: paths of requests and of upgrades. */
  let reached: string[]
  let refusedHandshakes: number

  beforeEach(() => {
    reached = []
    refusedHandshakes = 0
    server = createServer(TEST_TLS, (request, response) => {
      reached.push(request.url ?? '')
      const issuer = `https://${request.headers.host}`
      const isMetadata = request.url?.startsWith('/.well-known') === true
      const metadata = { issuer, introspection_endpoint: `${issuer}/introspect` }
      response.end(JSON.stringify(isMetadata ? metadata : activeAnswer('a')))
    })
    server.on('upgrade', (request, socket) => {
      reached.push(request.url ?? '')
      socket.destroy()
    })
    server.on('tlsClientError', () => {
      refusedHandshakes += 1
    })
  })
  afterEach(async () => {
    setDefaultCACertificates(trusted)
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  async function issuerAt(host: string): Promise<string> {
    server.listen(0, host)
    await once(server, 'listening')
    return `https://${host}:${(server.address() as AddressInfo).port}`
  }
  const trustTheServer = () => setDefaultCACertificates([...trusted, TEST_TLS.cert])

  verifies(['7009-5-b', '7662-4-f'], 'must be trusted before anything is sent', async () => {
    const issuer = await issuerAt('127.0.0.1')
    const { client } = open(issuer, caller)
    await expect(client.introspect('abc')).rejects.toMatchObject({
      code: 'ERR_CLAIMCHECK_UNREACHABLE',
      cause: { cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } },
    })
    expect(reached).toEqual([])
    trustTheServer()
    expect((await open(issuer, caller).client.introspect('abc')).active).toBe(true)
  })

  verifies(['7009-5-b', '7662-4-f'], 'must name the host before anything is sent', async () => {
    trustTheServer()
    const { client } = open(await issuerAt('127.0.0.2'), caller)
    await expect(client.introspect('abc')).rejects.toMatchObject({
      code: 'ERR_CLAIMCHECK_UNREACHABLE',
      cause: { cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } },
    })
    expect(reached).toEqual([])
  })

  verifies(['7009-5-b', '7662-4-f'], 'must be trusted by the feed too', async () => {
    const issuer = await issuerAt('127.0.0.1')
    const document = JSON.stringify({
      issuer,
      introspection_endpoint: `${issuer}/introspect`,
      claimcheck_feed_endpoint: `${issuer}/feed`,
    })
    open(issuer, caller, { fetch: async () => new Response(document) })
    await waitFor(() => refusedHandshakes >= 2)
    expect(reached).toEqual([])
    trustTheServer()
    await waitFor(() => reached.includes('/feed'))
  })
})
