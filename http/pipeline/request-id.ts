/**
 * The id that ties an answer to its log lines. A caller's own id is taken over when it is harmless: short enough that
 * no token of ours fits in it, and of characters that need no escaping anywhere.
 */
import { randomUUID } from 'node:crypto'

const WELL_FORMED = /^[A-Za-z0-9._-]{1,64}$/

/** The `X-Request-Id` that was sent, if it is well-formed; a new one otherwise. */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && WELL_FORMED.test(header) ? header : randomUUID()
}
