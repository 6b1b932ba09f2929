/** Every command against the real services: what it does, what it says, and with which exit code it ends. */
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../fixture/requests.ts'
import { createToolBench, type ToolBench } from './tool.ts'
import { startToolWorld, type ToolWorld } from './tool-world.ts'

let world: ToolWorld
let auditor: TestClient
let bench: ToolBench
const secrets: string[] = []

beforeAll(async () => {
  world = await startToolWorld({ web: { scope: 'grades:read' } })
  bench = world.bench
  auditor = await world.register('auditor', { scope: 'claimcheck:audit' })
  secrets.push(...[world.admin, world.web, auditor].map(({ client_secret }) => client_secret))
})

afterAll(() => world.close())

/** A token that the tool has issued, kept among the secrets that the output must not hold. */
async function issue(subject: string, ...more: string[]): Promise<string> {
  const file = join(bench.folder, `${subject}-${secrets.length}.json`)
  const args = ['token', 'issue', subject, '--client', 'web-app', '--to-file', file, ...more]
  expect((await bench.run(args)).code).toBe(0)
  const { access_token, refresh_token } = JSON.parse(readFileSync(file, 'utf8'))
  secrets.push(access_token)
  if (refresh_token !== undefined) secrets.push(refresh_token)
  return access_token
}

const json = (text: string) => JSON.parse(text)

describe('token', () => {
  it('issue writes the token alone to standard output', async () => {
    const { code, stdout, stderr } = await createIssuing([
      'token',
      'issue',
      'ida',
      '--client',
      'web-app',
      '--refresh',
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^cc_at_[\w-]{68}\ncc_rt_[\w-]{68}\n$/)
    expect(stderr).toMatch(/For ida at web-app, until .*; grant .*, session /)
  })

  it('issue with --to-file keeps it for the owner alone', async () => {
    await issue('ines')
    expect(statSync(join(bench.folder, `ines-${secrets.length - 1}.json`)).mode & 0o777).toBe(0o600)
  })

  it('introspect says what a resource server is told', async () => {
    const token = await issue('ivan', '--scope', 'grades:read')
    const { code, stdout } = await bench.run(['token', 'introspect'], { stdin: `${token}\n` })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^active +yes\n/)
    expect(stdout).toMatch(/\nsub +ivan\n/)
    const asJson = await bench.run(['token', 'introspect', '--json'], { stdin: token })
    expect(json(asJson.stdout)).toMatchObject({ active: true, sub: 'ivan', scope: 'grades:read' })
  })

  it('explain names the revocation that voided it', async () => {
    const token = await issue('emma')
    await bench.run(['revoke', '--subject', 'emma', '--reason', 'laptop stolen', '--yes'])
    const { code, stdout } = await bench.run(['token', 'explain', '--for', 'grades-api'], {
      stdin: token,
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^state +revoked\n/)
    expect(stdout).toMatch(/\nseen by grades-api +inactive/)
    expect(stdout).toMatch(/subject .* admin +laptop stolen +rv_/)
    const inactive = await bench.run(['token', 'introspect'], { stdin: token })
    expect(inactive).toMatchObject({ code: 0, stdout: 'inactive\n' })
  })

  it('explain tells a token for another audience', async () => {
    const token = await issue('otto', '--resource', world.issuer)
    const { stdout } = await bench.run(['token', 'explain', '--for', 'grades-api'], {
      stdin: token,
    })
    expect(stdout).toMatch(/^state +active\n/)
    expect(stdout).toMatch(/seen by grades-api +inactive: the token is for another audience/)
  })

  it('explain says that a forged token is not one', async () => {
    const forged = `cc_at_${'A'.repeat(68)}`
    const { code, stdout } = await bench.run(['token', 'explain'], { stdin: forged })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^state +not a token of this installation/)
  })

  it.each([
    ['nothing', '', /there is no token/],
    ['two tokens', `cc_at_${'A'.repeat(68)} cc_at_${'B'.repeat(68)}`, /more than one token/],
    ['a sentence', 'this is no token', /not one word/],
  ])('explain refuses %s', async (_what, stdin, why) => {
    const { code, stderr } = await bench.run(['token', 'explain'], { stdin })
    expect(code).toBe(2)
    expect(stderr).toMatch(why)
  })

  it('is refused on the command line, and not repeated', async () => {
    const token = await issue('argo')
    for (const args of [
      ['token', 'explain', token],
      ['revoke', '--jti', token],
      ['revoke', `--token=${token}`],
    ]) {
      const { code, stderr } = await bench.run(args)
      expect(code).toBe(2)
      expect(stderr).toMatch(/a token was given on the command line/)
    }
  })
})

