/**
 * Every setting of both services: its name, its default as text, what its value must be, and the schema that reads it.
 * A test keeps the table of docs/operations.md equal to this one. Schemas see one setting at a time; rules between settings
 * are in `conflicts.ts`. No rule repeats the value it judges, since that may be a secret put under the wrong name.
 */
import { z } from 'zod'
import { readRedisUrl } from '../store/redis/redis-url.ts'
import { isLoopbackHost } from './public-url.ts'
import { parseTokenKeys, type TokenKeySecret } from './token-key-list.ts'

const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .refine((value) => value <= 65_535)
const flag = z.enum(['true', 'false']).transform((value) => value === 'true')
const path = z.string().regex(/^[^\0]+$/)
const PORT_RULE = 'must be a port number from 0 to 65535 (0 picks a free one)'
const FLAG_RULE = 'must be true or false'
const PUBLIC_URL_RULE =
  'must be an https URL (http only for a loopback host) without user, query or fragment'

const publicUrl = z.string().superRefine((text, context) => {
  for (const message of publicUrlMistakes(text)) context.addIssue({ code: 'custom', message })
})

const redisUrl = z.string().superRefine((text, context) => {
  const reading = readRedisUrl(text)
  if (reading.kind === 'topology') return
  for (const message of reading.mistakes) context.addIssue({ code: 'custom', message })
})

