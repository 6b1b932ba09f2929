/** The package as npm would deliver it: compiled code without its sources, beside the compiled client library. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildClient, compile } from '../../scripts/build-client.ts'
import { freePort } from '../fixture/redis-server.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** What the manifest names, and what the compiler needs. */
const BORROWED = [
  'commander',
  'cli-progress',
  'string-width',
  'wrap-ansi',
  '@types/node',
  '@types/cli-progress',
  'undici-types',
]

let scratch: string
let home: string

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'claimcheck-cli-package-'))
  const modules = join(scratch, 'node_modules')
  const client = join(modules, '@claimcheck', 'client')
  await mkdir(client, { recursive: true })
  await buildClient(join(client, 'dist'))
  await cp(join(ROOT, 'client', 'package.json'), join(client, 'package.json'))
  for (const name of BORROWED) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  home = join(modules, 'claimcheck')
  const source = join(scratch, 'source')
  await cp(join(ROOT, 'cli', 'src'), join(source, 'src'), { recursive: true })
  await writeFile(join(source, 'package.json'), '{"type":"module"}')
  const settings = await readFile(join(ROOT, 'cli', 'tsconfig.build.json'), 'utf8')
  await writeFile(
    join(source, 'tsconfig.json'),
    settings.replace('../tsconfig.json', join(ROOT, 'tsconfig.json')),
  )
  await compile(join(source, 'tsconfig.json'), '--outDir', join(home, 'dist'))
  await cp(join(ROOT, 'cli', 'package.json'), join(home, 'package.json'))
  await cp(join(ROOT, 'cli', 'bin'), join(home, 'bin'), { recursive: true })
})

afterAll(() => rm(scratch, { recursive: true, force: true }))

async function run(...args: readonly string[]) {
  const bin = join(home, 'bin', 'claimcheck.mjs')
  const env = { PATH: process.env.PATH ?? '', HOME: scratch }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], {
      cwd: scratch,
      env,
    })
    return { code: 0, stdout, stderr: '' }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

describe('the compiled tool', () => {
  it('runs without its sources and knows its version', async () => {
    const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
    expect(await run('--version')).toMatchObject({ code: 0, stdout: `${version}\n` })
  })

  it('reaches out and ends with the right code', async () => {
    const issuer = `http://127.0.0.1:${await freePort()}`
    expect(await run('status', '--issuer', issuer)).toMatchObject({ code: 3 })
    expect(await run('audit')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no profile yet/),
    })
  })

  it('imports no more than its manifest names', async () => {
    const { dependencies } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
    expect(Object.keys(dependencies).sort()).toEqual([
      '@claimcheck/client',
      'cli-progress',
      'commander',
      'string-width',
      'wrap-ansi',
    ])
  })
})
