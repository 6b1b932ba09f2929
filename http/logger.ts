/**
 * The logger of a service: pino writing JSON lines. Two nets below the rule that no secret is ever logged: known field
 * names are redacted, and each finished line is scrubbed of token-shaped and credential-shaped text, which also covers
 * error messages and stacks.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import { scrubSecrets } from './scrub.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
export type { Logger } from 'pino'

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'client_secret',
  'secret',
  'token',
  'access_token',
  'refresh_token',
]
/** No path begins with a wildcard: pino would then walk every field of every line. */
const REDACTED = SECRET_FIELDS.flatMap((field) => [
  field,
  `headers.${field}`,
  `req.headers.${field}`,
  `err.${field}`,
  `err.headers.${field}`,
])

/** A logger for one service. Lines go to standard output, without blocking, unless a destination is given. */
export function createLogger(
  level: LogLevel,
  service: string,
  stream: DestinationStream = destination({ dest: 1, sync: false }),
): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: '[redacted]' },
    hooks: { streamWrite: scrubSecrets },
  }
  return pino(options, stream)
}
