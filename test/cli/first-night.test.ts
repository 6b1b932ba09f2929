/**
 * What an operator does first with the tool: find the sessions of a user, end one, see that it is void and why, and read it
 * back in the audit. And the promise behind "everything alice holds": one call, however much that is.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadScripts } from '../../store/redis/scripts.ts'
import { trafficOf } from '../conformance/redis-traffic.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { GRADES, INACTIVE } from '../fixture/world.ts'
import type { ToolBench } from './tool.ts'
import { startToolWorld, type ToolWorld } from './tool-world.ts'

const MANY = 10_000
/** More than a revocation counts. */
const SOME = 51
const ISSUED_AT_ONCE = 200
const SCRIPTS = new Map(
  loadScripts().map(({ name, lua }) => [createHash('sha1').update(lua).digest('hex'), name]),
)

let world: ToolWorld
let bench: ToolBench

beforeAll(async () => {
  world = await startToolWorld()
  bench = world.bench
})

afterAll(() => world.close())

async function logIn(device: string): Promise<{ readonly token: string; readonly sid: string }> {
  const file = `${device}.json`
  const args = ['token', 'issue', 'alice', '--client', 'web-app', '--to-file', file]
  const { code } = await bench.run([...args, '--ip', '192.0.2.1', '--user-agent', device])
  expect(code).toBe(0)
  const { access_token: token, sid } = JSON.parse(readFileSync(join(bench.folder, file), 'utf8'))
  return { token, sid }
}

async function askFor(...args: string[]): Promise<string> {
  const { code, stdout } = await bench.run(args)
  expect(code).toBe(0)
  return stdout
}

describe('a first night', () => {
  it('finds the sessions of a user, ends one, sees why it is dead, and reads it back', async () => {
    const [laptop, phone] = [await logIn('laptop'), await logIn('phone')]
    const listed = await askFor('session', 'list', 'alice')
    expect(listed).toMatch(new RegExp(`^${laptop.sid} .* laptop$`, 'm'))
    expect(listed).toMatch(new RegExp(`^${phone.sid} .* phone$`, 'm'))

    const killed = await askFor('session', 'kill', laptop.sid, '--reason', 'laptop stolen')
    const [id = 'none'] = /rv_[\w-]+/.exec(killed) ?? []
    expect(await askFor('session', 'list', 'alice')).not.toContain(laptop.sid)

    const dead = await bench.run(['token', 'introspect'], { stdin: laptop.token })
    expect(dead.stdout).toBe('inactive\n')
    const alive = await bench.run(['token', 'introspect'], { stdin: phone.token })
    expect(alive.stdout).toMatch(/^active +yes\n/)
    const explained = await bench.run(['token', 'explain', '--json'], { stdin: laptop.token })
    expect(JSON.parse(explained.stdout)).toMatchObject({
      state: 'revoked',
      sub: 'alice',
      sid: laptop.sid,
      revocations: [{ level: 'session', by: 'admin', reason: 'laptop stolen', id }],
    })

    const { records } = JSON.parse(await askFor('audit', '--since', '1h', '--json'))
    const told = records.map(({ action, subject, target, reason }: Record<string, unknown>) => ({
      action,
      subject,
      target,
      reason,
    }))
    const session = { session: laptop.sid }
    expect(told).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'token.explain', subject: 'alice' }),
        expect.objectContaining({
          action: 'revocation.create',
          target: expect.objectContaining({ level: 'session', revocation: id, ...session }),
          reason: 'laptop stolen',
        }),
        expect.objectContaining({
          action: 'token.issue',
          target: expect.objectContaining(session),
        }),
      ]),
    )
    const order = told.map(({ action }: { action: string }) => action)
    expect(order.indexOf('token.explain')).toBeLessThan(order.indexOf('revocation.create'))
    expect(order.indexOf('revocation.create')).toBeLessThan(order.indexOf('token.issue'))
  })

  it('takes back all that a user holds after a dry run, and nothing without a yes', async () => {
    const { token } = await logIn('tablet')
    const looked = await askFor('revoke', '--subject', 'alice', '--dry-run')
    expect(looked).toMatch(/subject alice +2 /)
    // Without a terminal to ask at, and without --yes: nothing.
    expect((await bench.run(['revoke', '--subject', 'alice'])).code).toBe(2)
    const ask = () => world.verdict(token)
    expect(JSON.parse(await ask()).active).toBe(true)
    await askFor('revoke', '--subject', 'alice', '--reason', 'whole account', '--yes')
    expect(await ask()).toBe(INACTIVE)
    expect(await askFor('session', 'list', 'alice')).toBe('alice has no live session.\n')
    expect(await askFor('audit', '--subject', 'alice', '--action', 'revocation.create')).toMatch(
      /whole account/,
    )
  })
})

