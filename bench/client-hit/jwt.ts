/** What a JWT has to carry so that a service need ask nobody: the roles of its subject, each in its context. */
import { type CryptoKey, generateKeyPair, jwtVerify, SignJWT } from 'jose'

/** How a JWT is signed. */
export type Algorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA'

/** A JWT, and what verifies it. */
export interface SignedJwt {
  readonly text: string
  readonly subject: string
  /** Verifies a JWT of this key: signature, `iss`, `aud` and `exp`. @throws {Error} when it is not good */
  verify(text: string): Promise<{ readonly sub?: string }>
}

const ISSUER = 'https://issuer.test'
const AUDIENCE = 'https://grades.test'
const SUBJECT = 'user-000001'
const FIRST_COURSE = 1_000_000
const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const
const HMAC_KEY_BYTES = 32

/** The role of everybody. */
export const ROLE = 'teacher'

/** A context by its number; all names are of one length up to a million of them. */
export function contextName(n: number): string {
  return `course:${FIRST_COURSE + n}`
}

/** A JWT of RFC 9068 with roles in so many contexts. */
export async function signJwt(algorithm: Algorithm, roles: number): Promise<SignedJwt> {
  const { signing, verifying } = await keysOf(algorithm)
  const held = Array.from({ length: roles }, (_, n) => [contextName(n), [ROLE]] as const)
  const text = await new SignJWT({
    client_id: 'web-app',
    scope: 'grades:read',
    sid: 'Qk3vX7hTzR2mWn8Lp',
    roles: ['staff'],
    context_roles: Object.fromEntries(held),
  })
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: 'k1' })
    .setSubject(SUBJECT)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('1h')
    .setJti('Qk3vX7hTzR2mWn8LpKd9YbGc')
    .sign(signing)
  const checks = { issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm] }
  return {
    text,
    subject: SUBJECT,
    verify: async (presented) => (await jwtVerify(presented, verifying, checks)).payload,
  }
}

interface Keys {
  readonly signing: CryptoKey
  readonly verifying: CryptoKey
}

const made = new Map<Algorithm, Promise<Keys>>()

function keysOf(algorithm: Algorithm): Promise<Keys> {
  const keys = made.get(algorithm) ?? makeKeys(algorithm)
  made.set(algorithm, keys)
  return keys
}

/** Keys as the platform holds them, which jose need not import at each call. */
async function makeKeys(algorithm: Algorithm): Promise<Keys> {
  if (algorithm !== 'HS256') {
    const { privateKey, publicKey } = await generateKeyPair(algorithm)
    return { signing: privateKey, verifying: publicKey }
  }
  const bytes = crypto.getRandomValues(new Uint8Array(HMAC_KEY_BYTES))
  const secret = await crypto.subtle.importKey('raw', bytes, HMAC, false, ['sign', 'verify'])
  return { signing: secret, verifying: secret }
}
