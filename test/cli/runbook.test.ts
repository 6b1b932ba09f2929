/**
 * Executes the incident runbook of docs/operations.md: every command, in its order, against real services. Each step has the
 * id of its block and says what happens before the commands and what must hold after them. The services start again on the
 * same Redis in between, which is why they are started here and not with a world.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../../cli/src/program.ts'
import { parseTokenKeys } from '../../settings/token-key-list.ts'
import type { TokenKeySecret } from '../../store/mint/key-ring.ts'
import { registerGrades } from '../fixture/clients.ts'
import type { Login } from '../fixture/operator.ts'
import { startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { introspectText, postForm, type TestClient } from '../fixture/requests.ts'
import { startServices, TEST_TOKEN_KEYS, type TestServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { GRADES } from '../fixture/world.ts'
import { excerptPattern, fillIn, parseCommandLine, readRunbook } from './runbook.ts'
import { createToolBench, type Outcome, type ToolBench } from './tool.ts'

const PAGE = new URL('../../docs/operations.md', import.meta.url)
const RUNBOOK = readRunbook(readFileSync(PAGE, 'utf8'), 'Incidents')
const SCHEMA = {
  teacher: { permissions: ['grade:write'], assumable: ['student'] },
  student: { permissions: ['grade:read'] },
}
const WEB_APP = {
  grant_types: ['client_credentials', 'refresh_token'],
  scope: 'grades:read',
  default_resources: [GRADES],
}
/** Blocks that run as a process, as at a shell; the others run in this process. */
const AS_A_PROCESS: ReadonlySet<string> = new Set(['leaked-explain', 'dump-revoke'])

let redis: TestRedis
let services: TestServices
let resourceServer: TestClient
let webApp: TestClient
let bench: ToolBench
const seen: string[] = []

/** What the page is about, from one step to the next. */
let subject = 'alice'
let login: Login
let others: Login[] = []
let since: Login
let moment = ''
let newKey: TokenKeySecret | undefined

/** Every word in capitals. */
const PLACEHOLDERS: Readonly<Record<string, () => string>> = {
  INCIDENT: () => 'inc-42',
  OPERATOR: () => 'admin',
  SUBJECT: () => subject,
  CLIENT: () => 'web-app',
  RESOURCE_SERVER: () => 'grades-api',
  ROLE: () => 'teacher',
  CONTEXT: () => 'course:123',
  SESSION_ID: () => login.sid,
  GRANT_ID: () => login.grant_id,
  JTI: () => jtiOf(login),
  LEAK_TIME: () => moment,
  RESTORE_TIME: () => moment,
}

interface Step {
  readonly before?: () => Promise<unknown>
  readonly after?: (output: string, outcomes: readonly Outcome[]) => Promise<unknown> | unknown
}

const jtis = new Map<string, string>()
const jtiOf = ({ grant_id }: Login): string => jtis.get(grant_id) ?? ''

async function logIn(sub: string): Promise<Login> {
  const session = { ip: '192.0.2.7', user_agent: 'Firefox' }
  const made = await services.login(sub, { session })
  jtis.set(made.grant_id, JSON.parse(await introspect(made.access_token)).jti)
  return made
}

/** A new user, with a login whose token is in token.txt. */
async function meet(name: string): Promise<void> {
  subject = name
  login = await logIn(name)
  others = [await logIn(name), await logIn(name)]
  bench.file('token.txt', `${login.access_token}\n`)
}

function introspect(token: string): Promise<string> {
  return introspectText(services.introspect[0], resourceServer, token)
}

async function isActive({ access_token }: Login): Promise<boolean> {
  return JSON.parse(await introspect(access_token)).active === true
}

/** The grants and sessions behind access tokens are void, too. */
async function canRefresh({ refresh_token }: Login): Promise<boolean> {
  return (await services.refresh(webApp, refresh_token)).ok
}

async function expectActive(expected: boolean, ...logins: readonly Login[]): Promise<void> {
  for (const one of logins) expect(await isActive(one)).toBe(expected)
}

async function canGetToken(client: TestClient): Promise<boolean> {
  const form = { grant_type: 'client_credentials' }
  return (await postForm(`${services.issuer}/token`, client, form)).ok
}

function secretOf(file: string): TestClient {
  return { ...webApp, client_secret: readFileSync(join(bench.folder, file), 'utf8').trim() }
}