/** Output that holds what was asked for is not kept among the written. */
async function createIssuing(args: readonly string[]) {
  const own = createToolBench({ issuer: world.issuer, admin: world.admin })
  try {
    return await own.run(args)
  } finally {
    own.close()
  }
}

describe('revoke', () => {
  it('tells what would die, and changes nothing', async () => {
    const token = await issue('dora')
    const { code, stdout } = await bench.run(['revoke', '--subject', 'dora', '--dry-run'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/subject dora +1 /)
    const asJson = await bench.run(['revoke', '--subject', 'dora', '--dry-run', '--json'])
    expect(json(asJson.stdout)).toMatchObject({
      dry_run: true,
      revocations: [{ level: 'subject', affected: 1 }],
    })
    expect((await bench.run(['token', 'introspect'], { stdin: token })).stdout).toMatch(/^active/)
  })

  it('takes back what was issued in the last hour, and says so', async () => {
    const token = await issue('lena')
    const span = ['revoke', '--subject', 'lena', '--issued-after', '1h']
    const { stdout } = await bench.run([...span, '--dry-run'])
    expect(stdout).toMatch(/issued after +issued until/)
    expect(stdout).toMatch(/subject lena +1 +\d{4}-\d\d-\d\dT[\d:]+Z +\d{4}-\d\d-\d\dT[\d:.]+Z/)
    const older = ['revoke', '--subject', 'lena', '--issued-before', '1h', '--issued-after', '2h']
    const none = await bench.run([...older, '--yes', '--json'])
    expect(json(none.stdout).revocations[0]).toMatchObject({ affected: 0 })
    expect((await bench.run(['token', 'introspect'], { stdin: token })).stdout).toMatch(/^active/)
    const spared = [...['token', 'revoke', '--issued-before', '1h'], '--json']
    expect(
      json((await bench.run(spared, { stdin: token })).stdout.split('\n')[0] ?? ''),
    ).toMatchObject({
      outcome: 'spared',
    })
    const { code } = await bench.run([...span, '--yes'])
    expect(code).toBe(0)
    const explained = await bench.run(['token', 'explain'], { stdin: token })
    expect(explained.stdout).toMatch(/level +at +issued after +cutoff/)
  })

  it('takes several targets at once, and goes on behind one that is unknown', async () => {
    await issue('mona')
    const { sessions } = json((await bench.run(['session', 'list', 'mona', '--json'])).stdout)
    const sid = sessions[0].sid
    const { code, stdout, stderr } = await bench.run([
      'revoke',
      '--session',
      'unknown',
      '--session',
      sid,
      '--yes',
      '--json',
    ])
    expect(code).toBe(1)
    expect(json(stdout)).toMatchObject({
      revocations: [{ level: 'session', affected: 1 }],
      failures: [{ session: 'unknown' }],
    })
    expect(stderr).toMatch(/session unknown: /)
  })

  it('hits with --subject and --client only what the subject has there', async () => {
    const { stdout } = await bench.run([
      'revoke',
      '--subject',
      'x',
      '--client',
      'web-app',
      '--dry-run',
      '--json',
    ])
    expect(json(stdout).revocations[0].level).toBe('subject+client')
  })

  it('asks nothing without a terminal, and then does nothing', async () => {
    const token = await issue('nora')
    for (const target of [
      ['--subject', 'nora'],
      ['--client', 'web-app'],
      ['--all'],
      ['--session', 'a', '--session', 'b'],
    ]) {
      const { code, stderr } = await bench.run(['revoke', ...target])
      expect(code).toBe(2)
      expect(stderr).toMatch(/needs a confirmation.*nothing was done/)
    }
    expect((await bench.run(['token', 'introspect'], { stdin: token })).stdout).toMatch(/^active/)
  })

  it('asks about one session in no case', async () => {
    await issue('sven')
    const { sessions } = json((await bench.run(['session', 'list', 'sven', '--json'])).stdout)
    const killed = await bench.run(['session', 'kill', sessions[0].sid, '--reason', 'test'])
    expect(killed.code).toBe(0)
    expect((await bench.run(['session', 'list', 'sven'])).stdout).toBe(
      'sven has no live session.\n',
    )
  })

  it.each([
    [['revoke'], /nothing to revoke/],
    [['revoke', '--all', '--subject', 'a'], /--all is everything/],
    [
      ['revoke', '--subject', 'a', '--client', 'b', '--client', 'c'],
      /--subject can be combined with only one --client/,
    ],
    [['revoke', '--token', '--subject', 'a'], /cannot be combined/],
    [['revoke', '--issued-before', 'yesterday', '--subject', 'a'], /--issued-before.*Give 2h/],
    [
      ['revoke', '--issued-after', '1', '--issued-before', '1', '--subject', 'a'],
      /--issued-after must be earlier/,
    ],
    [['revoke', '--subjet', 'a'], /unknown option '--subjet'[\s\S]*Did you mean --subject/],
    [['revok'], /Did you mean revoke/],
  ])('%j is not understood', async (args, why) => {
    const { code, stderr, stdout } = await bench.run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(why)
  })
})

describe('subject', () => {
  it('show puts everything on one screen', async () => {
    await issue('alice', '--ip', '192.0.2.7', '--user-agent', 'Mozilla/5.0')
    const { code, stdout } = await bench.run(['subject', 'show', 'alice'])
    expect(code).toBe(0)
    for (const part of [
      /status +active/,
      /192\.0\.2\.7/,
      /grants\n/,
      /last changes\n[\s\S]*token\.issue/,
    ]) {
      expect(stdout).toMatch(part)
    }
    const asJson = json((await bench.run(['subject', 'show', 'alice', '--json'])).stdout)
    expect(asJson).toMatchObject({ sub: 'alice', status: 'active', sessions: { has_more: false } })
  })

  it('claims are shown and replaced', async () => {
    const file = bench.file('claims.json', '{"name":"Älice","level":3}')
    expect((await bench.run(['subject', 'claims', 'alice', '--from-file', file])).code).toBe(0)
    const { stdout } = await bench.run(['subject', 'claims', 'alice', '--json'])
    expect(json(stdout)).toEqual({ name: 'Älice', level: 3 })
  })

  it('suspend and reactivate', async () => {
    const token = await issue('sue')
    expect((await bench.run(['subject', 'suspend', 'sue', '--yes'])).stdout).toMatch(
      /sue is suspended/,
    )
    expect((await bench.run(['subject', 'reactivate', 'sue'])).stdout).toMatch(/sue is active/)
    expect((await bench.run(['token', 'introspect'], { stdin: token })).stdout).toBe('inactive\n')
  })
})

describe('role', () => {
  it('schema put shows what changes, and changes it only then', async () => {
    const file = bench.file(
      'schema.json',
      '{"roles":{"teacher":{"permissions":["grade:write"]},"student":{"permissions":[]}}}',
    )
    expect((await bench.run(['role', 'schema', 'put', file, '--dry-run'])).stdout).toMatch(
      /added +teacher +0/,
    )
    expect((await bench.run(['role', 'schema', 'put', file])).code).toBe(2)
    expect((await bench.run(['role', 'schema', 'put', file, '--yes'])).stdout).toMatch(/in force/)
    expect((await bench.run(['role', 'schema', 'put', file, '--yes'])).stdout).toBe(
      'Nothing to change.\n',
    )
    expect((await bench.run(['role', 'schema', 'get'])).stdout).toMatch(/teacher +grade:write/)
  })

  it('assign, list, who and remove agree', async () => {
    const assigned = await bench.run([
      'role',
      'assign',
      'tina',
      'teacher',
      '--in',
      'course:123',
      '--until',
      '4h',
    ])
    expect(assigned).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^tina holds teacher in course:123, until /),
    })
    expect((await bench.run(['role', 'list', 'tina'])).stdout).toMatch(/course:123 +teacher +20/)
    expect(
      (await bench.run(['role', 'list', 'tina', '--in', 'course:*', '--json'])).stdout,
    ).toMatch(/teacher/)
    expect((await bench.run(['role', 'who', 'teacher', '--in', 'course:123'])).stdout).toMatch(
      /\ntina /,
    )
    await bench.run(['role', 'remove', 'tina', 'teacher', '--in', 'course:123'])
    expect((await bench.run(['role', 'who', '--in', 'course:123'])).stdout).toBe(
      'Nobody holds a role in course:123.\n',
    )
  })

  it.each([
    [['role', 'assign', 'tina', 'nope', '--in', '*'], 1, /no such role/],
    [['role', 'assign', 'tina', 'teacher'], 2, /'--in <context>' not specified/],
    [['role', 'assign', 'tina', 'teacher', '--in', '123'], 2, /--in.*type:id/],
    [['role', 'who', '--in', 'course:1', '--limit', '0'], 2, /--limit.*whole number/],
  ])('%j ends with %d', async (args, code, why) => {
    const outcome = await bench.run(args)
    expect(outcome.code).toBe(code)
    expect(outcome.stderr).toMatch(why)
  })

  it('import names refused lines by their numbers and does the others', async () => {
    const assign = (subject: string, role = 'student') =>
      JSON.stringify({ op: 'assign', subject, context: 'course:9', role })
    const file = bench.file(
      'roles.ndjson',
      `\ufeff${assign('a')}\r\n\r\n${assign('b', 'nope')}\n{\n${assign('c')}`,
    )
    const { code, stdout, stderr } = await bench.run(['role', 'import', file])
    expect(code).toBe(1)
    expect(stdout).toMatch(/2 assigned/)
    expect(stderr).toMatch(/^line 3: The role schema has no such role/m)
    expect(stderr).toMatch(/^line 4: /m)
    const again = await bench.run(['role', 'import', '-', '--json'], {
      stdin: `${assign('a')}\n${assign('c')}\n`,
    })
    expect(again.code).toBe(0)
    expect(json(again.stdout)).toMatchObject({ type: 'summary', unchanged: 2, failed: 0 })
  })

  it.each([
    [
      'UTF-16',
      Buffer.from(
        '\ufeff{"op":"assign","subject":"u","context":"course:8","role":"student"}\r\n',
        'utf16le',
      ),
      0,
      /1 assigned/,
    ],
    ['nothing', '', 0, /nothing to do|0 assigned/],
    ['binary', Buffer.from([0, 159, 146, 150, 10, 255]), 1, /refused/],
    ['one endless line', 'x'.repeat(3_000_000), 1, /line 1: the line is longer than 64 KiB/],
  ])('import takes a file of %s', async (what, content, code, says) => {
    const outcome = await bench.run(['role', 'import', bench.file(`${what}.ndjson`, content)])
    expect(outcome.code).toBe(code)
    expect(outcome.stdout + outcome.stderr).toMatch(says)
  })
})

