// `npm run measure:revocations [tokens]`: measures how long the command line tool takes to revoke a leaked file of tokens
// (default: a million). Redis runs as in production (every write is on disk before it is answered); issuer and tool run in
// separate processes. bench/measures/revocation.ts measures the revocation of one subject.
//
// The store issues the tokens in this process, as the issuer would: issuing is not measured.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecret } from './private-file.ts'
import { redisServerBinary } from './redis-binary.ts'
import { ROOT } from './setup.mjs'

const MILLION = 1_000_000
const SUBJECTS = 10_000
const IN_FLIGHT = 500
/** Issuing keeps Redis busy; no call may fail because it had to wait. */
const PATIENCE_MS = 60_000
const LIFETIME_SECONDS = 86_400
const RESOURCE = 'https://grades.test'
const APPLICATION = 'web-app'
const SAMPLES = 1_000
const NODE = process.execPath

// The module reads this when it is loaded.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { freePort, startRedis } = await import('../test/fixture/redis-server.ts')
const { fetchToken } = await import('../test/fixture/requests.ts')
const { waitFor } = await import('../test/fixture/wait-for.ts')
const { openStore } = await import('../store/store.ts')

const count = Number(process.argv[2] ?? MILLION)
if (!Number.isSafeInteger(count) || count < 1) {
  throw new Error('the number of tokens must be a whole number, at least 1')
}

const folder = mkdtempSync(join(tmpdir(), 'claimcheck-measure-'))
const redis = await startRedis('--appendonly', 'yes')
const port = await freePort()
const issuer = `http://127.0.0.1:${port}`
const admin = { client_id: 'admin', client_secret: createSecret() }
const key = { id: 'k1', secret: createSecret() }

const service = spawn(NODE, [join(ROOT, 'issuer', 'main.ts')], {
  env: {
    PATH: process.env.PATH,
    CLAIMCHECK_REDIS_URL: redis.url,
    CLAIMCHECK_ISSUER: issuer,
    CLAIMCHECK_ISSUER_PORT: String(port),
    CLAIMCHECK_ADMIN_SECRET: admin.client_secret,
    CLAIMCHECK_TOKEN_KEYS: `${key.id}.${key.secret}`,
    CLAIMCHECK_LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'inherit', 'inherit'],
})
await waitFor(async () => (await fetch(`${issuer}/readyz`)).ok)

const store = await openStore({
  url: redis.url,
  prefix: 'cc',
  partitions: 64,
  tokenKeys: [{ id: key.id, secret: Buffer.from(key.secret, 'base64url') }],
  mints: true,
  selfResources: [issuer],
  commandTimeoutMs: PATIENCE_MS,
  onError: () => undefined,
})
const operator = await fetchToken(issuer, admin)

async function callAdmin(method: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${issuer}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
  return response.json()
}

async function issue(sub: string): Promise<string> {
  const issued = await store.tokens.issue({
    authorization: { sub, clientId: APPLICATION, scope: '', aud: [RESOURCE], login: {} },
    subjectKind: 'user',
    session: { mode: 'none' },
    accessTokenLifetimeSeconds: LIFETIME_SECONDS,
  })
  if (issued.kind !== 'issued') throw new Error(issued.kind)
  return issued.accessToken
}

/** Issues all tokens and yields them in batches. */
async function issueAll(take: (tokens: readonly string[]) => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done += IN_FLIGHT) {
    const size = Math.min(IN_FLIGHT, count - done)
    const subOf = (n: number): string => `user-${(done + n) % SUBJECTS}`
    await take(await Promise.all(Array.from({ length: size }, (_, n) => issue(subOf(n)))))
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')

function tell(what: string, items: number, startedAt: number): void {
  const seconds = (performance.now() - startedAt) / 1_000
  console.log(`${what}: ${seconds.toFixed(1)} s, ${whole(items / seconds)} a second`)
}

/** Writes the file. @returns some of its tokens, from all over it */
async function writeDump(path: string): Promise<readonly string[]> {
  const startedAt = performance.now()
  const dump = createWriteStream(path, { mode: 0o600 })
  const samples: string[] = []
  const every = Math.max(1, Math.floor(count / SAMPLES))
  let written = 0
  await issueAll(async (tokens) => {
    samples.push(...tokens.filter((_, n) => (written + n) % every === 0))
    written += tokens.length
    if (!dump.write(`${tokens.join('\n')}\n`)) await once(dump, 'drain')
  })
  dump.end()
  await once(dump, 'close')
  tell(`${whole(count)} tokens of ${whole(SUBJECTS)} subjects issued`, count, startedAt)
  return samples
}

async function countActive(tokens: readonly string[]): Promise<number> {
  const states = await Promise.all(tokens.map((token) => store.tokens.introspect(token, '')))
  return states.filter(({ state }) => state.kind === 'active').length
}

/** The real tool, with a development profile in a temporary folder. */
async function runTool(...args: string[]): Promise<void> {
  mkdirSync(join(folder, '.claimcheck'), { recursive: true })
  const profile = JSON.stringify({ issuer, clients: { admin } })
  writeFileSync(join(folder, '.claimcheck', 'dev.json'), profile, { mode: 0o600 })
  const env = { PATH: process.env.PATH, TERM: process.env.TERM, HOME: folder }
  const main = join(ROOT, 'cli', 'bin', 'claimcheck.mjs')
  const tool = spawn(NODE, [main, ...args], { cwd: folder, env, stdio: 'inherit' })
  const [code] = await once(tool, 'exit')
  if (code !== 0) throw new Error(`claimcheck ended with ${code}`)
}

async function measureFile(): Promise<void> {
  const samples = await writeDump(join(folder, 'dump.txt'))
  const before = await countActive(samples)
  console.log('\n$ claimcheck revoke --from-file dump.txt --reason "leaked" --yes')
  const startedAt = performance.now()
  await runTool('revoke', '--from-file', 'dump.txt', '--reason', 'leaked', '--yes')
  tell(`${whole(count)} tokens revoked, start of the tool included`, count, startedAt)
  const after = await countActive(samples)
  console.log(
    `of ${whole(samples.length)} tokens looked at, active before: ${before}, after: ${after}`,
  )
  if (before !== samples.length || after !== 0) throw new Error('a token is not what it should be')
}

try {
  await callAdmin('PUT', '/clients/grades-api', { introspect: true, resources: [RESOURCE] })
  await callAdmin('PUT', `/clients/${APPLICATION}`, { default_resources: [RESOURCE] })
  await measureFile()
} finally {
  await store.close()
  service.kill()
  if (service.exitCode === null) await once(service, 'exit')
  await redis.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
