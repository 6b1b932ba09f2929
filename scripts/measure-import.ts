// `npm run measure:import`: how long a million assignments take to stream in over HTTP, and how much memory the issuer has
// meanwhile. The issuer is a process of its own, so that nothing of the sender counts; Redis keeps its append-only file.
//
// It prints and promises nothing.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { redisServerBinary } from './redis-binary.ts'

const LINES = 1_000_000
const SUBJECTS = 100_000
const LINES_AT_ONCE = 1_000
const LOOKS = 10
const LOOK_EVERY_MS = 250
const MIB = 1_024 * 1_024
const ROLE = 'student'

// Read when the module is loaded, hence before it is.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { startRedis } = await import('../test/redis-server.ts')
const { fetchToken } = await import('../test/services.ts')
const { startProcess } = await import('../test/system/service-process.ts')

/** The last line of the answer, as far as it is looked at. */
interface Told {
  readonly done?: boolean
  readonly failed?: number
}

function lines(from: number, count: number): string {
  let text = ''
  for (let n = from; n < from + count; n++) {
    const subject = `user-${n % SUBJECTS}`
    text += `${JSON.stringify({ op: 'assign', subject, context: `course:${n}`, role: ROLE })}\n`
  }
  return text
}

/** Memory of the issuer as the operating system sees it, in MiB. */
async function residentMiB(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes\S* (\S+)/m.exec(text)?.[1]) / MIB
}

/** Sends everything; the answer may be read after it. */
async function send(url: string, token: string): Promise<IncomingMessage> {
  const sent = request(`${url}/admin/v1/role-assignments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
  })
  const responded = once(sent, 'response') as Promise<[IncomingMessage]>
  for (let from = 0; from < LINES; from += LINES_AT_ONCE) {
    const part = lines(from, Math.min(LINES_AT_ONCE, LINES - from))
    if (!sent.write(part)) await once(sent, 'drain')
  }
  sent.end()
  const [response] = await responded
  return response
}

async function measure(url: string, token: string): Promise<void> {
  const before = await residentMiB(url)
  const memory: number[] = []
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      memory.push(await residentMiB(url))
      await delay(LOOK_EVERY_MS)
    }
  })()
  const startedAt = performance.now()
  const answer = createInterface({ input: await send(url, token) })
  let last: Told = {}
  for await (const line of answer) last = JSON.parse(line) as Told
  const seconds = (performance.now() - startedAt) / 1_000
  isOver = true
  await watching
  const rate = Math.round(LINES / seconds).toLocaleString('en')
  console.log(JSON.stringify(last))
  console.log(`${LINES.toLocaleString('en')} lines in ${seconds.toFixed(1)} s, ${rate} a second`)
  const share = Math.max(1, Math.floor(memory.length / LOOKS))
  const looks = memory.filter((_, n) => n % share === 0).map((mib) => mib.toFixed(0))
  console.log(`issuer: ${before.toFixed(0)} MiB before, then ${looks.join(' ')}`)
  console.log(`        at most ${Math.max(...memory).toFixed(0)} MiB`)
  if (last.done !== true || last.failed !== 0) throw new Error('not every line was applied')
}

const redis = await startRedis('--appendonly', 'yes')
const dir = mkdtempSync(join(tmpdir(), 'claimcheck-import-'))
const admin = { client_id: 'admin', client_secret: randomBytes(32).toString('base64url') }
const issuer = startProcess('issuer', {
  CLAIMCHECK_REDIS_URL: redis.url,
  CLAIMCHECK_DATA_DIR: dir,
  CLAIMCHECK_ISSUER_PORT: '0',
  CLAIMCHECK_ADMIN_SECRET: admin.client_secret,
})
try {
  const url = await issuer.listening()
  const token = await fetchToken(url, admin)
  const put = await fetch(`${url}/admin/v1/role-schema`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ roles: { [ROLE]: { permissions: ['grade:read-own'] } } }),
  })
  if (!put.ok) throw new Error(`the role schema was answered ${put.status}`)
  console.log('the first time:')
  await measure(url, token)
  console.log('\nthe same again:')
  await measure(url, token)
} finally {
  await issuer.stop()
  await redis.stop()
  rmSync(dir, { recursive: true, force: true })
}
process.exit()
