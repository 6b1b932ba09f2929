/**
 * Tokens: how they are minted, and what the server alone can read from one without a look-up.
 *
 *   cc_at_ | key id 2 | masked grant id 16 | random 32 (192 bits) | masked partition 2 | MAC 16 (96 bits)
 *
 * A refresh token is the same with `cc_rt_`. The grant id leads to the records, so not every token needs a key; a token
 * that is a grant itself has the zero id there. The mask is keyed and differs with the random part, so two tokens of one
 * grant, subject or partition have nothing visible in common. The MAC refuses junk and guesses before Redis is asked. It
 * does not make a token active: only a record under its hash does.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import { nanoid } from 'nanoid'
import { isTokenShaped, type TokenKind } from '../../client/src/wire/index.ts'
import {
  LOCAL_ID_LENGTH,
  type LocalId,
  type PartitionNumber,
  type Partitions,
  TOKEN_HASH_LENGTH,
  type TokenHash,
  URL_SAFE,
} from '../partitions.ts'
import type { TokenKey, TokenKeyRing } from './key-ring.ts'

const PREFIX = { access: 'cc_at_', refresh: 'cc_rt_' } as const
const KEY_ID_START = 6
const GRANT_START = KEY_ID_START + 2
const RANDOM_START = GRANT_START + LOCAL_ID_LENGTH
const PARTITION_START = RANDOM_START + 32
const MAC_START = PARTITION_START + 2
const MAC_LENGTH = 16
/** Reused: no code awaits between writing and reading them. */
const expectedMac = Buffer.alloc(MAC_LENGTH)
const presentedMac = Buffer.alloc(MAC_LENGTH)
const combined = Buffer.alloc(LOCAL_ID_LENGTH)
const NO_GRANT = URL_SAFE.charAt(0).repeat(LOCAL_ID_LENGTH)

/** Random characters of a token: 192 bits. */
export const RANDOM_LENGTH = 32

/** A genuine token, parsed. */
export interface ParsedToken {
  readonly kind: TokenKind
  readonly partition: PartitionNumber
  readonly hash: TokenHash
  /** Id of the key that authenticated it. */
  readonly keyId: string
  /** '' for an access token that is a grant itself. */
  readonly grant: LocalId
}

/** What the text of a token alone shows. */
type TokenReading =
  | { readonly kind: 'genuine'; readonly token: ParsedToken }
  /** Wrong shape, wrong MAC or impossible content. */
  | { readonly kind: 'junk' }
  /** Names a key this node lacks: junk, or minted by a node that is ahead in a key rotation. */
  | { readonly kind: 'unknown-key'; readonly keyId: string }

/** What to write into a token. */
interface TokenContent {
  readonly kind: TokenKind
  readonly partition: PartitionNumber
  readonly grant: LocalId
  /** {@link RANDOM_LENGTH} random URL-safe characters. */
  readonly random: string
  /** Id of the key to mint with; absent means the minting one. */
  readonly keyId?: string
}

/** Mints and reads tokens. */
export interface TokenMint {
  write(content: TokenContent): string
  /** Fresh random characters for one token. */
  random(): string
  read(token: string): TokenReading
}

/** The hash of a token, base64url. */
export function hashToken(token: string): TokenHash {
  return hash('sha256', token, 'base64url').slice(0, TOKEN_HASH_LENGTH)
}

/** Makes the mint of an installation. */
export function createTokenMint(keys: TokenKeyRing, partitions: Partitions): TokenMint {
  const junk: TokenReading = { kind: 'junk' }
  return {
    random: () => nanoid(RANDOM_LENGTH),

    write({ kind, partition, grant, random, keyId = keys.minting.id }) {
      const key = keys.get(keyId)
      if (key === undefined) throw new RangeError('no token key has this id')
      const mask = maskOf(key, random)
      const authenticated =
        PREFIX[kind] +
        key.id +
        combine(grant === '' ? NO_GRANT : grant, mask, 0) +
        random +
        combine(toTwelveBits(partition), mask, LOCAL_ID_LENGTH)
      return authenticated + macOf(key, authenticated)
    },

    read(token) {
      if (!isTokenShaped(token)) return junk
      const keyId = token.slice(KEY_ID_START, GRANT_START)
      const key = keys.get(keyId)
      if (key === undefined) return { kind: 'unknown-key', keyId }
      if (!isAuthentic(key, token)) return junk
      const mask = maskOf(key, token.slice(RANDOM_START, PARTITION_START))
      const partition = fromTwelveBits(
        combine(token.slice(PARTITION_START, MAC_START), mask, LOCAL_ID_LENGTH),
      )
      if (partition >= partitions.count) return junk
      const named = combine(token.slice(GRANT_START, RANDOM_START), mask, 0)
      const grant = named === NO_GRANT ? '' : named
      const kind = token.startsWith(PREFIX.refresh) ? 'refresh' : 'access'
      if (kind === 'refresh' && grant === '') return junk
      return { kind: 'genuine', token: { kind, partition, hash: hashToken(token), keyId, grant } }
    },
  }
}

// Keyed by a secret prefix over input of fixed length: no length extension, and a third of the cost of an HMAC.
function maskOf(key: TokenKey, random: string): string {
  return hash('sha256', key.mask + random, 'base64url')
}

/** By character code. */
const SIX_BITS = new Uint8Array(128)
for (let bits = 0; bits < URL_SAFE.length; bits++) SIX_BITS[URL_SAFE.charCodeAt(bits)] = bits

/** Exclusive or of two URL-safe texts, six bits a character; its own inverse. */
function combine(text: string, mask: string, maskStart: number): string {
  for (let i = 0; i < text.length; i++) {
    const bits = sixBits(text, i) ^ sixBits(mask, maskStart + i)
    combined[i] = URL_SAFE.charCodeAt(bits)
  }
  return combined.toString('latin1', 0, text.length)
}

function sixBits(text: string, index: number): number {
  return SIX_BITS[text.charCodeAt(index)] as number
}

function toTwelveBits(bits: number): string {
  return URL_SAFE.charAt(bits >> 6) + URL_SAFE.charAt(bits & 63)
}

function fromTwelveBits(text: string): number {
  return (sixBits(text, 0) << 6) | sixBits(text, 1)
}

function macOf(key: TokenKey, authenticated: string): string {
  return key.mac(authenticated).slice(0, MAC_LENGTH)
}

function isAuthentic(key: TokenKey, token: string): boolean {
  expectedMac.write(macOf(key, token.slice(0, MAC_START)), 'latin1')
  presentedMac.write(token.slice(MAC_START), 'latin1')
  return timingSafeEqual(expectedMac, presentedMac)
}
