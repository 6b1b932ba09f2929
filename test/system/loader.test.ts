/**
 * On-demand load: the issuer asks the old system about a subject that is new here, once. When that fails, the login fails; no
 * login goes on with half the facts.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSubjectLoader } from '../../issuer/loader/subject-loader.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { startWorld, type World } from '../fixture/world.ts'

const SECRET = 'what-the-monolith-expects'
const MANY = 2_345

type Respond = (sub: string, res: ServerResponse) => void

let world: World
let monolith: Server
let respond: Respond
/** Subjects asked for, in order. */
let asked: string[]

async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
  let text = ''
  for await (const chunk of req) text += chunk
  if (req.headers.authorization !== `Bearer ${SECRET}`) {
    res.writeHead(401).end()
    return
  }
  const { sub } = JSON.parse(text) as { sub: string }
  asked.push(sub)
  respond(sub, res)
}

const json =
  (body: unknown): Respond =>
  (_sub, res) =>
    void res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))

beforeAll(async () => {
  monolith = createServer((req, res) => void receive(req, res)).listen(0, '127.0.0.1')
  await once(monolith, 'listening')
  const { port } = monolith.address() as AddressInfo
  world = await startWorld({
    loader: { url: `http://127.0.0.1:${port}/claims`, secret: SECRET, timeoutMs: 1_000 },
  })
  world.onClose(() => {
    monolith.closeAllConnections()
    monolith.close()
  })
  await world.store.roleSchemas.put({
    teacher: { permissions: ['grade:write'], assumable: [] },
    student: { permissions: [], assumable: [] },
  })
})

afterAll(() => world.close())

beforeEach(() => {
  asked = []
})

const logIn = (sub: string): Promise<Response> =>
  world.callAdmin('POST', '/tokens', { sub, client_id: 'web-app' })

async function answerFor(login: Response): Promise<Record<string, unknown>> {
  expect(login.status).toBe(200)
  const { access_token } = (await login.json()) as { access_token: string }
  return JSON.parse(await world.verdict(access_token))
}

/** The issuer does not ask the endpoint for a while after a failure. */
async function logInOnceAskedAgain(sub: string): Promise<Response> {
  let login: Response | undefined
  await waitFor(async () => {
    login = await logIn(sub)
    return login.status !== 503
  })
  return login as Response
}

it('loads claims, roles and expiries before the first token, and never again', async () => {
  const expires = Math.floor(Date.now() / 1_000) + 1_000
  respond = json({
    claims: { name: 'Alice' },
    roles: [
      { context: 'course:1', role: 'teacher' },
      { context: 'course:2', role: 'student', expires_at: expires },
      { context: 'course:3', role: 'not-in-the-schema' },
    ],
  })
  expect(await answerFor(await logIn('alice'))).toMatchObject({
    name: 'Alice',
    context_roles: { 'course:1': ['teacher'], 'course:2': ['student'] },
  })
  await answerFor(await logIn('alice'))
  expect(asked).toEqual(['alice'])
  expect(world.logs.join('')).toContain('loaded roles are not in the role schema')
})

it('asks once for any number of logins at the same moment', async () => {
  respond = json({ claims: { name: 'Bob' } })
  const answers = await Promise.all(
    Array.from({ length: 10 }, async () => answerFor(await logIn('bob'))),
  )
  expect(answers.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, () => 'Bob'))
  expect(asked).toEqual(['bob'])
})

it('takes a subject that is unknown there too, and does not ask again', async () => {
  respond = (_sub, res) => void res.writeHead(404).end()
  expect(await answerFor(await logIn('new-here'))).toMatchObject({ roles: [], context_roles: {} })
  await logIn('new-here')
  expect(asked).toEqual(['new-here'])
})

it('refuses a subject that is suspended there', async () => {
  respond = json({ status: 'suspended' })
  expect((await logIn('banned')).status).toBe(422)
})

it('does not ask about a subject that an operator has put', async () => {
  respond = json({ claims: { name: 'older' } })
  await world.callAdmin('PUT', '/subjects/carol', { name: 'Carol' })
  expect(await answerFor(await logIn('carol'))).toMatchObject({ name: 'Carol' })
  expect(asked).toEqual([])
})