/** The dev profile of the services as they run now. */
function writeProfile(): void {
  const { issuer, admin } = services
  const clients = { admin, 'grades-api': resourceServer }
  const profile = { issuer, introspect: services.introspect[0], clients }
  writeFileSync(join(bench.folder, '.claimcheck', 'dev.json'), JSON.stringify(profile))
}

/** All nodes stop and start again, on the same Redis. */
async function restart(tokenKeys: readonly TokenKeySecret[], meanwhile = async () => {}) {
  await services.close()
  seen.push(...services.logs)
  await meanwhile()
  services = await startServices({ redisUrl: redis.url, store: { tokenKeys } })
  writeProfile()
}

const later = (): Promise<unknown> => {
  const now = Date.now()
  return waitFor(() => Date.now() > now + 2)
}

const STEPS: Readonly<Record<string, Step>> = {
  'keep-copies': {
    async after() {
      const schema = JSON.parse(readFileSync(join(bench.folder, 'schema.json'), 'utf8'))
      expect(schema.roles.teacher.permissions).toEqual(['grade:write'])
    },
  },
  'first-minute': {},
  'leaked-explain': {},
  'leaked-revoke': {
    async after() {
      await expectActive(false, login)
      expect(await canRefresh(login)).toBe(false)
      await expectActive(true, ...others)
    },
  },
  'leaked-verify': {},
  'leaked-aftermath': {
    after: (output) => expect(output).toMatch(/token\.explain[\s\S]*token\.issue/),
  },
  'dump-look': {
    async before() {
      await meet('bob')
      const forged = `cc_at_${randomBytes(51).toString('base64url')}`
      const [one, other] = others as [Login, Login]
      const lines = [
        `GET /?access_token=${login.access_token} HTTP/1.1`,
        `{"refresh_token":"${one.refresh_token}"}`,
        `${forged} and "${other.access_token}"`,
      ]
      bench.file('dump.txt', lines.join('\r\n'))
    },
    async after() {
      await expectActive(true, login, ...others)
      const report = readFileSync(join(bench.folder, 'report.ndjson'), 'utf8')
      expect(JSON.parse(report.trim().split('\n').at(-1) ?? '')).toMatchObject({
        type: 'summary',
        live: 3,
        subjects: [{ sub: 'bob', live: 3, since: expect.any(Number) }],
      })
      expect(report).not.toContain('cc_')
    },
  },
  'dump-revoke': {
    async after() {
      await expectActive(false, login, ...others)
      expect(await canRefresh(others[0] as Login)).toBe(false)
    },
  },
  'dump-verify': {},
  'unknown-by-id': {
    before: () => meet('carol'),
    async after(_output, outcomes) {
      expect(outcomes).toHaveLength(3)
      await expectActive(false, login)
      await expectActive(true, ...others)
    },
  },
  'unknown-by-client': {
    async before() {
      // One of the live logins at the client must be older than the moment.
      await services.callAdmin('POST', '/revocations', { client: 'web-app' })
      login = await logIn('dan')
      await later()
      moment = (Date.now() / 1_000).toFixed(3)
      await later()
      others = [await logIn('dan')]
    },
    async after() {
      await expectActive(false, login)
      expect(await canRefresh(login)).toBe(false)
      await expectActive(true, ...others)
    },
  },
  'account-look': {
    async before() {
      await meet('erin')
      const path = '/role-assignments'
      const holds = { subject, context: 'course:123', role: 'teacher' }
      expect((await services.callAdmin('POST', path, { op: 'assign', ...holds })).ok).toBe(true)
    },
    after(output) {
      for (const { sid } of [login, ...others]) expect(output).toContain(sid)
      expect(output).toMatch(/192\.0\.2\.7 +Firefox/)
    },
  },
  'account-kill-one': {
    async after(_output, [, listed]) {
      expect(listed?.stdout).not.toContain(login.sid)
      for (const { sid } of others) expect(listed?.stdout).toContain(sid)
      await expectActive(false, login)
      await expectActive(true, ...others)
    },
  },
  'account-kill-at-client': { after: () => expectActive(false, ...others) },
  'account-kill-all': {
    async before() {
      others = [...others, await logIn(subject)]
    },
    after: () => expectActive(false, ...others),
  },
  'account-suspend': {
    async before() {
      // The thief knows the password.
      others = [await logIn(subject)]
    },
    async after() {
      await expectActive(false, ...others)
      const body = { sub: subject, client_id: 'web-app' }
      expect((await services.callAdmin('POST', '/tokens', body)).status).toBe(422)
    },
  },
  'account-powers': {
    after: (_output, outcomes) => expect(outcomes.at(-1)?.stdout).toMatch(/^erin +teacher/m),
  },
  'account-audit': {},
  'account-back': {
    async after() {
      await expectActive(false, login, ...others)
      expect(JSON.parse(await introspect((await logIn(subject)).access_token))).toMatchObject({
        active: true,
        context_roles: {},
      })
    },
  },
  'client-look': {
    before: () => meet('frank'),
    after: (output) => expect(output).toMatch(/client\.secret[\s\S]*client\.put/),
  },
  'client-rotate': {
    async after() {
      expect(await canGetToken(webApp)).toBe(false)
      const renewed = secretOf('client.secret')
      expect(await canGetToken(renewed)).toBe(true)
      await expectActive(false, login, ...others)
    },
  },
  'client-disable': {
    async after() {
      expect(await canGetToken(secretOf('client.secret'))).toBe(false)
    },
  },
  // Refusals are recorded on the side: the one above may still be on its way.
  'client-verify': {
    before: () =>
      waitFor(async () => {
        const path = '/audit?client=web-app&result=refused'
        const { records } = (await (await services.callAdmin('GET', path)).json()) as {
          records: unknown[]
        }
        return records.length > 0
      }),
  },
  'client-actor': {},
  'client-back': {
    async after() {
      webApp = secretOf('client.secret')
      expect(await canGetToken(webApp)).toBe(true)
      await expectActive(false, login, ...others)
    },
  },
  'key-make': {
    before: () => meet('grace'),
    after(output) {
      const read = parseTokenKeys(output)
      expect(read.kind).toBe('keys')
      if (read.kind === 'keys') newKey = read.keys[0]
    },
  },
  'key-both': {
    async before() {
      const { admin } = services
      await restart([made(newKey), ...TEST_TOKEN_KEYS])
      expect(await canGetToken(admin)).toBe(false)
    },
    async after() {
      await expectActive(true, login, ...others)
      const { access_token } = await logIn(subject)
      expect(access_token.startsWith('cc_at_k2')).toBe(true)
      expect(services.store.tokenKeys).toEqual({ minting: 'k2', mintedBefore: 'k1' })
    },
  },
  'key-removed': {
    before: () => restart([made(newKey)]),
    async after() {
      await expectActive(false, login, ...others)
      expect(await canRefresh(login)).toBe(false)
      await expectActive(true, await logIn(subject))
    },
  },
  'key-all': {
    async before() {
      // What the table at the end says of a key that was removed.
      await restart([made(newKey), ...TEST_TOKEN_KEYS])
      await expectActive(true, login)
    },
    async after(_output, outcomes) {
      await services.renewAdminToken()
      await expectActive(false, login, ...others)
      expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0])
    },
  },
  'restore-look': {
    async before() {
      await meet('heidi')
      const { callAdmin } = services
      const assignment = { subject, context: 'course:123', role: 'teacher' }
      await callAdmin('POST', '/role-assignments', { op: 'assign', ...assignment })
      await redis.direct.save()
      const lost = await logIn(subject)
      const [renewed] = others as [Login, Login]
      expect(await canRefresh(renewed)).toBe(true)
      const path = '/clients/web-app/secrets'
      const answer = await callAdmin('POST', path, { revoke_others: true })
      const replaced = (await answer.json()) as TestClient
      await callAdmin('POST', '/role-assignments', { op: 'remove', ...assignment })
      await callAdmin('PUT', `/subjects/${subject}`, { status: 'suspended' })
      await expectActive(false, login, ...others, lost)
      await restart([made(newKey), ...TEST_TOKEN_KEYS], async () => {
        await redis.kill()
        await redis.start()
      })
      // Alive again; what came later is gone.
      await expectActive(true, login, ...others)
      await expectActive(false, lost)
      expect(await canRefresh(renewed)).toBe(true)
      expect([await canGetToken(webApp), await canGetToken(replaced)]).toEqual([true, false])
      expect(JSON.parse(await introspect(login.access_token)).context_roles).toEqual({
        'course:123': ['teacher'],
      })
      await later()
      moment = (Date.now() / 1_000).toFixed(3)
    },
  },
  'restore-revoke': {
    async after() {
      await services.renewAdminToken()
      await expectActive(false, login, ...others)
      expect(await canRefresh(login)).toBe(false)
    },
  },
  'restore-spare': {
    async before() {
      since = await logIn('ivan')
    },
    after: () => expectActive(true, since),
  },
  'restore-cut-off': {},
  'restore-redo': {
    async after() {
      webApp = secretOf('client.secret')
      expect(await canGetToken(webApp)).toBe(true)
    },
  },
  'restore-verify': {
    after: (output) => expect(output).toMatch(/status +suspended[\s\S]*roles: none/),
  },
  'undo-look': {
    after: (output) => expect(output).toMatch(/level=all[\s\S]*\nall +20/),
  },
  'undo-subject': {
    after: (output) => expect(output).toMatch(/course:123 +teacher\n$/),
  },
  'undo-client': {
    async before() {
      await services.callAdmin('DELETE', '/clients/web-app')
    },
    async after() {
      webApp = secretOf('client.secret')
      expect(await canGetToken(webApp)).toBe(true)
    },
  },
  'undo-schema': {
    async before() {
      const roles = { student: SCHEMA.student }
      expect((await services.callAdmin('PUT', '/role-schema', { roles })).ok).toBe(true)
    },
    after: (output) => expect(output).toMatch(/added +teacher +1/),
  },
  'undo-verify': {
    before: async () => {
      login = await logIn(subject)
    },
    async after(output) {
      expect(output).toContain(login.sid)
      expect(JSON.parse(await introspect(login.access_token)).context_roles).toEqual({
        'course:123': ['teacher'],
      })
    },
  },
}

