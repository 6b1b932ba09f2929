// `npm start`: Redis, issuer and introspect on this machine, for development, with clients to use
// them with. It starts them in that order and stops all of them together: on Ctrl-C, on a stop
// signal, when the process that started this one is gone, and when any one of them ends by itself.
//
// It learns everything about the services over HTTP, and writes nothing into Redis.

import { mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Child, type Children, createChildren } from './children.ts'
import { curlConfig, curlConfigPath, curlLines } from './curl-lines.ts'
import { type DevFile, makeDevClients, readEarlierClients, type Services } from './dev-clients.ts'
import { type PortWish, pickPorts } from './ports.ts'
import { createSecret, keepPrivateFile, writePrivateFile } from './private-file.ts'
import { findOrStartRedis } from './redis.ts'
import { ROOT } from './setup.mjs'
import { takeStartLock } from './start-lock.ts'
import { localUrl, readStartSettings, type StartSettings, withSettings } from './start-settings.ts'

const READY_TIMEOUT_MS = 30_000
const READY_POLL_MS = 100
// A watchdog stops within ten seconds what a killed start leaves running.
const RECOVERY_PATIENCE_MS = 12_000
// Ctrl-C is how a developer ends this on purpose; the others follow the shell's 128 + n.
const EXIT_CODES = { SIGINT: 0, SIGTERM: 143, SIGHUP: 129 } as const

type StopSignal = keyof typeof EXIT_CODES

function say(message: string): void {
  console.log(`claimcheck: ${message}`)
}

function stopRequested(): Promise<StopSignal> {
  return new Promise((done) => {
    for (const signal of Object.keys(EXIT_CODES) as StopSignal[]) {
      process.on(signal, () => done(signal))
    }
    process.on('disconnect', () => done('SIGTERM'))
    process.channel?.unref()
    // A closed terminal must not turn the orderly stop into a crash.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  })
}

interface Ports {
  readonly issuer: number
  readonly introspect: number
  readonly metrics: readonly number[]
}

async function choosePorts(settings: StartSettings, patienceMs: number): Promise<Ports> {
  const wish = (what: string, setting: string, port: number): PortWish => ({ what, setting, port })
  const { metricsPort } = settings
  const metrics =
    metricsPort === undefined
      ? []
      : [
          wish("the issuer's metrics", 'CLAIMCHECK_METRICS_PORT', metricsPort),
          // One setting, two processes on one machine: the second takes the next port.
          wish("introspect's metrics", 'CLAIMCHECK_METRICS_PORT', metricsPort && metricsPort + 1),
        ]
  const [issuer = 0, introspect = 0, ...rest] = await pickPorts(
    settings.host,
    [
      wish('the issuer', 'CLAIMCHECK_ISSUER_PORT', settings.issuerPort),
      wish('introspect', 'CLAIMCHECK_INTROSPECT_PORT', settings.introspectPort),
      ...metrics,
    ],
    patienceMs,
  )
  return { issuer, introspect, metrics: rest }
}

interface Plan {
  readonly settings: StartSettings
  readonly services: Services
  readonly ports: Ports
  readonly redisUrl: string
  readonly adminSecret: string
}

function serviceEnvironment(plan: Plan, name: 'issuer' | 'introspect'): NodeJS.ProcessEnv {
  const { settings, services, ports } = plan
  const metrics = ports.metrics[name === 'issuer' ? 0 : 1]
  return withSettings(process.env, {
    CLAIMCHECK_DATA_DIR: settings.dataDir,
    CLAIMCHECK_REDIS_URL: plan.redisUrl,
    CLAIMCHECK_ISSUER_PORT: String(ports.issuer),
    CLAIMCHECK_INTROSPECT_PORT: String(ports.introspect),
    CLAIMCHECK_ISSUER: settings.issuer ?? services.issuer,
    ...(metrics !== undefined && { CLAIMCHECK_METRICS_PORT: String(metrics) }),
    ...(!settings.hasTokenKeys && { CLAIMCHECK_TOKEN_KEYS_FILE: tokenKeysPath(settings.dataDir) }),
    ...(settings.adminSecret === undefined && {
      CLAIMCHECK_ADMIN_SECRET_FILE: adminSecretPath(settings.dataDir),
    }),
  })
}

const tokenKeysPath = (dataDir: string): string => join(dataDir, 'token-keys')
const adminSecretPath = (dataDir: string): string => join(dataDir, 'admin-secret')

async function untilReady(child: Child, base: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  let problem = ''
  while (performance.now() < deadline) {
    if (!child.isRunning()) throw new Error(await obituary(child))
    try {
      const response = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(2_000) })
      const text = await response.text()
      if (response.ok) return
      problem = `${response.status} ${text}`
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error
      problem = String(cause)
    }
    await delay(READY_POLL_MS)
  }
  throw new Error(`${child.name} does not get ready: ${problem}\n${lastWords(child)}`)
}

