/**
 * The id that connects an answer with its log lines. The caller's id is used if it is harmless: too short for a token, and of
 * characters that never need escaping.
 */
import { randomUUID } from 'node:crypto'

const WELL_FORMED = /^[A-Za-z0-9._-]{1,64}$/

/** The `X-Request-Id` that was sent, if it is well-formed; a new one otherwise. */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && WELL_FORMED.test(header) ? header : randomUUID()
}
