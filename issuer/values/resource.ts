/**
 * Resource indicators (RFC 8707): their syntax, and the audience that a request gets. The store checks at the moment of issue
 * whether a resource is registered.
 */
import { TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import { OAuthError } from '../../http/errors/oauth-error.ts'
import type { ClientMetadata } from '../../store/registry/clients.ts'

/** Most resources one request or registration may name. */
export const MAX_RESOURCES = 20

/** Most characters of one resource. */
const MAX_RESOURCE_LENGTH = 1_024

const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+$/

/** Whether a text is an absolute URI without a fragment. One that contains a token is refused: it must not be stored. */
export function isResource(text: string): boolean {
  if (text.length > MAX_RESOURCE_LENGTH || TOKEN_PATTERN.test(text)) return false
  return ABSOLUTE_URI.test(text) && URL.canParse(text)
}

/**
 * The audience of a new grant: the requested resources, else the client's default, else the issuer alone.
 *
 * @throws {OAuthError} `invalid_target` when a name is malformed or not allowed for the client
 */
export function grantResources(
  requested: readonly string[],
  client: ClientMetadata,
  issuer: string,
): readonly string[] {
  if (requested.length === 0) {
    return client.default_resources.length === 0 ? [issuer] : client.default_resources
  }
  const { allowed_resources: allowed } = client
  const named = distinctResources(requested)
  if (allowed !== undefined && !named.every((resource) => allowed.includes(resource)))
    throw refused()
  return named
}

/**
 * The audience of one token of an existing grant: all of the grant's, or the requested part.
 *
 * @throws {OAuthError} `invalid_target` when a name is malformed or outside the grant
 */
export function narrowResources(
  requested: readonly string[],
  granted: readonly string[],
): readonly string[] {
  if (requested.length === 0) return granted
  const named = distinctResources(requested)
  if (!named.every((resource) => granted.includes(resource))) throw refused()
  return named
}

function distinctResources(requested: readonly string[]): readonly string[] {
  if (requested.length > MAX_RESOURCES || !requested.every(isResource)) {
    throw new OAuthError('invalid_target', 'a resource must be an absolute URI without a fragment')
  }
  return [...new Set(requested)]
}

function refused(): OAuthError {
  return new OAuthError('invalid_target', 'the resource is unknown or not allowed for this client')
}
