/**
 * The introspection process: reads the environment, opens the store, listens, and shuts down gracefully on SIGTERM or
 * SIGINT. No other file of the service reads the environment or handles signals.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { runService } from '../http/run-service.ts'
import { createLogger } from '../http/telemetry/logger.ts'
import { createMetrics } from '../http/telemetry/metrics.ts'
import { createOutageLog } from '../http/telemetry/outage-log.ts'
import { parseSettings } from '../settings/settings.ts'
import { loadTokenKeyFile } from '../settings/token-key-file.ts'
import { openStoreWhenReachable } from '../store/open-when-reachable.ts'
import { startIntrospectService } from './app.ts'

const RETRY_MS = 500

async function main(): Promise<void> {
  const settings = parseSettings(process.env, (path) => readFileSync(path, 'utf8'))
  const log = createLogger(settings.logLevel, 'introspect')
  const metrics = createMetrics({ service: 'introspect', version: '0.1.0' })
  const store = await openStoreWhenReachable(settings, {
    tokenKeys: settings.tokenKeys ?? loadTokenKeyFile(settings.dataDir),
    mints: false,
    outage: createOutageLog(log),
    pause: () => delay(RETRY_MS),
  })
  const app = startIntrospectService({
    store,
    log,
    metrics,
    issuer: settings.issuer,
    introspectUrl: settings.introspectUrl,
    trustProxy: settings.trustProxy,
    withMetrics: settings.metricsPort === undefined,
  })
  const service = await runService({
    name: 'introspect',
    callback: app.callback,
    upgrade: app.upgrade,
    settings,
    log,
    metrics,
    quiesce: app.quiesce,
    async release() {
      app.close()
      await store.close()
    },
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void service.stop().then(() => process.exit(0), fail))
  }
}

function fail(error: unknown): void {
  process.stderr.write(
    `claimcheck introspect: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

main().catch(fail)
