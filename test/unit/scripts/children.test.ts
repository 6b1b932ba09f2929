import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Children, createChildren, terminalLine } from '../../../scripts/children.ts'
import { ROOT } from '../../../scripts/setup.mjs'
import { waitFor } from '../../fixture/wait-for.ts'

describe('what of a log belongs on the terminal', () => {
  it('is not the everyday', () => {
    expect(terminalLine('issuer', '{"level":30,"msg":"listening"}')).toBeUndefined()
    expect(terminalLine('issuer', ' ')).toBeUndefined()
  })

  it('is a warning, with the error that caused it', () => {
    const line = '{"level":40,"msg":"Redis is away","err":{"message":"refused"}}'
    expect(terminalLine('issuer', line)).toBe('issuer: Redis is away: refused')
  })

  it('is whatever is no log record', () => {
    expect(terminalLine('issuer', 'Error: no')).toBe('issuer: Error: no')
    expect(terminalLine('issuer', '{"level":50')).toBe('issuer: {"level":50')
  })
})

describe('a child', () => {
  let logDir: string
  let children: Children

  beforeEach(() => {
    logDir = mkdtempSync(join(tmpdir(), 'claimcheck-children-'))
    children = createChildren(logDir)
  })

  afterEach(async () => {
    await children.stopAll()
    rmSync(logDir, { recursive: true })
  })

  const start = (name: string, script: string, stopsLast = false) =>
    children.start({
      name,
      command: 'sh',
      args: ['-c', script],
      env: process.env,
      isShown: false,
      stopsLast,
    })

  it('that dies at once leaves its last words and how it died', async () => {
    const child = start('issuer', 'echo one; echo two >&2; exit 7')
    expect(await child.ended).toBe('exit code 7')
    expect(child.isRunning()).toBe(false)
    expect([...child.lastLines()].sort()).toEqual(['one', 'two'])
    expect(readFileSync(child.logPath, 'utf8')).toContain('two')
    expect(statSync(child.logPath).mode & 0o777).toBe(0o600)
  })

  it('that cannot be run says so', async () => {
    const spec = { name: 'x', command: join(logDir, 'none'), args: [], env: {}, isShown: false }
    expect(await children.start(spec).ended).toContain('ENOENT')
  })

  it('is told from the others when it ends by itself', async () => {
    start('redis', 'exec sleep 300')
    const issuer = start('issuer', 'exit 1')
    expect(await children.firstEnded()).toBe(issuer)
  })

  it('outlives those that need it when all are stopped', async () => {
    const order: string[] = []
    const redis = start('redis', 'exec sleep 300', true)
    const issuer = start('issuer', 'exec sleep 300')
    for (const child of [redis, issuer]) void child.ended.then(() => order.push(child.name))
    await children.stopAll()
    expect(await redis.ended).toBe('SIGTERM')
    expect(order).toEqual(['issuer', 'redis'])
  })

  it('is not started any more once all are being stopped', async () => {
    await children.stopAll()
    expect(() => start('issuer', 'exit 0')).toThrow('stopping')
  })

  it('keeps the log of the run before', async () => {
    await start('issuer', 'echo first').ended
    await start('issuer', 'echo second').ended
    expect(readFileSync(join(logDir, 'issuer.previous.log'), 'utf8')).toBe('first\n')
  })
})

describe('the watchdog', () => {
  const started: ChildProcess[] = []

  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL')
  })

  it('stops what is still noted when its parent is gone, and nothing else', async () => {
    const sleeper = () => {
      const child = spawn('sleep', ['300'])
      started.push(child)
      return child
    }
    const [kept, noted, alsoNoted] = [sleeper(), sleeper(), sleeper()]
    const watchdog = spawn('sh', [join(ROOT, 'scripts', 'watchdog.sh')], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    watchdog.stdin.end(`+ ${kept.pid}\n+ ${noted.pid}\n- ${kept.pid}\n+ ${alsoNoted.pid}\n`)
    await once(watchdog, 'exit')
    await waitFor(() => noted.signalCode === 'SIGTERM' && alsoNoted.signalCode === 'SIGTERM')
    expect(kept.signalCode).toBeNull()
  })
})
