// What `npm start` itself must know of the settings; the services validate all of them, and what is
// left unset here is left to their defaults.
//
// Every setting may also be given as …_FILE. A value that is computed here (a free port, the URLs that
// follow from it) takes the place of both forms.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePort } from './ports.ts'

const DEFAULT_ISSUER_PORT = '4000'
const DEFAULT_INTROSPECT_PORT = '4001'
const SECURE_SETTINGS = ['CLAIMCHECK_TLS_CERT', 'CLAIMCHECK_TLS_KEY', 'CLAIMCHECK_TLS_CLIENT_CA']

export interface StartSettings {
  readonly dataDir: string
  readonly host: string
  readonly issuerPort: number
  readonly introspectPort: number
  readonly metricsPort: number | undefined
  readonly redisUrl: string | undefined
  readonly issuer: string | undefined
  readonly introspectUrl: string | undefined
  readonly adminSecret: string | undefined
  readonly hasTokenKeys: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** @throws {Error} when a setting makes no sense to a start for development. */
export function readStartSettings(env: Environment, root: string): StartSettings {
  const read = (name: string): string | undefined => {
    const value = env[name]
    if (value !== undefined && value !== '') return value
    const file = env[`${name}_FILE`]
    if (file === undefined || file === '') return undefined
    return readFileSync(resolve(root, file), 'utf8').trim()
  }
  const secure = SECURE_SETTINGS.filter((name) => read(name) !== undefined)
  if (secure.length > 0) {
    throw new Error(
      `npm start is for development and speaks plain HTTP; unset ${secure.join(', ')}, ` +
        'or run issuer/main.ts and introspect/main.ts themselves',
    )
  }
  const port = (name: string, fallback: string): number => parsePort(name, read(name) ?? fallback)
  const metrics = read('CLAIMCHECK_METRICS_PORT')
  return {
    dataDir: resolve(root, read('CLAIMCHECK_DATA_DIR') ?? '.claimcheck'),
    host: read('CLAIMCHECK_HOST') ?? '127.0.0.1',
    issuerPort: port('CLAIMCHECK_ISSUER_PORT', DEFAULT_ISSUER_PORT),
    introspectPort: port('CLAIMCHECK_INTROSPECT_PORT', DEFAULT_INTROSPECT_PORT),
    metricsPort: metrics === undefined ? undefined : parsePort('CLAIMCHECK_METRICS_PORT', metrics),
    redisUrl: read('CLAIMCHECK_REDIS_URL'),
    issuer: read('CLAIMCHECK_ISSUER'),
    introspectUrl: read('CLAIMCHECK_INTROSPECT_URL'),
    adminSecret: read('CLAIMCHECK_ADMIN_SECRET'),
    hasTokenKeys: read('CLAIMCHECK_TOKEN_KEYS') !== undefined,
  }
}

/** The environment with some settings replaced, in whichever form they were given. */
export function withSettings(
  env: Environment,
  settings: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const result: Record<string, string | undefined> = { ...env }
  for (const [name, value] of Object.entries(settings)) {
    const plain = name.replace(/_FILE$/, '')
    delete result[plain]
    delete result[`${plain}_FILE`]
    result[name] = value
  }
  return result
}

/** The base URL at which this machine reaches a service that listens on `host`. */
export function localUrl(host: string, port: number): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://[::1]:${port}`
  return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`
}
