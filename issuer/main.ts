/**
 * The issuer process: reads the environment, opens the store, listens, and shuts down gracefully on SIGTERM or SIGINT. No other
 * file of the service has side effects.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { runService } from '../http/run-service.ts'
import { createLogger, type Logger } from '../http/telemetry/logger.ts'
import { createMetrics } from '../http/telemetry/metrics.ts'
import { createOutageLog } from '../http/telemetry/outage-log.ts'
import { parseSettings } from '../settings/settings.ts'
import { loadTokenKeyFile } from '../settings/token-key-file.ts'
import { openStoreWhenReachable } from '../store/open-when-reachable.ts'
import type { Store } from '../store/store.ts'
import { ensureAdminClient } from './admin-client.ts'
import { createIssuerApp } from './app.ts'
import { createLoaderEndpoint, type LoaderOptions } from './loader/loader-endpoint.ts'
import { createSubjectLoader, type SubjectLoader } from './loader/subject-loader.ts'

const RETRY_MS = 500

async function main(): Promise<void> {
  const settings = parseSettings(process.env, (path) => readFileSync(path, 'utf8'))
  const log = createLogger(settings.logLevel, 'issuer')
  const metrics = createMetrics({ service: 'issuer', version: '0.1.0' })
  const store = await openStoreWhenReachable(settings, {
    tokenKeys: settings.tokenKeys ?? loadTokenKeyFile(settings.dataDir),
    mints: true,
    outage: createOutageLog(log),
    pause: () => delay(RETRY_MS),
  })
  const { minting, mintedBefore } = store.tokenKeys
  const isNewKey = mintedBefore !== undefined && mintedBefore !== minting
  log[isNewKey ? 'warn' : 'info'](
    { key: minting, before: mintedBefore },
    'minting with this token key',
  )
  const nowSeconds = (): number => Math.floor(Date.now() / 1000)
  if (settings.adminSecret !== undefined) {
    await ensureAdminClient(store, settings.adminSecret, nowSeconds())
  }
  const app = createIssuerApp({
    store,
    log,
    metrics,
    issuer: settings.issuer,
    introspectUrl: settings.introspectUrl,
    trustProxy: settings.trustProxy,
    withMetrics: settings.metricsPort === undefined,
    nowSeconds,
    ...(settings.loader === undefined ? {} : { loader: loaderOf(settings.loader, store, log) }),
  })
  const service = await runService({
    name: 'issuer',
    callback: app.callback(),
    settings,
    log,
    metrics,
    release: store.close,
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void service.stop().then(() => process.exit(0), fail))
  }
}

function loaderOf(options: LoaderOptions, store: Store, log: Logger): SubjectLoader {
  return createSubjectLoader({
    loads: store.subjectLoads,
    ask: createLoaderEndpoint(options),
    timeoutMs: options.timeoutMs,
    report: (problem, details) => log.warn(details, problem),
    now: () => performance.now(),
    pause: delay,
    random: Math.random,
  })
}

function fail(error: unknown): void {
  process.stderr.write(
    `claimcheck issuer: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

main().catch(fail)
