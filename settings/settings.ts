/**
 * Turns the environment into settings, or fails once with every problem found: the name, the rule, what to do. Values
 * are never repeated, because a secret may stand under any name.
 *
 * Each setting may be given as NAME or, for the name of a file that holds it, NAME_FILE. An empty text is the same as
 * none. Names that begin with CLAIMCHECK_ and are not settings are problems, so that a slip of the pen is not silence.
 */

import { isLoopbackHost } from './public-url.ts'
import {
  type LogLevel,
  SETTING_NAMES,
  SETTING_TABLE,
  type SettingName,
  type SettingRow,
  type SettingValues,
} from './setting-table.ts'
import type { TokenKeySecret } from './token-key-list.ts'

export { SETTING_NAMES } from './setting-table.ts'

export interface Settings {
  readonly redisUrl: string
  readonly keyPrefix: string
  readonly partitions: number
  /** Verbatim: it is compared as text, as `iss` and in `aud`. */
  readonly issuer: string
  /** With the port 0, the default is only right once the port is known. */
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
  /** Undefined: main.ts reads or makes the key file in `dataDir`. */
  readonly tokenKeys: readonly TokenKeySecret[] | undefined
  readonly adminSecret: string | undefined
  /** Undefined: subjects that are new here are unknown elsewhere too. */
  readonly loader: LoaderSettings | undefined
  readonly auditRetentionMs: number
  readonly logLevel: LogLevel
  readonly isProduction: boolean
}

/** Where to ask about subjects that are new here. */
export interface LoaderSettings {
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

export interface SettingProblem {
  readonly name: string
  readonly rule: string
  readonly fix: string
}

export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly code = 'ERR_CLAIMCHECK_SETTINGS'
  readonly problems: readonly SettingProblem[]

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(({ name, rule, fix }) => `  ${name} ${rule}. ${fix}`)
    const count = problems.length === 1 ? 'a setting is' : `${problems.length} settings are`
    super(`Cannot start: ${count} wrong.\n${lines.join('\n')}`)
    this.problems = problems
  }
}

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>
/** Reads a file as UTF-8 text; throws when it cannot. */
export type ReadFile = (path: string) => string

const PREFIX = 'CLAIMCHECK_'
const TEST_PREFIX = 'CLAIMCHECK_TEST_'
const MAX_TYPING_MISTAKES = 4
const DAY_MS = 86_400_000

/**
 * The settings in `env`.
 * @throws {SettingsError} listing every problem.
 */
export function parseSettings(env: EnvironmentVariables, readFile: ReadFile): Settings {
  const problems: SettingProblem[] = [...unknownNames(env)]
  const values: Partial<Record<SettingName, unknown>> = {}
  for (const name of SETTING_NAMES) values[name] = readSetting(name, env, readFile, problems)
  const settings = toSettings(values as SettingValues, env.NODE_ENV === 'production')
  problems.push(...conflicts(settings, values as SettingValues, problems))
  if (problems.length > 0) throw new SettingsError(problems)
  return settings
}

function readSetting(
  name: SettingName,
  env: EnvironmentVariables,
  readFile: ReadFile,
  problems: SettingProblem[],
): unknown {
  const { fallback, rule, fix, schema }: SettingRow = SETTING_TABLE[name]
  const given = givenText(name, env, readFile)
  if (typeof given === 'object') {
    problems.push(given)
    return undefined
  }
  const text = given ?? fallback
  if (text === undefined) return undefined
  const result = schema.safeParse(text)
  if (result.success) return result.data
  const [issue] = result.error.issues
  problems.push({ name, rule: issue?.message.startsWith('must ') ? issue.message : rule, fix })
  return undefined
}

