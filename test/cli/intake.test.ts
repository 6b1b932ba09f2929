/**
 * Leaked tokens in files of any kind, against the real services: which were live, whose they were, since when. Nothing wider is
 * revoked than asked for, nothing is done twice, and no token is shown.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ToolBench } from './tool.ts'
import { startToolWorld, type ToolWorld } from './tool-world.ts'

let world: ToolWorld
let bench: ToolBench

beforeAll(async () => {
  world = await startToolWorld()
  bench = world.bench
})

afterAll(() => world.close())

const mint = (sub: string) => world.login(sub)

const isActive = async (token: string) =>
  (await bench.run(['token', 'introspect'], { stdin: token })).stdout.startsWith('active')

const forged = () => `cc_at_${randomBytes(51).toString('base64url')}`
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('a dump', () => {
  it('is searched whatever its format; live tokens are revoked, others are reported as such', async () => {
    const [narrow, wide, inBinary] = [await mint('lea'), await mint('lea'), await mint('leo')]
    const dump = Buffer.concat([
      Buffer.from(`GET /?t=${narrow.access_token} HTTP/1.1\r\n${forged()}\r\n`),
      Buffer.from(`\ufeff"${wide.access_token}"`, 'utf16le'),
      randomBytes(50),
      Buffer.from(`${inBinary.access_token}\0${narrow.access_token}`),
    ])
    const file = bench.file('dump.bin', dump)
    const looked = await bench.run(['revoke', '--from-file', file, '--dry-run'])
    expect(looked.code).toBe(0)
    expect(looked.stdout).toMatch(
      /^4 found in .*: 3 are live and would be void, 0 were void already, 1 are unknown here\./,
    )
    expect(await isActive(narrow.access_token)).toBe(true)

    expect((await bench.run(['revoke', '--from-file', file])).code).toBe(2)
    const { code, stdout } = await bench.run([
      'revoke',
      '--from-file',
      file,
      '--yes',
      '--reason',
      'leaked',
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/3 were live and are void now, 0 were void already, 1 are unknown here/)
    expect(stdout).toMatch(/\nlive +token +lea +web-app +20/)
    for (const { access_token } of [narrow, wide, inBinary])
      expect(await isActive(access_token)).toBe(false)

    const again = await bench.run(['revoke', '--from-file', file, '--yes'])
    expect(again.stdout).toMatch(
      /0 were live and are void now, 3 were void already, 1 are unknown here/,
    )
  })

  it('is told as JSON lines, with a sum at the end', async () => {
    const { access_token } = await mint('mia')
    const { code, stdout } = await bench.run(['revoke', '--from-file', '-', '--json', '--yes'], {
      stdin: `${access_token}\n${forged()}`,
    })
    expect(code).toBe(0)
    const [first, second, sum] = lines(stdout)
    expect(first).toMatchObject({
      type: 'token',
      number: 1,
      outcome: 'revoked',
      sub: 'mia',
      client_id: 'web-app',
    })
    expect(second).toMatchObject({ type: 'token', number: 2, error: 'not-a-token' })
    expect(sum).toMatchObject({
      type: 'summary',
      found: 2,
      live: 1,
      unknown: 1,
      subjects: [{ sub: 'mia', live: 1 }],
    })
  })

  it('without a token says so', async () => {
    const none = await bench.run(['revoke', '--from-file', bench.file('none.txt', 'nothing here')])
    expect(none).toMatchObject({ code: 0, stdout: expect.stringMatching(/^There is no token in /) })
    const packed = await bench.run([
      'revoke',
      '--from-file',
      bench.file('x.gz', Buffer.from([0x1f, 0x8b, 8, 0])),
    ])
    expect(packed.stderr).toMatch(/compressed: unpack it/)
  })

  it('of many is summed up by subject', async () => {
    const many = await Promise.all(Array.from({ length: 25 }, (_, n) => mint(`many-${n % 3}`)))
    const file = bench.file('many.txt', many.map(({ access_token }) => access_token).join(' '))
    const { stdout } = await bench.run(['revoke', '--from-file', file, '--yes'])
    expect(stdout).toMatch(/25 were live and are void now/)
    expect(stdout).toMatch(/many-0 +9 +9 +20/)
    expect(stdout).toMatch(/many-2 +8 +8 +20/)
  })
})

describe('tokens on standard input', () => {
  it('are taken back without a question when there is one', async () => {
    const { access_token } = await mint('one')
    const { code, stdout } = await bench.run(['revoke', '--token'], { stdin: `${access_token}\n` })
    expect(code).toBe(0)
    expect(stdout).toMatch(/1 were live and are void now/)
    expect(await isActive(access_token)).toBe(false)
  })

  it('stand for their grant when they are refresh tokens', async () => {
    const { access_token, refresh_token } = await mint('ref')
    const { code } = await bench.run(['token', 'revoke'], { stdin: refresh_token })
    expect(code).toBe(0)
    expect(await isActive(access_token)).toBe(false)
  })

  it('are not revoked when there are two and no terminal to ask at', async () => {
    const [one, two] = [await mint('two'), await mint('two')]
    const stdin = `${one.access_token}\n${two.access_token}\n`
    const { code, stderr } = await bench.run(['revoke', '--token'], { stdin })
    expect(code).toBe(2)
    expect(stderr).toMatch(/more than one token.*nothing was done/)
    expect(await isActive(one.access_token)).toBe(true)
  })

  it('are an error when there is none', async () => {
    expect(await bench.run(['revoke', '--token'], { stdin: 'oops' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/there is no token in standard input/),
    })
  })
})

describe('everything that was written', () => {
  it('holds no token', () => {
    expect(bench.written.join('')).not.toMatch(/cc_[ar]t_[\w-]{68}/)
  })
})
