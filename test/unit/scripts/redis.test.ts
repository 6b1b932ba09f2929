import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Children, createChildren } from '../../../scripts/children.ts'
import { findOrStartRedis, redisServerArgs, shownUrl } from '../../../scripts/redis.ts'
import { findBinary, redisServerBinary, serverMajor } from '../../../scripts/redis-binary.ts'
import { connectRedis } from '../../../store/redis/connection.ts'
import { waitFor } from '../../fixture/wait-for.ts'

let dataDir: string
let children: Children

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'claimcheck-redis-'))
  children = createChildren(dataDir)
})

afterEach(async () => {
  await children.stopAll()
  rmSync(dataDir, { recursive: true })
})

async function ask(url: string, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = await connectRedis({ url })
  try {
    return await redis.call(...command)
  } finally {
    redis.disconnect()
  }
}

describe('the private Redis', () => {
  it('keeps an append-only file, has no port and lets only this user in', async () => {
    const { url } = await findOrStartRedis({ url: undefined, dataDir, children })
    expect(url).toBe(`unix:${dataDir}/redis.sock`)
    const asList = ['appendonly', 'appendfsync', 'port', 'unixsocketperm', 'save']
    expect(await ask(url, 'CONFIG', 'GET', ...asList)).toEqual(
      expect.arrayContaining(['yes', 'always', '0', '700', '']),
    )
  })

  it('has its data again at the next start', async () => {
    const { url } = await findOrStartRedis({ url: undefined, dataDir, children })
    await ask(url, 'SET', 'kept', 'yes')
    await children.stopAll()
    children = createChildren(dataDir)
    await findOrStartRedis({ url: undefined, dataDir, children })
    expect(await ask(url, 'GET', 'kept')).toBe('yes')
  })

  it('takes over the data of a server that a killed start left running', async () => {
    const folder = join(dataDir, 'redis')
    mkdirSync(folder)
    const url = `unix:${dataDir}/redis.sock`
    const args = redisServerArgs(join(dataDir, 'redis.sock'), folder)
    const orphan = spawn(await redisServerBinary(), args, { stdio: 'ignore' })
    await waitFor(() => ask(url, 'SET', 'kept', 'yes'))
    await findOrStartRedis({ url: undefined, dataDir, children })
    await waitFor(() => orphan.exitCode !== null)
    expect(await ask(url, 'GET', 'kept')).toBe('yes')
  })

  it('shows what Redis said when it does not start', async () => {
    const folder = join(dataDir, 'redis', 'appendonlydir')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'appendonly.aof.manifest'), 'nonsense\n')
    const started = findOrStartRedis({ url: undefined, dataDir, children })
    await expect(started).rejects.toThrow(/Redis did not start; its output was\n[\s\S]*manifest/)
  })
})

describe('a given Redis', () => {
  it('is used when it answers', async () => {
    const { url } = await findOrStartRedis({ url: undefined, dataDir, children })
    expect((await findOrStartRedis({ url, dataDir, children })).url).toBe(url)
  })

  it('is named without its password when it does not answer', async () => {
    const url = 'redis://user:s3cret@127.0.0.1:1/0'
    const found = findOrStartRedis({ url, dataDir, children })
    await expect(found).rejects.toThrow(
      'CLAIMCHECK_REDIS_URL (redis://127.0.0.1:1/0) does not answer: connect ECONNREFUSED',
    )
  })

  it('is shown without any password of a list', () => {
    expect(shownUrl('redis://:a@h:1,redis://u:b@i:2')).toBe('redis://h:1,redis://i:2')
    expect(shownUrl('redis+sentinel://u:p@h:1,i:2/name')).toBe('redis+sentinel://h:1,i:2/name')
  })
})

describe('the binary', () => {
  it('is redis-server before valkey-server, in the order of the folders', () => {
    const [a, b] = [join(dataDir, 'a'), join(dataDir, 'b')]
    for (const folder of [a, b]) mkdirSync(folder)
    const put = (path: string): void => {
      writeFileSync(path, '')
      chmodSync(path, 0o755)
    }
    expect(findBinary([a, '', b])).toBeUndefined()
    put(join(a, 'valkey-server'))
    expect(findBinary([a, b])).toBe(join(a, 'valkey-server'))
    put(join(b, 'redis-server'))
    expect(findBinary([a, b])).toBe(join(b, 'redis-server'))
  })

  it('says its version', () => {
    expect(serverMajor('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1')).toBe(7)
    expect(serverMajor('Valkey server v=8.1.0 sha=0')).toBe(8)
    expect(serverMajor('something else')).toBeUndefined()
  })
})
