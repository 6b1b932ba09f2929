/**
 * The logger of a service: pino, writing JSON lines. No code may log a secret; as two safety nets, known field names are
 * redacted, and each finished line (error messages and stacks included) is scrubbed of anything that looks like a token or
 * credentials.
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
/** No path begins with a wildcard, for which pino would walk every field of every line. */
const REDACTED = SECRET_FIELDS.flatMap((field) => [
  field,
  `headers.${field}`,
  `req.headers.${field}`,
  `err.${field}`,
  `err.headers.${field}`,
])

/** Lines are buffered: one write per line would cost more than the request it describes. */
const BUFFER_BYTES = 4096
const FLUSH_MS = 100

/**
 * A logger for one service. Without a given destination, lines go to standard output in small batches; the rest is written when
 * the process exits, unless it is killed.
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

/** The standard members of an error, and no others: ioredis adds the command, which may contain a password. */
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
