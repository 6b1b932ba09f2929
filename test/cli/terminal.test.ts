/** On a real pseudo-terminal: questions and their answers, hidden typing, 40 columns, colours, Ctrl-C. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textWidth } from '../../cli/src/terminal/text-width.ts'
import type { ToolBench } from './tool.ts'
import { startToolWorld, type ToolWorld } from './tool-world.ts'

let world: ToolWorld
let bench: ToolBench

beforeAll(async () => {
  world = await startToolWorld()
  bench = world.bench
})

afterAll(() => world.close())

async function mint(sub: string, session = {}): Promise<string> {
  return (await world.login(sub, { refresh: false, session })).access_token
}

const isActive = async (token: string) =>
  (await bench.run(['token', 'introspect'], { stdin: token })).stdout.startsWith('active')

describe('a question', () => {
  it('states the blast radius, and "no" changes nothing', async () => {
    const token = await mint('bea')
    const { code, stdout } = await bench.onTerminal(['revoke', '--subject', 'bea'], {
      typed: [{ after: /\[y\/N\] $/, keys: 'n\r' }],
    })
    expect(code).toBe(1)
    const screen = stripVTControlCharacters(stdout)
    expect(screen).toMatch(/1 live grant or token of subject bea will be void/)
    expect(screen).toContain(world.issuer)
    expect(screen).toMatch(/not confirmed\s+Nothing was changed/)
    expect(await isActive(token)).toBe(true)
  })

  it('answered with "y" is carried out', async () => {
    const token = await mint('ben')
    const { code, stdout } = await bench.onTerminal(
      ['revoke', '--subject', 'ben', '--reason', 'lost'],
      {
        typed: [{ after: /\[y\/N\] $/, keys: 'y\r' }],
      },
    )
    expect(code).toBe(0)
    expect(stripVTControlCharacters(stdout)).toMatch(/subject ben +1 +20.* rv_/)
    expect(await isActive(token)).toBe(false)
  })

  it('says which span of time is meant', async () => {
    await mint('nina')
    const { stdout } = await bench.onTerminal(
      ['revoke', '--subject', 'nina', '--issued-after', '1h'],
      { typed: [{ after: /\[y\/N\] $/, keys: 'n\r' }] },
    )
    const moment = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`
    expect(stripVTControlCharacters(stdout).replaceAll(/\s+/g, ' ')).toMatch(
      new RegExp(`of subject nina, issued after ${moment} and until ${moment}, will be void`),
    )
  })

  it('about a client wants its name typed, and a reflex is not enough', async () => {
    const typed = (keys: string) => ({ typed: [{ after: /Type web-app to continue: $/, keys }] })
    const [reflex, meant] = await Promise.all([
      bench.onTerminal(['client', 'disable', 'web-app'], typed('y\r')),
      bench.onTerminal(['revoke', '--client', 'web-app'], typed('web-app\r')),
    ])
    expect(reflex.code).toBe(1)
    expect(meant.code).toBe(0)
  })

  it('is left by Ctrl-C and by Ctrl-D with nothing done', async () => {
    const token = await mint('cleo')
    const typed = (keys: string) => ({ typed: [{ after: /\[y\/N\] $/, keys }] })
    const [interrupted, ended] = await Promise.all([
      bench.onTerminal(['revoke', '--subject', 'cleo'], typed('\u0003')),
      bench.onTerminal(['revoke', '--subject', 'cleo'], typed('\u0004')),
    ])
    expect(interrupted.code).toBe(130)
    expect(ended.code).toBe(1)
    expect(await isActive(token)).toBe(true)
  })
})

describe('what is typed hidden', () => {
  it('is a token, and not on the screen', async () => {
    const token = await mint('hid')
    const { code, stdout } = await bench.onTerminal(['token', 'explain'], {
      typed: [{ after: /Token \(not shown\): $/, keys: `${token}\r` }],
    })
    expect(code).toBe(0)
    expect(stripVTControlCharacters(stdout)).toMatch(/state +active/)
    expect(stdout).not.toContain(token.slice(0, 20))
  })

  it('is a secret, and not on the screen', async () => {
    const { client_secret } = world.admin
    const args = ['login', 'typed', '--issuer', world.issuer]
    const { code, stdout } = await bench.onTerminal(args, {
      typed: [
        { after: /Client id: $/, keys: 'admin\r' },
        { after: /Secret of admin \(not shown\): $/, keys: `${client_secret}\r` },
      ],
    })
    expect(code).toBe(0)
    expect(stripVTControlCharacters(stdout)).toMatch(/Signed in to /)
    expect(stdout).not.toContain(client_secret)
  })
})

describe('a terminal', () => {
  it('of 40 columns is never overrun', async () => {
    const device = 'Mozilla/5.0 (漢字; Linux x86_64) AppleWebKit/537.36 👩‍👩‍👧'
    await mint('narrow', { ip: '2001:db8::1', user_agent: device })
    const screens = await Promise.all([
      bench.onTerminal(['subject', 'show', 'narrow'], { columns: 40 }),
      bench.onTerminal(['status'], { columns: 40 }),
      bench.onTerminal(['audit', '--limit', '5'], { columns: 40 }),
    ])
    for (const { code, stdout } of screens) {
      expect(code).toBe(0)
      const lines = stripVTControlCharacters(stdout).replaceAll('\r', '').split('\n')
      expect(lines.length).toBeGreaterThan(5)
      expect(lines.filter((line) => textWidth(line) > 40)).toEqual([])
    }
    expect(screens[0].stdout).toContain('2001:db8::1')
  })

  it('has colours, unless it is told to have none', async () => {
    const [colourful, plain, dumb] = await Promise.all([
      bench.onTerminal(['client', 'list']),
      bench.onTerminal(['client', 'list'], { env: { NO_COLOR: '1' } }),
      bench.onTerminal(['client', 'list'], { env: { TERM: 'dumb' } }),
    ])
    expect(colourful.stdout).toContain('\u001b[32menabled\u001b[0m')
    for (const { stdout } of [plain, dumb]) {
      expect(stdout).not.toContain('\u001b[')
      expect(stdout).toMatch(/web-app +enabled/)
    }
  })

  it('shows a feed as it happens, until Ctrl-C', async () => {
    const tailing = bench.onTerminal(['feed', 'tail', '--type', 'subject'], {
      columns: 80,
      typed: [{ after: /sub=pushed/, keys: '\u0003' }],
    })
    const pushing = setInterval(() => {
      void world.callAdmin('POST', '/revocations', { subject: 'pushed' })
    }, 200)
    const { code, stdout } = await tailing
    clearInterval(pushing)
    expect(code).toBe(0)
    expect(stripVTControlCharacters(stdout)).toMatch(
      /Following 64 partitions[\s\S]*subject +sub=pushed/,
    )
  })

  it('shows a bar while an import runs', async () => {
    const schema = bench.file('schema.json', '{"roles":{"student":{"permissions":[]}}}')
    await bench.run(['role', 'schema', 'put', schema, '--yes'])
    const line = (n: number) =>
      `{"op":"assign","subject":"s${n}","context":"course:${n % 50}","role":"student"}\n`
    const file = bench.file(
      'many.ndjson',
      Array.from({ length: 60_000 }, (_, n) => line(n)).join(''),
    )
    const { code, stdout } = await bench.onTerminal(['role', 'import', file], { columns: 60 })
    expect(code).toBe(0)
    expect(stdout).toMatch(/█+░* [\d,]+ lines, \d+%, [\d,]+\/s/)
    expect(stripVTControlCharacters(stdout)).toMatch(/60,000 assigned[\s\S]*lines a\s+second/)
  })
})

describe('the launcher', () => {
  it('runs the source on the pinned Node, and passes on what comes of it', () => {
    const bin = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'claimcheck.mjs')
    expect(execFileSync(process.execPath, [bin, '--version'], { encoding: 'utf8' })).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    )
    const failing = () => execFileSync(process.execPath, [bin, 'nonsense'], { stdio: 'pipe' })
    expect(failing).toThrow(expect.objectContaining({ status: 2 }))
  })
})

describe('everything on the screen', () => {
  it('holds no token', () => {
    expect(bench.written.join('')).not.toMatch(/cc_[ar]t_[\w-]{68}/)
  })
})
