/**
 * Verifies presented client credentials against the registered client.
 *
 * An unknown client, a disabled one and a wrong secret get the same answer after the same work. Failures slow a guesser down,
 * but never lock out a client that presents the right secret: secrets have 256 random bits and cannot be guessed, and a
 * lock would let anybody turn a client off.
 */
import { Buffer } from 'node:buffer'
import { timingSafeEqual } from 'node:crypto'
import { OAuthError } from '../errors/oauth-error.ts'
import { bearerChallenge } from './bearer.ts'
import { BASIC_CHALLENGE, type PresentedCredentials } from './client-credentials.ts'

/** The members of a registered client that this needs, spelled as in the registry. */
export interface RegisteredClient {
  readonly client_id: string
  readonly enabled: boolean
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post' | 'none'
  readonly secret_hashes: readonly string[]
}

export interface AuthFailure {
  readonly clientId: string
  readonly source: string
}

/** Counts failures over all endpoints and nodes. Returns how long the caller must wait after too many. */
export interface AuthFailures {
  record(
    failure: AuthFailure,
  ): Promise<{ readonly retryAfterSeconds: number } | undefined> | undefined
}

export interface VerifyClientOptions {
  /** Whether a public client may identify itself by its `client_id` alone. Never at introspection (RFC 9701 §5). */
  readonly allowPublic: boolean
  /** The caller's address, under which failures are counted. */
  readonly source: string
  readonly failures: AuthFailures
}

const HASH_LENGTH = 43
/** Every client costs as many comparisons as one whose secret is being rotated. */
const MIN_COMPARISONS = 2
const NO_HASH = '_'.repeat(HASH_LENGTH)
const presentedBytes = Buffer.alloc(HASH_LENGTH)
const registeredBytes = Buffer.alloc(HASH_LENGTH)

/**
 * Returns `registered` when `presented` proves it.
 * @throws {OAuthError} `invalid_client`, 401, or 429 with Retry-After after too many failures; `invalid_token` when
 * a bearer token was presented instead.
 */
export async function verifyClient<C extends RegisteredClient>(
  presented: PresentedCredentials,
  registered: C | undefined,
  options: VerifyClientOptions,
): Promise<C> {
  switch (presented.kind) {
    case 'basic':
    case 'post': {
      const isSecretRight = matchesAny(presented.secretHash, registered?.secret_hashes ?? [])
      const isAccepted = isSecretRight && allowsMethod(registered, presented.kind)
      if (isAccepted && registered?.client_id === presented.clientId) return registered
      throw await refuse(presented.clientId, options)
    }
    case 'client-id':
      if (
        options.allowPublic &&
        isPublic(registered) &&
        registered?.client_id === presented.clientId
      ) {
        return registered
      }
      throw invalidClient()
    case 'bearer':
      throw bearerRefused()
    case 'none':
      throw invalidClient()
  }
}

/** The part of the request's state this reads and sets. */
export interface AuthenticationState {
  readonly source: string
  clientId?: string
  claimedClientId?: string
}

/** The client that a request names; '' when it names none. */
export function namedClientId(presented: PresentedCredentials): string {
  return 'clientId' in presented ? presented.clientId : ''
}

/**
 * Returns `registered` once the credentials prove it.
 *
 * @throws {OAuthError} 401 or 429 when they do not
 */
export async function authenticateClient<C extends RegisteredClient>(
  presented: PresentedCredentials,
  registered: C | undefined,
  state: AuthenticationState,
  { allowPublic, failures }: Pick<VerifyClientOptions, 'allowPublic' | 'failures'>,
): Promise<C> {
  // Only the id of a registered client is noted: anything else in its place may be a misplaced secret.
  if (registered !== undefined && registered.client_id === namedClientId(presented)) {
    state.claimedClientId = registered.client_id
  }
  const client = await verifyClient(presented, registered, {
    allowPublic,
    source: state.source,
    failures,
  })
  state.clientId = client.client_id
  return client
}

/** A client registered for Basic may send its secret in the body too; one registered for the body may not use Basic. */
function allowsMethod(registered: RegisteredClient | undefined, kind: 'basic' | 'post'): boolean {
  if (registered?.enabled !== true) return false
  const method = registered.token_endpoint_auth_method
  return method === 'client_secret_basic' || (method === 'client_secret_post' && kind === 'post')
}

function isPublic(registered: RegisteredClient | undefined): boolean {
  return registered?.enabled === true && registered.token_endpoint_auth_method === 'none'
}

function matchesAny(presentedHash: string, hashes: readonly string[]): boolean {
  const comparisons = Math.max(hashes.length, MIN_COMPARISONS)
  let isMatch = false
  for (let i = 0; i < comparisons; i++) {
    const candidate = hashes[i]
    const isEqual = equalsInConstantTime(presentedHash, candidate ?? NO_HASH)
    isMatch = (isEqual && candidate !== undefined) || isMatch
  }
  return isMatch
}

/** Both buffers can be shared, since there is no await between the writes and the comparison. */
function equalsInConstantTime(presentedHash: string, registeredHash: string): boolean {
  if (presentedHash.length !== HASH_LENGTH || registeredHash.length !== HASH_LENGTH) return false
  presentedBytes.write(presentedHash, 'latin1')
  registeredBytes.write(registeredHash, 'latin1')
  return timingSafeEqual(presentedBytes, registeredBytes)
}

async function refuse(clientId: string, options: VerifyClientOptions): Promise<OAuthError> {
  const slowDown = await options.failures.record({ clientId, source: options.source })
  return slowDown === undefined ? invalidClient() : tooManyFailures(slowDown.retryAfterSeconds)
}

function invalidClient(): OAuthError {
  return new OAuthError('invalid_client', 'client authentication failed', {
    headers: { 'WWW-Authenticate': BASIC_CHALLENGE },
  })
}

/** Still `invalid_client`, since retrying the same secret will not help; the 429 says when the next attempt is allowed. */
function tooManyFailures(retryAfterSeconds: number): OAuthError {
  return new OAuthError('invalid_client', 'client authentication failed too often', {
    status: 429,
    headers: {
      'WWW-Authenticate': BASIC_CHALLENGE,
      'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))),
    },
  })
}

function bearerRefused(): OAuthError {
  const description = 'a bearer token does not authenticate a client here'
  return new OAuthError('invalid_token', description, {
    headers: { 'WWW-Authenticate': bearerChallenge({ error: 'invalid_token', description }) },
  })
}
