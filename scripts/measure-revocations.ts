// `node scripts/measure-revocations.mjs [tokens]`: how long it takes to take back a leaked file of tokens (a million when not
// told otherwise) with the command line tool, and whether everything that a subject holds takes longer to take back when it
// is a hundred thousand tokens than when it is one. Redis as in production (every write on the disk before it is answered), issuer
// and tool each in a process of its own.
//
// The tokens are issued by the store itself, in this process, the way the issuer does it: their issuing is not what is
// measured. The two subjects are revoked in turn, A B B A. It prints and promises nothing.

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
/** Issuing keeps Redis busy; none of its calls is to fail for the wait. */
const PATIENCE_MS = 60_000
const LIFETIME_SECONDS = 86_400
const RESOURCE = 'https://grades.test'
const APPLICATION = 'web-app'
const MANY = 100_000
const ROUNDS = 7
const WARM_UP = 10
const SAMPLES = 1_000
const NODE = process.execPath

// Read when the module is loaded, hence before it is.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { freePort, startRedis } = await import('../test/redis-server.ts')
const { fetchToken } = await import('../test/services.ts')
const { waitFor } = await import('../test/wait-for.ts')
const { openStore } = await import('../store/store.ts')

const count = Number(process.argv[2] ?? MILLION)
if (!Number.isSafeInteger(count) || count < 1) {
  throw new Error('the number of tokens must be a whole number from 1 on')
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
    accessTokenLifetime: LIFETIME_SECONDS,
  })
  if (issued.kind !== 'issued') throw new Error(issued.kind)
  return issued.accessToken
}

/** Issues so many and hands them over in batches. */
async function issueMany(
  wanted: number,
  subOf: (n: number) => string,
  take: (tokens: readonly string[]) => unknown = () => undefined,
): Promise<void> {
  for (let done = 0; done < wanted; done += IN_FLIGHT) {
    const size = Math.min(IN_FLIGHT, wanted - done)
    await take(await Promise.all(Array.from({ length: size }, (_, n) => issue(subOf(done + n)))))
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
  const subOf = (n: number): string => `user-${n % SUBJECTS}`
  await issueMany(count, subOf, async (tokens) => {
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

/** The real tool, with a development profile of its own. */
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

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] as number
}

/** What one call takes: milliseconds over HTTP, and microseconds of Redis for its scripts. */
interface Cost {
  readonly ms: number
  readonly redisUs: number
}

async function revokeSubject(subject: string): Promise<Cost> {
  await redis.direct.config('RESETSTAT')
  const startedAt = performance.now()
  await callAdmin('POST', '/revocations', { subject, reason: 'measured' })
  const ms = performance.now() - startedAt
  const stats = await redis.direct.info('commandstats')
  return { ms, redisUs: Number(/^cmdstat_evalsha:calls=\d+,usec=(\d+)/m.exec(stats)?.[1]) }
}

type Holder = 'one' | 'many'

async function measureSubjects(): Promise<void> {
  const costs: Readonly<Record<Holder, Cost[]>> = { one: [], many: [] }
  for (let round = 0; round < ROUNDS; round++) {
    const tokens = [await issue(`one-${round}`)]
    const take = (issued: readonly string[]) => tokens.push(issued.at(-1) as string)
    await issueMany(MANY, () => `many-${round}`, take)
    // The first calls after the load pay for its end, whoever they are about.
    for (let n = 0; n < WARM_UP; n++) await revokeSubject(`warm-up-${round}-${n}`)
    const turn: readonly Holder[] = round % 2 === 0 ? ['one', 'many'] : ['many', 'one']
    for (const holder of turn) costs[holder].push(await revokeSubject(`${holder}-${round}`))
    if ((await countActive(tokens)) > 0) throw new Error('a token has survived its subject')
  }
  console.log('\nPOST /admin/v1/revocations {"subject"}, A B B A')
  compare('milliseconds over HTTP', costs, ({ ms }) => ms)
  compare('microseconds of Redis', costs, ({ redisUs }) => redisUs)
}

function compare(
  what: string,
  { one, many }: Readonly<Record<Holder, readonly Cost[]>>,
  figureOf: (cost: Cost) => number,
): void {
  const row = (name: string, costs: readonly Cost[]) => {
    const figures = costs.map(figureOf)
    const [least, middle] = [Math.min(...figures), median(figures)]
    const cells = figures.map((figure) => figure.toFixed(1).padStart(8)).join('')
    console.log(
      `  ${name.padEnd(16)}${cells}   median ${middle.toFixed(1)}, least ${least.toFixed(1)}`,
    )
    return { least, middle }
  }
  console.log(what)
  const few = row('one token', one)
  const lots = row(`${whole(MANY)} tokens`, many)
  const [ofMedians, ofLeast] = [lots.middle / few.middle, lots.least / few.least]
  console.log(
    `  ratio of the medians ${ofMedians.toFixed(2)} ×, of the least ${ofLeast.toFixed(2)} ×`,
  )
}

try {
  await callAdmin('PUT', '/clients/grades-api', { introspect: true, resources: [RESOURCE] })
  await callAdmin('PUT', `/clients/${APPLICATION}`, { default_resources: [RESOURCE] })
  await measureFile()
  await measureSubjects()
} finally {
  await store.close()
  service.kill()
  if (service.exitCode === null) await once(service, 'exit')
  await redis.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