describe('client', () => {
  it('is registered, shown, given a secret, disabled, enabled and deleted', async () => {
    const file = bench.file('client.json', '{"client_name":"Billing","scope":"bills:read"}')
    expect((await bench.run(['client', 'put', 'billing', '--from-file', file])).stderr).toMatch(
      /rotate-secret billing/,
    )
    const secretFile = join(bench.folder, 'billing.secret')
    expect(
      (await bench.run(['client', 'rotate-secret', 'billing', '--to-file', secretFile])).code,
    ).toBe(0)
    secrets.push(readFileSync(secretFile, 'utf8').trim())
    expect(statSync(secretFile).mode & 0o777).toBe(0o600)
    expect((await bench.run(['client', 'show', 'billing'])).stdout).toMatch(/client_name +Billing/)
    const shown = await bench.run(['client', 'show', 'billing', '--json'])
    expect(
      (await bench.run(['client', 'put', 'billing', '--from-file', '-'], { stdin: shown.stdout }))
        .code,
    ).toBe(0)
    expect((await bench.run(['client', 'disable', 'billing'])).code).toBe(2)
    expect((await bench.run(['client', 'disable', 'billing', '--yes'])).stdout).toMatch(
      /billing is disabled/,
    )
    expect((await bench.run(['client', 'list'])).stdout).toMatch(/billing +disabled/)
    expect((await bench.run(['client', 'enable', 'billing'])).code).toBe(0)
    expect((await bench.run(['client', 'delete', 'billing', '--yes'])).code).toBe(0)
    expect(await bench.run(['client', 'show', 'billing'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/No client of this id/),
    })
  })
})

