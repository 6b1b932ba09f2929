/**
 * Runs a service around its application: opens the listener (and one for metrics alone, if configured), logs its URL, and
 * shuts down gracefully. Signals and the environment belong to main.ts.
 */
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import type { Settings, TlsPaths } from '../settings/settings.ts'
import { createMetricsRouter } from './pipeline/health.ts'
import { createKoaApp } from './pipeline/koa-app.ts'
import {
  listen,
  type RunningServer,
  type TlsMaterial,
  type UpgradeHandler,
} from './server/listener.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** How to run a service. */
export interface ServiceOptions {
  readonly name: 'issuer' | 'introspect'
  readonly callback: RequestListener
  readonly upgrade?: UpgradeHandler
  readonly settings: Settings
  readonly log: Logger
  readonly metrics: Metrics
  /** Ends what would never drain by itself, such as feeds; called first. */
  readonly quiesce?: () => Promise<void>
  /** Closes what the application used; called once no request is in flight. */
  readonly release: () => Promise<void>
}

/** A service that listens. */
export interface RunningService {
  readonly url: string
  /** Answers the requests in flight, then releases everything. */
  stop(): Promise<void>
}

const DRAIN_TIMEOUT_MS = 8_000

/** Starts listening. @throws {ListenError} naming the setting to change when a port is taken */
export async function runService(options: ServiceOptions): Promise<RunningService> {
  const { name, callback, upgrade, settings, log, metrics, quiesce, release } = options
  const { host } = settings
  const isIssuer = name === 'issuer'
  const tls = settings.tls && readTls(settings.tls)
  const main = await listen({
    callback,
    upgrade,
    host,
    port: isIssuer ? settings.issuerPort : settings.introspectPort,
    portSetting: isIssuer ? 'CLAIMCHECK_ISSUER_PORT' : 'CLAIMCHECK_INTROSPECT_PORT',
    log,
    tls,
  })
  const servers: RunningServer[] = [main]
  if (settings.metricsPort !== undefined) {
    const app = createKoaApp({
      log,
      metrics,
      trustProxy: false,
      routers: [createMetricsRouter(metrics)],
    })
    const port = settings.metricsPort
    const portSetting = 'CLAIMCHECK_METRICS_PORT'
    servers.push(await listen({ callback: app.callback(), host, port, portSetting, log, tls }))
  }
  log.info({ url: main.url }, 'listening')
  return {
    url: main.url,
    async stop() {
      log.info('draining')
      await quiesce?.()
      const outcomes = await Promise.all(
        servers.map((server) => server.close({ timeoutMs: DRAIN_TIMEOUT_MS })),
      )
      await release()
      log.info({ outcome: outcomes[0] }, 'stopped')
      await flushed(log)
    },
  }
}

/** Flushed before exit: at exit the buffer is written synchronously, which blocks for ever on a pipe without a reader. */
function flushed(log: Logger): Promise<void> {
  return new Promise((resolve) => log.flush(() => resolve()))
}

function readTls({ cert, key, clientCa }: TlsPaths): TlsMaterial {
  return {
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
    clientCa: clientCa === undefined ? undefined : readFileSync(clientCa, 'utf8'),
  }
}