it('asks about a subject that only holds roles, and refuses it when it is suspended there', async () => {
  const assign = (sub: string) =>
    world.store.assignments.apply([{ op: 'assign', sub, context: '*', role: 'student' }])
  await assign('dave')
  await assign('banned too')
  respond = json({ claims: { name: 'Dave' }, roles: [{ context: 'course:1', role: 'teacher' }] })
  expect(await answerFor(await logIn('dave'))).toMatchObject({
    name: 'Dave',
    roles: ['student'],
    context_roles: { 'course:1': ['teacher'] },
  })
  respond = json({ status: 'suspended' })
  expect((await logIn('banned too')).status).toBe(422)
})

it('loads a large set whole', async () => {
  const roles = Array.from({ length: MANY }, (_, n) => ({
    context: `course:${n}`,
    role: 'student',
  }))
  respond = json({ roles })
  await answerFor(await logIn('many'))
  const { roles: last } = (await world.store.roles.resolve('many', [`course:${MANY - 1}`])) as {
    roles: { context_roles: unknown }
  }
  expect(last.context_roles).toEqual({ [`course:${MANY - 1}`]: ['student'] })
})

const failures: Readonly<Record<string, Respond>> = {
  'an error': (_sub, res) => void res.writeHead(500).end('secret stack'),
  'a redirect': (_sub, res) => void res.writeHead(302, { location: 'https://other.test/' }).end(),
  'a cut connection': (_sub, res) => void res.socket?.destroy(),
  'no answer in time': () => undefined,
  'no JSON': (_sub, res) => void res.end('<html>'),
  'reserved claims': json({ claims: { active: true } }),
  'a role without a context': json({ roles: [{ role: 'teacher' }] }),
  'a context that is none': json({ roles: [{ context: 'everything', role: 'teacher' }] }),
  'a list': json([]),
  'claims as deep as a well': (_sub, res) =>
    void res.end(`{"claims":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`),
}

for (const [what, failing] of Object.entries(failures)) {
  it(`issues nothing on ${what}, says 503 with Retry-After, and loads once it is mended`, async () => {
    const sub = `after ${what}`
    respond = failing
    const refused = await waitForAsked(sub)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(await refused.text()).not.toMatch(/secret stack|127\.0\.0\.1|other\.test/)
    respond = json({ claims: { name: 'Mended' } })
    expect(await answerFor(await logInOnceAskedAgain(sub))).toMatchObject({ name: 'Mended' })
  })
}

/** A log-in that reached the endpoint: not one that was refused because the endpoint is being left alone. */
async function waitForAsked(sub: string): Promise<Response> {
  let login: Response | undefined
  await waitFor(async () => {
    login = await logIn(sub)
    return asked.includes(sub)
  })
  return login as Response
}

it('keeps the secret out of logs', () => {
  expect(world.logs.join('')).not.toContain(SECRET)
})

it('lets a loader that was held up write nothing over what came after it', async () => {
  const { subjectLoads, assignments } = world.store
  const slow = await subjectLoads.begin('erin', 0)
  const next = await subjectLoads.begin('erin', 60_000)
  if (slow.kind !== 'begun' || next.kind !== 'begun') throw new Error('the claim did not end')
  const roles = [{ context: 'course:1', role: 'teacher' }]
  const facts = { status: 'active', claims: {}, roles } as const
  expect(await subjectLoads.complete('erin', next.name, facts)).toBe(0)
  await assignments.apply([{ op: 'remove', sub: 'erin', context: 'course:1', role: 'teacher' }])
  expect(await subjectLoads.complete('erin', slow.name, facts)).toBeUndefined()
  const page = await assignments.ofSubject('erin', { any: true }, { size: 10 })
  expect(page.items).toEqual([])
})

it('waits for the load of another process, and takes it over when that one died', async () => {
  const { subjectLoads } = world.store
  const dead = await subjectLoads.begin('frank', 60_000)
  if (dead.kind !== 'begun') throw new Error('nothing is known about frank')
  let pauses = 0
  const loader = createSubjectLoader({
    loads: subjectLoads,
    ask: async () => ({ status: 'active', claims: { name: 'Frank' }, roles: [] }),
    timeoutMs: 1_000,
    report: () => undefined,
    now: () => 0,
    // The other process dies while we wait; its claim ends with it.
    pause: async () => {
      pauses += 1
      if (pauses === 3) await subjectLoads.abandon('frank', dead.name)
    },
    random: () => 0,
  })
  await loader.ensureLoaded('frank')
  expect(pauses).toBe(3)
  expect(await world.store.subjects.get('frank')).toMatchObject({ claims: { name: 'Frank' } })
})