const tokenKeys = z.string().transform((text, context): readonly TokenKeySecret[] => {
  const parsed = parseTokenKeys(text)
  if (parsed.kind === 'keys') return parsed.keys
  for (const message of parsed.mistakes) context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** How much a service logs; each level includes those after it. */
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface SettingRow {
  /** The default as text; undefined for none. */
  readonly fallback: string | undefined
  /** Completes "CLAIMCHECK_X …". */
  readonly rule: string
  /** What to do about a bad value. */
  readonly fix: string
  readonly schema: z.ZodType
}

function row<S extends z.ZodType>(
  schema: S,
  fallback: string | undefined,
  rule: string,
  fix: string,
): SettingRow & { readonly schema: S } {
  return { schema, fallback, rule, fix }
}

export const SETTING_TABLE = {
  CLAIMCHECK_REDIS_URL: row(
    redisUrl,
    'redis://127.0.0.1:6379',
    'must be the URL of a Redis',
    'Use redis://, rediss://, unix:/path, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name.',
  ),
  CLAIMCHECK_KEY_PREFIX: row(
    z.string().regex(/^[A-Za-z0-9._-]{1,32}$/),
    'cc',
    'must be 1 to 32 characters of A-Z a-z 0-9 . _ -',
    'Shorten it or leave it out.',
  ),
  CLAIMCHECK_PARTITIONS: row(
    z
      .string()
      .regex(/^\d{1,4}$/)
      .transform(Number)
      .refine((value) => value >= 1 && value <= 4096 && (value & (value - 1)) === 0),
    '64',
    'must be a power of two from 1 to 4096',
    'Use the number this Redis was started with, or leave it out.',
  ),
  CLAIMCHECK_ISSUER: row(
    publicUrl,
    'http://127.0.0.1:4000',
    PUBLIC_URL_RULE,
    'Set it to the URL under which clients reach the issuer.',
  ),
  CLAIMCHECK_INTROSPECT_URL: row(
    publicUrl,
    undefined,
    PUBLIC_URL_RULE,
    'Set it to the URL under which services reach introspection.',
  ),
  CLAIMCHECK_ISSUER_PORT: row(port, '4000', PORT_RULE, 'Choose another port.'),
  CLAIMCHECK_INTROSPECT_PORT: row(port, '4001', PORT_RULE, 'Choose another port.'),
  CLAIMCHECK_METRICS_PORT: row(
    port,
    undefined,
    PORT_RULE,
    'Choose another port, or leave it out to serve /metrics beside the rest.',
  ),
  CLAIMCHECK_HOST: row(
    z.string().regex(/^[A-Za-z0-9.:_-]{1,255}$/),
    '127.0.0.1',
    'must be the name or address to listen on',
    'Use 127.0.0.1, or 0.0.0.0 for all interfaces.',
  ),
  CLAIMCHECK_DATA_DIR: row(path, '.claimcheck', 'must be a path', 'Name a folder to write in.'),
  CLAIMCHECK_TLS_CERT: row(path, undefined, 'must be a path', 'Name a PEM file.'),
  CLAIMCHECK_TLS_KEY: row(path, undefined, 'must be a path', 'Name a PEM file.'),
  CLAIMCHECK_TLS_CLIENT_CA: row(path, undefined, 'must be a path', 'Name a PEM file.'),
  CLAIMCHECK_TLS_TERMINATED: row(
    flag,
    'false',
    FLAG_RULE,
    'Use true only where TLS ends in front of this process.',
  ),
  CLAIMCHECK_TRUST_PROXY: row(
    flag,
    'false',
    FLAG_RULE,
    'Use true only behind a proxy that writes X-Forwarded-For.',
  ),
  CLAIMCHECK_TOKEN_KEYS: row(
    tokenKeys,
    undefined,
    'must be keys of the form id.secret',
    'Write id.secret[,id.secret…]: a two-character id and 32 random bytes in base64url.',
  ),
  CLAIMCHECK_ADMIN_SECRET: row(
    z.string().regex(/^[\x21-\x7e]{43,256}$/),
    undefined,
    'must be 43 to 256 printable characters without spaces',
    'Use 32 random bytes in base64url.',
  ),
  CLAIMCHECK_LOADER_URL: row(
    publicUrl,
    undefined,
    PUBLIC_URL_RULE,
    'Set it to the endpoint that knows your existing subjects, such as https://monolith.example/claims.',
  ),
  CLAIMCHECK_LOADER_SECRET: row(
    z.string().regex(/^[\x21-\x7e]{16,1024}$/),
    undefined,
    'must be 16 to 1024 visible ASCII characters',
    'Set it to the bearer token that the loader endpoint expects.',
  ),
  CLAIMCHECK_LOADER_TIMEOUT_MS: row(
    z
      .string()
      .regex(/^\d{1,6}$/)
      .transform(Number)
      .refine((value) => value >= 10 && value <= 60_000),
    '2000',
    'must be a number of milliseconds from 10 to 60000',
    'Set it to the longest time that a login may wait for the loader endpoint.',
  ),
  CLAIMCHECK_AUDIT_RETENTION_DAYS: row(
    z
      .string()
      .regex(/^\d{1,4}$/)
      .transform(Number)
      .refine((value) => value >= 1 && value <= 3_650),
    '90',
    'must be a number of days from 1 to 3650',
    'Set it to how long Redis keeps the audit; the log has the same records for shipping.',
  ),
  CLAIMCHECK_LOG_LEVEL: row(
    z.enum(LOG_LEVELS),
    'info',
    'must be trace, debug, info, warn, error, fatal or silent',
    'Use info.',
  ),
} as const

export type SettingName = keyof typeof SETTING_TABLE

/** The value of each setting as its schema reads it; undefined where none was given and there is no default. */
export type SettingValues = {
  readonly [N in SettingName]: z.output<(typeof SETTING_TABLE)[N]['schema']> | undefined
}

export const SETTING_NAMES = Object.keys(SETTING_TABLE) as readonly SettingName[]

function publicUrlMistakes(text: string): readonly string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isSecure =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname))
  const mistakes: readonly (readonly [boolean, string])[] = [
    [url === undefined, 'must be a URL, such as https://id.example'],
    [url !== undefined && !isSecure, 'must use https (http only for a loopback host)'],
    [Boolean(url?.username || url?.password), 'must not have a user name or password'],
    [/^[^#]*\?/.test(text), 'must not have a query'],
    [text.includes('#'), 'must not have a fragment'],
    [/\s/.test(text), 'must not contain spaces'],
  ]
  return mistakes.flatMap(([isMade, rule]) => (isMade ? [rule] : []))
}
