/**
 * The logger of a service: pino writing JSON lines. Two nets below the rule that no secret is ever logged: known field
 * names are redacted, and each finished line is scrubbed of token-shaped and credential-shaped text, which also covers
 * error messages and stacks.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { LogLevel } from '../../settings/setting-table.ts'
import { scrubSecrets } from './scrub.ts'

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

/** One write per line costs more than the request it tells of; a tenth of a second late is soon enough. */
const BUFFER_BYTES = 4096
const FLUSH_MS = 100

/**
 * A logger for one service. Unless a destination is given, lines go to standard output in small batches; what is left
 * is written when the process exits, unless it is killed outright.
 */
export function createLogger(
  level: LogLevel,
  service: string,
  stream: DestinationStream = standardOutput(),
): Logger {
  const options = {
    level,
    base: { service },
    serializers: { err: describeError },
    redact: { paths: REDACTED, censor: '[redacted]' },
    hooks: { streamWrite: scrubSecrets },
  }
  return pino(options, stream)
}

function standardOutput(): DestinationStream {
  return destination({ dest: 1, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS })
}

/** What an error says of itself. What a library hung on it stays out: ioredis keeps the command, and so its password. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const { code } = error as { readonly code?: unknown }
  return {
    type: name,
    message,
    stack,
    ...(typeof code === 'string' ? { code } : {}),
    ...(cause instanceof Error ? { cause: cause.message } : {}),
  }
}
