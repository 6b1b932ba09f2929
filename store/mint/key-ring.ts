/**
 * The key ring of the token MAC. The secrets come from settings and never enter Redis. Redis pins a fingerprint per key
 * id, so that a node with a wrong or missing key does not start, instead of refusing good tokens as junk.
 */
import { createSecretKey, hash, hkdfSync, type KeyObject } from 'node:crypto'
import { createHmac, type Hmac } from './hmac.ts'

/** One configured key: a two-character id, which is part of every token, and at least 32 secret bytes. */
export interface TokenKeySecret {
  readonly id: string
  readonly secret: Uint8Array
}

/** Keys derived from one secret, each for one purpose. */
export interface TokenKey {
  readonly id: string
  /** Authenticates the token. */
  readonly mac: Hmac
  /** Hides grant and partition. It is the prefix of a hashed text, hence text itself. */
  readonly mask: string
  /** Seals the successor of a refresh token. */
  readonly seal: KeyObject
  /** Public: differs between keys and reveals nothing about them. */
  readonly fingerprint: string
}

/** Keys by id; the first one mints, all of them verify. */
export interface TokenKeyRing {
  readonly minting: TokenKey
  get(id: string): TokenKey | undefined
  readonly all: readonly TokenKey[]
}

const MIN_SECRET_BYTES = 32

/** @throws {TypeError} when there is no key, an id is not two URL-safe characters or used twice, a secret too short */
export function createTokenKeyRing(secrets: readonly TokenKeySecret[]): TokenKeyRing {
  const all = secrets.map(deriveKey)
  const byId = new Map(all.map((key) => [key.id, key]))
  const minting = all[0]
  if (minting === undefined) throw new TypeError('"tokenKeys" must hold at least one key')
  if (byId.size !== all.length) throw new TypeError('"tokenKeys" must not use one id twice')
  return { minting, get: (id) => byId.get(id), all }
}

function deriveKey({ id, secret }: TokenKeySecret): TokenKey {
  if (!/^[A-Za-z0-9_-]{2}$/.test(id))
    throw new TypeError('a token key id is two URL-safe characters')
  if (secret.length < MIN_SECRET_BYTES) throw new TypeError('a token key has at least 32 bytes')
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `claimcheck token ${purpose}`, 32))
  return {
    id,
    mac: createHmac(derive('mac')),
    mask: derive('mask').toString('latin1'),
    seal: createSecretKey(derive('seal')),
    fingerprint: hash('sha256', derive('fingerprint'), 'base64url').slice(0, 16),
  }
}