async function obituary(child: Child): Promise<string> {
  return `${child.name} ended by itself (${await child.ended})\n${lastWords(child)}`
}

function lastWords(child: Child): string {
  const lines = child.lastLines()
  if (lines.length === 0) return 'it said nothing'
  return `its last lines (all are in ${relative(process.cwd(), child.logPath)}):\n${lines.join('\n')}`
}

async function bringUp(
  settings: StartSettings,
  children: Children,
  patienceMs: number,
): Promise<void> {
  const { dataDir, host } = settings
  const ports = await choosePorts(settings, patienceMs)
  const redis = await findOrStartRedis({ url: settings.redisUrl, dataDir, children })
  say(`Redis       ${redis.description}`)
  // Both services read the file at once. Were each to make it, they would use different keys.
  if (!settings.hasTokenKeys) keepPrivateFile(tokenKeysPath(dataDir), () => `k1.${createSecret()}`)
  const adminSecret =
    settings.adminSecret ?? keepPrivateFile(adminSecretPath(dataDir), createSecret)
  const bases = {
    issuer: localUrl(host, ports.issuer),
    introspect: localUrl(host, ports.introspect),
  }
  const services = {
    issuer: bases.issuer + settings.issuerPath,
    introspect: bases.introspect + settings.introspectPath,
  }
  const plan: Plan = { settings, services, ports, redisUrl: redis.url, adminSecret }
  const names = ['issuer', 'introspect'] as const
  await Promise.all(
    names.map((name) => {
      const env = serviceEnvironment(plan, name)
      const args = [`${name}/main.ts`]
      const child = children.start({ name, command: process.execPath, args, env, isShown: true })
      // Probes come to the root, whatever path the routes lie under.
      return untilReady(child, bases[name])
    }),
  )
  for (const [i, name] of names.entries()) {
    const metrics = ports.metrics[i]
    const also = metrics === undefined ? '' : ` (metrics on port ${metrics})`
    say(`${name.padEnd(11)} ${services[name]}${also}`)
  }
  await writeDevFile(plan)
}

async function writeDevFile(plan: Plan): Promise<void> {
  const { settings, services } = plan
  const { dataDir } = settings
  const path = join(dataDir, 'dev.json')
  const clients = await makeDevClients({
    services,
    adminSecret: plan.adminSecret,
    earlier: readEarlierClients(path),
  })
  const file: DevFile = {
    issuer: settings.issuer ?? services.issuer,
    introspect: settings.introspectUrl ?? services.introspect,
    redis: plan.redisUrl,
    clients,
  }
  writePrivateFile(path, `${JSON.stringify(file, null, 2)}\n`)
  for (const { client_id, client_secret } of Object.values(clients)) {
    writePrivateFile(curlConfigPath(dataDir, client_id), curlConfig(client_id, client_secret))
  }
  const inside = relative(process.cwd(), dataDir)
  const shown = inside.startsWith('..') ? dataDir : inside
  say(`clients     ${join(shown, 'dev.json')}, logs in ${join(shown, '*.log')}`)
  console.log(
    '\nIssue a token, introspect it, revoke it (and introspect it again), in another terminal:\n',
  )
  for (const line of curlLines({ ...services, dataDir })) console.log(line)
  console.log('\nCtrl-C stops everything.')
}

async function main(): Promise<number> {
  const stop = stopRequested()
  const settings = readStartSettings(process.env, ROOT)
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 })
  const lock = await takeStartLock(settings.dataDir)
  const children = createChildren(settings.dataDir)
  const patienceMs = lock.isRecovered ? RECOVERY_PATIENCE_MS : 0
  try {
    const up = bringUp(settings, children, patienceMs).then(() => children.firstEnded())
    const end = await Promise.race([stop, up])
    if (typeof end !== 'string') throw new Error(await obituary(end))
    say('stopping')
    return EXIT_CODES[end]
  } finally {
    await children.stopAll()
    lock.release()
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`claimcheck: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
// An interrupted start may still be waiting for something.
process.exit()
