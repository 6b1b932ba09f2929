/**
 * The Authorization header of a request. Of several, Node silently keeps the first, and a proxy may have looked at another;
 * so the raw headers are counted.
 */
import type { IncomingMessage } from 'node:http'
import { invalidRequest } from '../errors/oauth-error.ts'

const NAME = 'authorization'

/** Its value, or undefined. @throws {OAuthError} 400 `invalid_request` when it was sent more than once. */
export function authorizationHeader(
  req: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
): string | undefined {
  const header = req.headers.authorization
  if (header !== undefined && countOf(req.rawHeaders) > 1) {
    throw invalidRequest('the Authorization header must not be sent more than once')
  }
  return header
}

function countOf(rawHeaders: readonly string[]): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    // The length rules out nearly every header without a lower-case copy.
    if (name.length === NAME.length && name.toLowerCase() === NAME) count++
  }
  return count
}