function made(key: TokenKeySecret | undefined): TokenKeySecret {
  if (key === undefined) throw new Error('the step that makes the key has not run')
  return key
}

beforeAll(async () => {
  redis = await startRedis()
  services = await startServices({ redisUrl: redis.url })
  resourceServer = await registerGrades(services)
  webApp = await services.register('web-app', WEB_APP)
  await services.callAdmin('PUT', '/role-schema', { roles: SCHEMA })
  const [first] = services.introspect
  const { issuer, admin } = services
  bench = createToolBench({ issuer, introspect: first, admin, resourceServer })
  await meet('alice')
})

afterAll(async () => {
  bench?.close()
  await services?.close()
  await redis?.stop()
})

/** Of other programs than the tool only this one. */
const OTHER_PROGRAMS = /^echo "k2\.\$\(openssl rand -base64 32 \|/

async function runLine(line: string, isProcess: boolean): Promise<Outcome> {
  if (OTHER_PROGRAMS.test(line)) {
    const { stdout, stderr } = await promisify(execFile)('bash', ['-euc', line])
    return { code: 0, stdout, stderr }
  }
  const { words, stdinFile, stdoutFile } = parseCommandLine(fillIn(line, PLACEHOLDERS))
  const [program, ...args] = words
  if (program !== 'claimcheck') throw new Error(`the test cannot run ${program}`)
  const stdin = stdinFile === undefined ? '' : readFileSync(join(bench.folder, stdinFile))
  const outcome = isProcess
    ? await bench.start(args, { stdin }).ended
    : await bench.run(args, { stdin })
  if (stdoutFile !== undefined) bench.file(stdoutFile, outcome.stdout)
  return outcome
}

