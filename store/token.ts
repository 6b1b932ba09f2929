/**
 * Tokens: how they are minted and what the server alone can read from one without a look-up.
 *
 *   cc_at_ | key id 2 | random 48 (288 bits) | masked partition 2 | MAC 16 (96 bits)
 *
 * A refresh token is the same with `cc_rt_`; the first 16 random characters are the id of its grant, so that a
 * rotated token needs no record to be recognised. The MAC turns junk and guesses away before Redis is asked; it is
 * not what makes a token good: only a record under its hash does. The mask hides that two tokens share a partition.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { nanoid } from 'nanoid'
import { isTokenShaped, type TokenKind } from '../client/src/wire/index.ts'
import { LOCAL_ID_LENGTH, type Partitions, TOKEN_HASH_LENGTH, URL_SAFE } from './partitions.ts'
import type { TokenKey, TokenKeyRing } from './token-keys.ts'

const PREFIX = { access: 'cc_at_', refresh: 'cc_rt_' } as const
const PREFIX_LENGTH = 6
const KEY_ID_LENGTH = 2
const RANDOM_LENGTH = 48
const MASK_LENGTH = 2
const MAC_LENGTH = 16
const RANDOM_START = PREFIX_LENGTH + KEY_ID_LENGTH
const MASK_START = RANDOM_START + RANDOM_LENGTH
const MAC_START = MASK_START + MASK_LENGTH

/** Random characters of a refresh token behind its grant id. */
export const REFRESH_RANDOM_LENGTH = RANDOM_LENGTH - LOCAL_ID_LENGTH

/** Random characters of an access token. */
export const ACCESS_RANDOM_LENGTH = RANDOM_LENGTH

/** A genuine token of ours, taken apart. */
export interface ParsedToken {
  readonly kind: TokenKind
  readonly partition: number
  /** Truncated SHA-256: the only form in which a token reaches Redis. */
  readonly hash: string
  /** Id of the key that authenticated it. */
  readonly keyId: string
  /** The grant named by a refresh token; '' for an access token. */
  readonly grant: string
  readonly random: string
}

/** What can be told from the text of a token alone. */
export type TokenReading =
  | { readonly kind: 'genuine'; readonly token: ParsedToken }
  /** Not ours: wrong shape, wrong MAC, impossible partition. */
  | { readonly kind: 'junk' }
  /** Names a key this node does not have: junk, or minted by a node that is ahead in a key rotation. */
  | { readonly kind: 'unknown-key'; readonly keyId: string }

/** Mints and reads tokens. */
export interface TokenMint {
  /** Writes a token from its random part (48 characters), with the minting key unless another id is named. */
  write(kind: TokenKind, partition: number, random: string, keyId?: string): string
  /** Fresh random characters. */
  random(length: number): string
  read(token: string): TokenReading
}

/** Truncated SHA-256 of a token, base64url. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'base64url').slice(0, TOKEN_HASH_LENGTH)
}

/** Makes the mint of an installation. */
export function createTokenMint(keys: TokenKeyRing, partitions: Partitions): TokenMint {
  const junk: TokenReading = { kind: 'junk' }
  return {
    random: (length) => nanoid(length),

    write(kind, partition, random, keyId = keys.minting.id) {
      const key = keys.get(keyId)
      if (key === undefined) throw new RangeError('no token key has this id')
      const masked = encodeMask(partition ^ maskOf(key, random))
      const authenticated = PREFIX[kind] + key.id + random + masked
      return authenticated + macOf(key, authenticated)
    },

    read(token) {
      if (!isTokenShaped(token)) return junk
      const keyId = token.slice(PREFIX_LENGTH, RANDOM_START)
      const key = keys.get(keyId)
      if (key === undefined) return { kind: 'unknown-key', keyId }
      if (!isAuthentic(key, token)) return junk
      const random = token.slice(RANDOM_START, MASK_START)
      const partition = decodeMask(token.slice(MASK_START, MAC_START)) ^ maskOf(key, random)
      if (partition >= partitions.count) return junk
      const kind = token.startsWith(PREFIX.refresh) ? 'refresh' : 'access'
      const grant = kind === 'refresh' ? random.slice(0, LOCAL_ID_LENGTH) : ''
      return {
        kind: 'genuine',
        token: { kind, partition, hash: hashToken(token), keyId, grant, random },
      }
    },
  }
}

// Keyed by a secret prefix over input of fixed length: no length extension, and a third of the cost of an HMAC.
function maskOf(key: TokenKey, random: string): number {
  return Number.parseInt(hash('sha256', key.mask + random, 'hex').slice(0, 3), 16)
}

function encodeMask(bits: number): string {
  return (URL_SAFE[bits >> 6] as string) + (URL_SAFE[bits & 63] as string)
}

function decodeMask(text: string): number {
  return (URL_SAFE.indexOf(text[0] as string) << 6) | URL_SAFE.indexOf(text[1] as string)
}

function macOf(key: TokenKey, authenticated: string): string {
  return createHmac('sha256', key.mac)
    .update(authenticated)
    .digest('base64url')
    .slice(0, MAC_LENGTH)
}

function isAuthentic(key: TokenKey, token: string): boolean {
  const mac = macOf(key, token.slice(0, MAC_START))
  return timingSafeEqual(Buffer.from(mac), Buffer.from(token.slice(MAC_START)))
}
