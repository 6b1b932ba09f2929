/**
 * Reads the client credentials of a request; `client-auth.ts` verifies them. Two methods at once are refused (RFC 6749 §2.3).
 *
 * The secret goes no further: the result holds its SHA-256, as the registry does. Parsed Authorization values are cached in a
 * bounded map: a service sends the same one all its life, and parsing it costs as much as an introspection's share of a
 * Redis call.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import type { Form } from '../body/form.ts'
import { decodeFormText } from '../body/form-decoding.ts'
import { invalidRequest, OAuthError } from '../errors/oauth-error.ts'
import { authorizationHeader } from './authorization-header.ts'
import { isBearer, parseBearer, REALM } from './bearer.ts'

interface SecretCredentials {
  readonly kind: 'basic' | 'post'
  readonly clientId: string
  /** SHA-256 of the presented secret, base64url. */
  readonly secretHash: string
}

export type PresentedCredentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'client-id'; readonly clientId: string }
  | SecretCredentials
  | { readonly kind: 'bearer'; readonly token: string }

export const BASIC_CHALLENGE = `Basic realm="${REALM}"`

const NONE: PresentedCredentials = Object.freeze({ kind: 'none' })
const BASIC_SCHEME = /^basic(?: |$)/i
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const VSCHAR = /^[\x20-\x7e]+$/
const MAX_CLIENT_ID_LENGTH = 256
const MAX_CACHED_HEADERS = 1_000
const parsedHeaders = new Map<string, SecretCredentials>()

/**
 * Reads the Authorization header and the form.
 * @throws {OAuthError} 400 `invalid_request` for two methods or two clients at once; 401 `invalid_client` for
 * credentials that cannot be read or are of an unsupported kind.
 */
export function presentedCredentials(
  req: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  form: Form,
): PresentedCredentials {
  const header = authorizationHeader(req)
  const { values } = form
  if (values.has('client_assertion') || values.has('client_assertion_type')) {
    // RFC 7521 §4.2.1: the same code whether or not another method was sent too.
    throw unreadable('client assertions are not supported')
  }
  const clientId = values.get('client_id')
  const secret = values.get('client_secret')
  if (header === undefined) return fromForm(clientId, secret)
  if (secret !== undefined)
    throw invalidRequest('only one client authentication method may be used')
  const presented = fromHeader(header)
  if (clientId !== undefined && presented.kind === 'basic' && presented.clientId !== clientId) {
    throw invalidRequest('client_id differs from the client that authenticates')
  }
  return presented
}

function fromForm(clientId: string | undefined, secret: string | undefined): PresentedCredentials {
  if (clientId === undefined) {
    if (secret !== undefined) throw invalidRequest('client_secret needs a client_id')
    return NONE
  }
  if (!isClientId(clientId)) throw unreadable('the client_id is malformed')
  if (secret === undefined) return { kind: 'client-id', clientId }
  return { kind: 'post', clientId, secretHash: hashSecret(secret) }
}

function fromHeader(header: string): PresentedCredentials {
  const known = parsedHeaders.get(header)
  if (known !== undefined) return known
  if (isBearer(header)) return { kind: 'bearer', token: parseBearer(header) }
  if (!BASIC_SCHEME.test(header)) throw unreadable('the authentication scheme is not supported')
  const credentials = parseBasic(header.slice('basic'.length).trim())
  cacheHeader(header, credentials)
  return credentials
}

function parseBasic(encoded: string): SecretCredentials {
  if (encoded.length % 4 !== 0 || !BASE64.test(encoded)) throw malformedBasic()
  const bytes = Buffer.from(encoded, 'base64')
  if (!isUtf8(bytes)) throw malformedBasic()
  const text = bytes.toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) throw malformedBasic()
  // RFC 6749 §2.3.1: each half was form-encoded before the two were joined.
  const clientId = decodeFormText(text.slice(0, colon))
  const secret = decodeFormText(text.slice(colon + 1))
  if (clientId === undefined || secret === undefined || !isClientId(clientId))
    throw malformedBasic()
  return { kind: 'basic', clientId, secretHash: hashSecret(secret) }
}

/** Drops the oldest entry when full: a flood of invented headers costs some speed, but no memory. */
function cacheHeader(header: string, credentials: SecretCredentials): void {
  if (parsedHeaders.size >= MAX_CACHED_HEADERS) {
    const oldest = parsedHeaders.keys().next()
    if (oldest.done !== true) parsedHeaders.delete(oldest.value)
  }
  parsedHeaders.set(header, credentials)
}

/** The hash that the registry keeps: SHA-256 in base64url, which suffices because secrets have 256 random bits. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

function isClientId(text: string): boolean {
  // A token sent as a client id must not reach Redis or the log.
  return text.length <= MAX_CLIENT_ID_LENGTH && VSCHAR.test(text) && !TOKEN_PATTERN.test(text)
}

function malformedBasic(): OAuthError {
  return unreadable('the Basic credentials are malformed')
}

function unreadable(description: string): OAuthError {
  return new OAuthError('invalid_client', description, {
    headers: { 'WWW-Authenticate': BASIC_CHALLENGE },
  })
}