describe('everything issued in the last hour', () => {
  it('is void after a dry run, and what is older lives', async () => {
    const older = await logIn('older')
    const before = Date.now()
    await waitFor(() => Date.now() > before + 2)
    const since = new Date(before + 2).toISOString()
    const newer = await logIn('newer')
    const ask = async ({ token }: { readonly token: string }) =>
      JSON.parse(await world.verdict(token)).active
    expect(await askFor('revoke', '--all', '--issued-after', since, '--dry-run')).toMatch(
      /everything/i,
    )
    expect([await ask(older), await ask(newer)]).toEqual([true, true])
    await askFor('revoke', '--all', '--issued-after', since, '--reason', 'bad deploy', '--yes')
    expect([await ask(older), await ask(newer)]).toEqual([true, false])
    const explained = await bench.run(['token', 'explain', '--json'], { stdin: newer.token })
    expect(JSON.parse(explained.stdout)).toMatchObject({
      state: 'revoked',
      revocations: [{ level: 'all', reason: 'bad deploy' }],
    })
    expect(await askFor('audit', '--action', 'revocation.create', '--limit', '1')).toMatch(
      /bad deploy/,
    )
  })
})

describe('everything a subject holds', () => {
  async function issue(sub: string, count: number): Promise<readonly string[]> {
    const one = async (): Promise<string> => {
      const issued = await world.store.tokens.issue({
        authorization: { sub, clientId: 'web-app', scope: '', aud: [GRADES], login: {} },
        subjectKind: 'user',
        session: { mode: 'none' },
        accessTokenLifetimeSeconds: 3_600,
      })
      if (issued.kind !== 'issued') throw new Error(issued.kind)
      return issued.accessToken
    }
    const tokens: string[] = []
    while (tokens.length < count) {
      const size = Math.min(ISSUED_AT_ONCE, count - tokens.length)
      tokens.push(...(await Promise.all(Array.from({ length: size }, one))))
    }
    return tokens
  }

  /** What a revocation over HTTP asks of Redis: commands, and scripts by their names. */
  async function revoke(subject: string): Promise<readonly string[]> {
    const traffic = await trafficOf(world.redis, async () => {
      const response = await world.callAdmin('POST', '/revocations', { subject })
      expect(response.status).toBe(200)
    })
    return traffic.map(([command = '', hash = '']) => SCRIPTS.get(hash) ?? command)
  }

  it('dies by one call, which asks no more of Redis for ten thousand tokens than for one', async () => {
    const [only] = await issue('one', 1)
    await issue('some', SOME)
    const tokens = await issue('many', MANY)
    expect(await askFor('revoke', '--subject', 'many', '--dry-run')).toMatch(/ 10000 /)
    // Scripts are sent by their text once, and by their hash from then on.
    await revoke('warm-up')
    const many = await revoke('many')
    expect(many).toEqual(['introspect-token', 'zcard', 'write-cutoff', 'append-audit'])
    expect(await revoke('some')).toEqual(many)
    // What dies is counted on the way only where there is little.
    expect((await revoke('one')).filter((name) => name !== 'list-grants')).toEqual(many)

    const asked = [only, tokens[0], tokens[MANY / 2], tokens[MANY - 1]]
    for (const token of asked) {
      const text = await world.verdict(token as string, 1)
      expect(text).toBe(INACTIVE)
    }
  })
})