describe('the runbook', () => {
  it('has a step here for every block of commands, in its order', () => {
    expect(RUNBOOK.commands.length).toBeGreaterThan(30)
    expect(RUNBOOK.commands.map(({ id }) => id)).toEqual(Object.keys(STEPS))
  })

  it('has no block that is neither commands nor what commands print', () => {
    expect(RUNBOOK.unmarked).toEqual([])
    const ids = new Set(RUNBOOK.commands.map(({ id }) => id))
    expect(RUNBOOK.excerpts.filter(({ id }) => !ids.has(id))).toEqual([])
  })

  it('has, for every incident, what it looks like, what to do, and what to write down', () => {
    const incidents = RUNBOOK.prose.split(/^### /m).slice(1)
    expect(incidents.map((text) => text.slice(0, text.indexOf('\n')))).toEqual([
      'A leaked token',
      'A compromised account',
      'A compromised service client',
      'A compromised signing or MAC key',
      'Redis restored from a backup',
      'I revoked too much',
    ])
    for (const text of incidents) {
      expect(text).toContain('**Write down:**')
      if (!text.startsWith('I revoked')) expect(text).toMatch(/Symptoms/)
    }
  })

  it('names no command in its prose that there is not', () => {
    const program = createProgram({ perform: async () => {}, nowMs: () => 0, version: '' })
    const known = new Set(program.commands.map((command) => command.name()))
    const named = [...RUNBOOK.prose.matchAll(/`claimcheck ([a-z-]+)/g)].map(([, name]) => name)
    expect(named.filter((name) => !known.has(name ?? ''))).toEqual([])
    const flags = [...RUNBOOK.prose.matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag)
    const options = new Set(
      program.commands
        .flatMap((command) => [command, ...command.commands])
        .flatMap((command) => command.options.map(({ long }) => long)),
    )
    expect(flags.length).toBeGreaterThan(5)
    expect(flags.filter((flag) => !options.has(flag))).toEqual([])
  })
})

describe('reading it', () => {
  it.each([
    'claimcheck audit | less',
    'claimcheck audit; true',
    'claimcheck audit && true',
    'claimcheck session kill $SID',
    'claimcheck session kill "$(cat sid)"',
    'claimcheck role list alice --in course:*',
    'claimcheck revoke --reason "it\\"s" ',
    'claimcheck token explain <',
  ])('refuses what a shell would take for more than words: %s', (line) => {
    expect(() => parseCommandLine(line)).toThrow(line)
  })

  it('takes words, quotes and files apart', () => {
    const line = `claimcheck revoke --reason "INC: it's" --in '*' < a.txt > b.json`
    expect(parseCommandLine(line)).toEqual({
      words: ['claimcheck', 'revoke', '--reason', "INC: it's", '--in', '*'],
      stdinFile: 'a.txt',
      stdoutFile: 'b.json',
    })
    expect(() => fillIn('claimcheck session kill WHICH_ONE', PLACEHOLDERS)).toThrow('WHICH_ONE')
  })

  it('finds every fence, marked or not', () => {
    const text =
      '\n## Incidents\n```sh runbook=a\nx\n```\n### B\n```sh\ny\n```\n## 503\n```sh\nz\n```\n'
    const { commands, unmarked } = readRunbook(text, 'Incidents')
    expect(commands).toEqual([{ id: 'a', section: 'Incidents', lines: ['x'] }])
    expect(unmarked).toEqual(['B: ```sh'])
  })

  it('holds an excerpt against an output line by line', () => {
    const output = 'state  revoked\nkind   x\nall    2026-11-22T14:00:00Z  rv_1\n'
    const matches = (...lines: string[]) => excerptPattern(lines, PLACEHOLDERS).test(output)
    expect(matches('state revoked', '…', 'all TIME REVOCATION_ID')).toBe(true)
    expect(matches('state revoked', 'all TIME REVOCATION_ID')).toBe(false)
    expect(matches('state revo')).toBe(false)
    expect(matches('all TIME SUBJECT')).toBe(false)
    expect(matches('all …', '…', 'state …')).toBe(false)
  })
})

describe('executed', () => {
  it.each(RUNBOOK.commands)('$section: $id', async ({ id, lines }) => {
    const { before, after } = STEPS[id] ?? {}
    await before?.()
    const outcomes: Outcome[] = []
    for (const line of lines) {
      const outcome = await runLine(line, AS_A_PROCESS.has(id))
      expect(outcome, line).toMatchObject({ code: 0 })
      outcomes.push(outcome)
    }
    const output = outcomes.map(({ stdout }) => stdout).join('\n')
    for (const excerpt of RUNBOOK.excerpts.filter((one) => one.id === id)) {
      expect(output).toMatch(excerptPattern(excerpt.lines, PLACEHOLDERS))
    }
    await after?.(output, outcomes)
  })

  it('shows no token and no secret, and logs none', () => {
    const all = [...bench.written, ...seen, ...services.logs].join('\n')
    expect(all).not.toMatch(/cc_[ar]t_[\w-]{68}/)
    for (const { client_secret } of [webApp, resourceServer, services.admin]) {
      expect(all).not.toContain(client_secret)
    }
  })
})
