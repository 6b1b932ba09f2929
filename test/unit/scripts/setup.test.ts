import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  isSameTree,
  lockHash,
  nodeProblem,
  packagesProblem,
  pathOutside,
  run,
} from '../../../scripts/setup.mjs'

const KOA = { version: '3.3.0', integrity: 'sha512-aa' }
const OTHER_PLATFORM = { version: '1.0.0', integrity: 'sha512-bb', optional: true }

describe('the Node that begins', () => {
  it('is refused below 20, with its version in the message', () => {
    expect(nodeProblem('18.20.4')).toBe('Node 20 or newer is needed to begin; this is Node 18.20.4')
  })

  it('is accepted from 20 on', () => {
    expect(nodeProblem('20.0.0')).toBeUndefined()
    expect(nodeProblem('24.21.0')).toBeUndefined()
  })
})

describe('what npm installed', () => {
  const lock = { packages: { '': {}, 'node_modules/koa': KOA, 'node_modules/x': OTHER_PLATFORM } }

  it('may lack what is optional', () => {
    expect(isSameTree(lock, { packages: { 'node_modules/koa': KOA } })).toBe(true)
  })

  it('must not lack anything else', () => {
    expect(isSameTree(lock, { packages: { 'node_modules/x': OTHER_PLATFORM } })).toBe(false)
  })

  it('must be of the same version and bytes', () => {
    const older = { ...KOA, version: '3.2.0' }
    const other = { ...KOA, integrity: 'sha512-cc' }
    expect(isSameTree(lock, { packages: { 'node_modules/koa': older } })).toBe(false)
    expect(isSameTree(lock, { packages: { 'node_modules/koa': other } })).toBe(false)
  })
})

describe('whether npm ci is due', () => {
  const lockText = JSON.stringify({ packages: { 'node_modules/koa': KOA } })
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'claimcheck-setup-'))
    writeFileSync(join(root, 'package-lock.json'), lockText)
  })

  afterEach(() => rmSync(root, { recursive: true }))

  const install = (version: string): void => {
    mkdirSync(join(root, 'node_modules'))
    const record = { packages: { 'node_modules/koa': { ...KOA, version } } }
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(record))
  }

  it('is, when nothing is installed', () => {
    expect(packagesProblem(root)).toBe('packages are missing')
  })

  it('is, when the lockfile asks for something else', () => {
    install('3.2.0')
    expect(packagesProblem(root)).toBe('packages are older than package-lock.json')
  })

  it('is not after an installation by hand, which is noted', () => {
    install('3.3.0')
    expect(packagesProblem(root)).toBeUndefined()
    const stamp = readFileSync(join(root, 'node_modules', '.claimcheck-lock'), 'utf8')
    expect(stamp).toBe(lockHash(lockText))
  })

  it('is again when the lockfile changes after that', () => {
    install('3.3.0')
    packagesProblem(root)
    const next = { packages: { 'node_modules/koa': { ...KOA, version: '3.4.0' } } }
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(next))
    expect(packagesProblem(root)).toBe('packages are older than package-lock.json')
  })
})

it('takes only the binaries of this checkout off the PATH', () => {
  const path = '/src/cc/node_modules/.bin:/usr/bin:/src/other/node_modules/.bin:/src/cc/bin'
  expect(pathOutside('/src/cc', path)).toBe('/usr/bin:/src/other/node_modules/.bin:/src/cc/bin')
})

it('reports how a command ended', async () => {
  expect(await run('sh', ['-c', 'exit 3'])).toEqual({ code: 3, signal: null })
  expect(await run('sh', ['-c', 'kill -KILL $$'])).toEqual({ code: null, signal: 'SIGKILL' })
})
