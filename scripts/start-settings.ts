// The settings of `npm start`: the services' parser reads and checks them, so that every problem is
// reported at once, before anything is started. The rules of a start for development come on top.
//
// What is computed here (free ports, the URLs that follow from them, the private Redis) takes the
// place of a setting in either of its forms, NAME and NAME_FILE.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathPrefix } from '../settings/public-url.ts'
import type { SettingName } from '../settings/setting-table.ts'
import { type EnvironmentVariables, parseSettings } from '../settings/settings.ts'

export interface StartSettings {
  readonly dataDir: string
  readonly host: string
  readonly issuerPort: number
  readonly introspectPort: number
  readonly metricsPort: number | undefined
  /** The paths under which the services' routes lie, as their public URLs say; mostly empty. */
  readonly issuerPath: string
  readonly introspectPath: string
  /** Undefined, like the ones below, when it is left to `npm start`. */
  readonly redisUrl: string | undefined
  readonly issuer: string | undefined
  readonly introspectUrl: string | undefined
  readonly adminSecret: string | undefined
  readonly hasTokenKeys: boolean
}

/** @throws {Error} that lists every setting that is wrong, or is useless in a start for development. */
export function readStartSettings(env: EnvironmentVariables, root: string): StartSettings {
  const settings = parseSettings(env, (path) => readFileSync(resolve(root, path), 'utf8'))
  if (settings.tls !== undefined) {
    throw new Error(
      'npm start is for development and speaks plain HTTP: unset CLAIMCHECK_TLS_CERT, _KEY and ' +
        '_CLIENT_CA, or run issuer/main.ts and introspect/main.ts themselves',
    )
  }
  const given = <T>(name: SettingName, value: T): T | undefined =>
    env[name] || env[`${name}_FILE`] ? value : undefined
  return {
    dataDir: resolve(root, settings.dataDir),
    host: settings.host,
    issuerPort: settings.issuerPort,
    introspectPort: settings.introspectPort,
    metricsPort: settings.metricsPort,
    issuerPath: pathPrefix(settings.issuer),
    introspectPath: pathPrefix(settings.introspectUrl),
    redisUrl: given('CLAIMCHECK_REDIS_URL', settings.redisUrl),
    issuer: given('CLAIMCHECK_ISSUER', settings.issuer),
    introspectUrl: given('CLAIMCHECK_INTROSPECT_URL', settings.introspectUrl),
    adminSecret: settings.adminSecret,
    hasTokenKeys: settings.tokenKeys !== undefined,
  }
}

/** The environment with some settings replaced. */
export function withSettings(
  env: EnvironmentVariables,
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