describe('audit', () => {
  it('tells what was done to a subject, newest first', async () => {
    await issue('zoe')
    await bench.run(['revoke', '--subject', 'zoe', '--yes', '--reason', 'audited'])
    const { code, stdout } = await bench.run(['audit', '--subject', 'zoe', '--since', '1h'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/revocation\.create +done +admin .*audited[\s\S]*token\.issue/)
    const { records } = json(
      (await bench.run(['audit', '--subject', 'zoe', '--json', '--limit', '1'])).stdout,
    )
    expect(records).toMatchObject([{ action: 'revocation.create', reason: 'audited' }])
  })

  it('--follow shows what happens, as lines of JSON, without showing itself', async () => {
    const following = bench.run(
      ['audit', '--follow', '--json', '--since', '1h', '--action', 'subject.put'],
      { until: /"followed".*\n/ },
    )
    expect((await bench.run(['subject', 'reactivate', 'followed'])).code).toBe(0)
    const { code, stdout } = await following
    expect(code).toBe(0)
    const records = stdout.trim().split('\n').map(json)
    expect(records.filter(({ subject }) => subject === 'followed')).toHaveLength(1)
    expect(records.every(({ action }) => action === 'subject.put')).toBe(true)
  })
})

describe('status', () => {
  it('shows both services, Redis and the feed', async () => {
    const { code, stdout } = await bench.run(['status'])
    expect(code).toBe(0)
    for (const part of [
      /operator +admin/,
      /redis +ok/,
      /feed +ok/,
      /connected clients +0/,
      /version +test on Node/,
    ]) {
      expect(stdout).toMatch(part)
    }
  })

  it('needs no profile when it is given the issuer', async () => {
    const stranger = createToolBench()
    const { code, stdout } = await stranger.run(['status', '--issuer', world.issuer, '--json'])
    stranger.close()
    expect(code).toBe(0)
    expect(json(stdout)).toMatchObject({
      operator: null,
      issuer: { state: 'ready' },
      introspect: { state: 'ready' },
    })
  })
})

describe('profiles', () => {
  it('are stored for the owner alone, used, listed and forgotten', async () => {
    const own = createToolBench()
    const { issuer } = world
    expect((await own.run(['profiles'])).stdout).toMatch(/no profile yet/)
    expect(await own.run(['audit'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/claimcheck login/),
    })
    const login = ['login', 'watch', '--issuer', issuer, '--client-id', 'auditor']
    const loggedIn = await own.run(login, { stdin: `${auditor.client_secret}\n` })
    expect(loggedIn.code).toBe(0)
    const path = join(own.home, 'config', 'claimcheck', 'profiles', 'watch.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect((await own.run(['audit', '--limit', '1'])).code).toBe(0)
    expect((await own.run(['profiles'])).stdout).toMatch(/watch \(used here\)/)
    const refused = await own.run(['revoke', '--subject', 'a', '--yes'])
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/auditor may not do this[\s\S]*claimcheck:revoke/),
    })
    const elsewhere = await own.run([
      'audit',
      '--profile',
      'watch',
      '--issuer',
      'https://other.test',
    ])
    expect(elsewhere).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/secret is not sent to https:\/\/other\.test/),
    })
    expect((await own.run(['logout', 'watch'])).code).toBe(0)
    expect((await own.run(['logout', 'watch'])).code).toBe(2)
    expect(own.written.join('')).not.toContain(auditor.client_secret)
    own.close()
  })

  it('are not stored with a secret that does not work', async () => {
    const own = createToolBench()
    const args = ['login', '--issuer', world.issuer, '--client-id', 'auditor']
    const { code, stderr } = await own.run(args, { stdin: 'wrong-secret' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/credentials .* are refused/)
    expect(stderr).not.toContain('wrong-secret')
    expect((await own.run(['profiles', '--json'])).stdout).toContain('"profiles": []')
    own.close()
  })

  it('are not used when others may read them', async () => {
    const own = createToolBench()
    const args = ['login', '--issuer', world.issuer, '--client-id', 'auditor']
    await own.run(args, { stdin: auditor.client_secret })
    const path = join(own.home, 'config', 'claimcheck', 'profiles', 'default.json')
    chmodSync(path, 0o644)
    expect(await own.run(['audit'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/chmod 600/),
    })
    own.close()
  })
})

describe('everything that was written', () => {
  it('holds no token and no secret', () => {
    const all = bench.written.join('\n')
    expect(secrets.length).toBeGreaterThan(10)
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([])
    expect(all).not.toMatch(/cc_[ar]t_[\w-]{68}/)
  })
})
