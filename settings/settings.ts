/**
 * Turns the environment into settings, or fails once with every problem found: the name, the rule, what to do.
 *
 * Each setting may be given as NAME or, for the name of a file that holds it, NAME_FILE.
 */

import { conflicts } from './conflicts.ts'
import { isLoopbackHost } from './public-url.ts'
import { type EnvironmentVariables, isGiven, type ReadFile, readSetting } from './read-setting.ts'
import {
  type LogLevel,
  SETTING_NAMES,
  type SettingName,
  type SettingValues,
} from './setting-table.ts'
import { SettingsError } from './settings-error.ts'
import type { TokenKeySecret } from './token-key-list.ts'
import { unknownNames } from './unknown-names.ts'

export type { EnvironmentVariables } from './read-setting.ts'
export { SETTING_NAMES } from './setting-table.ts'
export { SettingsError } from './settings-error.ts'

export interface Settings {
  readonly redisUrl: string
  readonly keyPrefix: string
  readonly partitions: number
  /** Verbatim, since `iss` and `aud` are compared as text. */
  readonly issuer: string
  /** The default names the configured port: with port 0 it is wrong, since the real port is not known yet. */
  readonly introspectUrl: string
  readonly issuerPort: number
  readonly introspectPort: number
  /** Undefined: `/metrics` is served beside the rest. */
  readonly metricsPort: number | undefined
  readonly host: string
  readonly dataDir: string
  readonly tls: TlsPaths | undefined
  readonly isTlsTerminated: boolean
  readonly trustProxy: boolean
  /** Undefined: main.ts reads or creates the key file in `dataDir`. */
  readonly tokenKeys: readonly TokenKeySecret[] | undefined
  readonly adminSecret: string | undefined
  /** Undefined: no other system is asked about new subjects. */
  readonly loader: LoaderSettings | undefined
  readonly auditRetentionMs: number
  readonly logLevel: LogLevel
  readonly isProduction: boolean
}

/** Where to ask about subjects that are new to this installation. */
interface LoaderSettings {
  readonly url: string
  readonly secret: string | undefined
  readonly timeoutMs: number
}

/** Paths of PEM files. */
export interface TlsPaths {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | undefined
}

const DAY_MS = 86_400_000

/**
 * The settings in `env`.
 * @throws {SettingsError} listing every problem
 */
export function parseSettings(env: EnvironmentVariables, readFile: ReadFile): Settings {
  const problems = unknownNames(Object.keys(env))
  const read: Partial<Record<SettingName, unknown>> = {}
  for (const name of SETTING_NAMES) read[name] = readSetting(name, env, readFile, problems)
  const values = read as SettingValues
  const isProduction = env.NODE_ENV === 'production'
  problems.push(...conflicts({ values, isGiven: (name) => isGiven(name, env), isProduction }))
  if (problems.length > 0) throw new SettingsError(problems)
  return toSettings(values, isProduction)
}

function toSettings(values: SettingValues, isProduction: boolean): Settings {
  const issuer = values.CLAIMCHECK_ISSUER ?? ''
  const introspectPort = values.CLAIMCHECK_INTROSPECT_PORT ?? 0
  const cert = values.CLAIMCHECK_TLS_CERT
  const key = values.CLAIMCHECK_TLS_KEY
  const clientCa = values.CLAIMCHECK_TLS_CLIENT_CA
  return {
    redisUrl: values.CLAIMCHECK_REDIS_URL ?? '',
    keyPrefix: values.CLAIMCHECK_KEY_PREFIX ?? '',
    partitions: values.CLAIMCHECK_PARTITIONS ?? 0,
    issuer,
    introspectUrl: values.CLAIMCHECK_INTROSPECT_URL ?? introspectUrlFor(issuer, introspectPort),
    issuerPort: values.CLAIMCHECK_ISSUER_PORT ?? 0,
    introspectPort,
    metricsPort: values.CLAIMCHECK_METRICS_PORT,
    host: values.CLAIMCHECK_HOST ?? '',
    dataDir: values.CLAIMCHECK_DATA_DIR ?? '',
    tls: cert === undefined || key === undefined ? undefined : { cert, key, clientCa },
    isTlsTerminated: values.CLAIMCHECK_TLS_TERMINATED ?? false,
    trustProxy: values.CLAIMCHECK_TRUST_PROXY ?? false,
    tokenKeys: values.CLAIMCHECK_TOKEN_KEYS,
    adminSecret: values.CLAIMCHECK_ADMIN_SECRET,
    loader: loaderOf(values),
    auditRetentionMs: (values.CLAIMCHECK_AUDIT_RETENTION_DAYS ?? 0) * DAY_MS,
    logLevel: values.CLAIMCHECK_LOG_LEVEL ?? 'info',
    isProduction,
  }
}

function loaderOf(values: SettingValues): LoaderSettings | undefined {
  const url = values.CLAIMCHECK_LOADER_URL
  if (url === undefined) return undefined
  const timeoutMs = values.CLAIMCHECK_LOADER_TIMEOUT_MS ?? 0
  return { url, secret: values.CLAIMCHECK_LOADER_SECRET, timeoutMs }
}

/** On one machine the two services differ by port; elsewhere a proxy serves both under one host. */
function introspectUrlFor(issuer: string, introspectPort: number): string {
  if (issuer === '') return ''
  const { protocol, hostname } = new URL(issuer)
  return isLoopbackHost(hostname) ? `${protocol}//127.0.0.1:${introspectPort}` : issuer
}
