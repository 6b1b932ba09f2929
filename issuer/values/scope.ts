/** Scopes (RFC 6749 §3.3): their syntax, and the part of a request that a client may have. */
import { TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import { OAuthError } from '../../http/errors/oauth-error.ts'

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/** Most characters a scope parameter may have. */
const MAX_SCOPE_LENGTH = 4_096

/** Whether a text is a list of scope tokens separated by single spaces. One that contains an access token is refused. */
export function isScope(text: string): boolean {
  return text.length <= MAX_SCOPE_LENGTH && SCOPE.test(text) && !TOKEN_PATTERN.test(text)
}

/**
 * The granted scope: everything allowed when none is requested, else exactly what is requested, without duplicates.
 *
 * @param allowed space-separated
 * @throws {OAuthError} `invalid_scope` when the text is malformed or has more than is allowed
 */
export function grantScope(requested: string | undefined, allowed: string): string {
  if (requested === undefined) return allowed
  if (!isScope(requested)) throw new OAuthError('invalid_scope', 'the scope is malformed')
  const grantable = new Set(allowed.split(' '))
  const scopes = [...new Set(requested.split(' '))]
  const excess = scopes.find((scope) => !grantable.has(scope))
  if (excess !== undefined) {
    throw new OAuthError('invalid_scope', `the scope exceeds what may be granted: ${excess}`)
  }
  return scopes.join(' ')
}

/** Whether one scope is among the granted ones. */
export function holdsScope(granted: string, scope: string): boolean {
  return granted.split(' ').includes(scope)
}
