import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { isSocketPath, socketPath } from '../../../scripts/socket-path.ts'
import { takeStartLock } from '../../../scripts/start-lock.ts'

let dataDir: string

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'claimcheck-lock-'))
})

afterEach(() => rmSync(dataDir, { recursive: true }))

it('refuses a second start on a data directory and names the first', async () => {
  const lock = await takeStartLock(dataDir)
  await expect(takeStartLock(dataDir)).rejects.toThrow(
    `npm start is already running on ${dataDir} (process ${process.pid})`,
  )
  lock.release()
})

it('gives the directory to the next start after a release', async () => {
  ;(await takeStartLock(dataDir)).release()
  const next = await takeStartLock(dataDir)
  expect(next.isRecovered).toBe(false)
  next.release()
})

it('takes over from a start that was killed', async () => {
  const module = JSON.stringify(new URL('../../../scripts/start-lock.ts', import.meta.url))
  const script = `
    import { takeStartLock } from ${module}
    await takeStartLock(${JSON.stringify(dataDir)})
    process.kill(process.pid, 'SIGKILL')`
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script])
  expect(await once(killed, 'exit')).toEqual([null, 'SIGKILL'])
  const lock = await takeStartLock(dataDir)
  expect(lock.isRecovered).toBe(true)
  lock.release()
})

it('puts sockets into the data directory where their path fits', () => {
  expect(socketPath('/data', 'redis.sock')).toBe('/data/redis.sock')
})

it('finds the same short private place for a path that is too long or not plain', () => {
  for (const odd of [`/data/${'long/'.repeat(30)}`, '/my data?']) {
    const path = socketPath(odd, 'redis.sock')
    expect(isSocketPath(path)).toBe(true)
    expect(socketPath(odd, 'redis.sock')).toBe(path)
    rmSync(dirname(path), { recursive: true })
  }
})