/** The text of a setting, undefined for none, or what is wrong with where it comes from. */
function givenText(
  name: SettingName,
  env: EnvironmentVariables,
  readFile: ReadFile,
): string | undefined | SettingProblem {
  const fileName = `${name}_FILE`
  const direct = env[name] || undefined
  const path = env[fileName] || undefined
  if (path === undefined) return direct
  if (direct !== undefined) {
    return { name, rule: `and ${fileName} must not both be set`, fix: 'Leave one of them out.' }
  }
  try {
    const text = readFile(path).replace(/[\r\n]+$/, '')
    if (text !== '') return text
    return { name: fileName, rule: 'names an empty file', fix: 'Fill it or leave it out.' }
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
    return {
      name: fileName,
      rule: `names a file that cannot be read (${reason})`,
      fix: 'Check the path and its permissions.',
    }
  }
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

/** On one machine the two services differ by their port; anywhere else a proxy makes them one host. */
function introspectUrlFor(issuer: string, introspectPort: number): string {
  if (issuer === '') return ''
  const { protocol, hostname } = new URL(issuer)
  return isLoopbackHost(hostname) ? `${protocol}//127.0.0.1:${introspectPort}` : issuer
}

/** Rules between settings. A setting already known to be bad causes no second complaint. */
function conflicts(
  settings: Settings,
  values: SettingValues,
  known: readonly SettingProblem[],
): SettingProblem[] {
  const found: SettingProblem[] = []
  const isSound = (name: SettingName): boolean =>
    !known.some((problem) => problem.name === name || problem.name === `${name}_FILE`)

  const tlsSound = isSound('CLAIMCHECK_TLS_CERT') && isSound('CLAIMCHECK_TLS_KEY')
  const hasCert = values.CLAIMCHECK_TLS_CERT !== undefined
  const hasKey = values.CLAIMCHECK_TLS_KEY !== undefined
  if (tlsSound && hasCert !== hasKey) {
    found.push({
      name: hasCert ? 'CLAIMCHECK_TLS_KEY' : 'CLAIMCHECK_TLS_CERT',
      rule: 'must be given together with its counterpart',
      fix: 'Set CLAIMCHECK_TLS_CERT and CLAIMCHECK_TLS_KEY, or neither.',
    })
  }
  if (tlsSound && values.CLAIMCHECK_TLS_CLIENT_CA !== undefined && !hasCert && !hasKey) {
    found.push({
      name: 'CLAIMCHECK_TLS_CLIENT_CA',
      rule: 'has no use without TLS',
      fix: 'Set CLAIMCHECK_TLS_CERT and CLAIMCHECK_TLS_KEY too.',
    })
  }
  const isPlain = tlsSound && !hasCert && !hasKey && !settings.isTlsTerminated
  if (isPlain && isSound('CLAIMCHECK_TLS_TERMINATED') && isSound('CLAIMCHECK_HOST')) {
    const fix =
      'Set CLAIMCHECK_TLS_CERT and CLAIMCHECK_TLS_KEY, or CLAIMCHECK_TLS_TERMINATED=true where TLS ends in front.'
    if (!isLoopbackHost(settings.host)) {
      found.push({ name: 'CLAIMCHECK_HOST', rule: 'must be a loopback address without TLS', fix })
    } else if (settings.isProduction) {
      found.push({ name: 'CLAIMCHECK_TLS_CERT', rule: 'must be given in production', fix })
    }
  }
  if (values.CLAIMCHECK_LOADER_SECRET !== undefined && values.CLAIMCHECK_LOADER_URL === undefined) {
    if (isSound('CLAIMCHECK_LOADER_URL') && isSound('CLAIMCHECK_LOADER_SECRET')) {
      found.push({
        name: 'CLAIMCHECK_LOADER_SECRET',
        rule: 'has no use without CLAIMCHECK_LOADER_URL',
        fix: SETTING_TABLE.CLAIMCHECK_LOADER_URL.fix,
      })
    }
  }
  if (
    settings.isProduction &&
    settings.tokenKeys === undefined &&
    isSound('CLAIMCHECK_TOKEN_KEYS')
  ) {
    found.push({
      name: 'CLAIMCHECK_TOKEN_KEYS',
      rule: 'must be given in production',
      fix: SETTING_TABLE.CLAIMCHECK_TOKEN_KEYS.fix,
    })
  }
  return found
}

function unknownNames(env: EnvironmentVariables): SettingProblem[] {
  const known = new Set(SETTING_NAMES.flatMap((name) => [name, `${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !name.startsWith(TEST_PREFIX) && !known.has(name))
    .map((name) => ({ name, rule: 'is not a setting', fix: suggestion(name, known) }))
}

function suggestion(name: string, known: ReadonlySet<string>): string {
  let nearest = ''
  let least = MAX_TYPING_MISTAKES
  for (const candidate of known) {
    const mistakes = editDistance(name, candidate)
    if (mistakes < least) {
      least = mistakes
      nearest = candidate
    }
  }
  return nearest === '' ? 'Remove it.' : `Did you mean ${nearest}?`
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swapped, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
