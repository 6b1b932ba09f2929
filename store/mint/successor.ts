/**
 * The sealed successor of a refresh token. A retry within the grace must get the same tokens again, but Redis must not
 * hold a usable token. So the random parts are stored under a one-time pad that needs both the presented refresh token and
 * the server's key. Without both, the record is noise.
 */
import { createHmac } from 'node:crypto'
import type { TokenKey } from './key-ring.ts'
import { RANDOM_LENGTH } from './token.ts'

const KEY_ID_LENGTH = 2

/** The fresh random characters of one rotation, and the key the tokens were minted with. */
export interface Successor {
  readonly keyId: string
  readonly refreshRandom: string
  readonly accessRandom: string
}

/** Seals a successor to the refresh token it replaces. */
export function sealSuccessor(key: TokenKey, presented: string, successor: Successor): string {
  const random = Buffer.from(successor.refreshRandom + successor.accessRandom, 'base64url')
  return successor.keyId + applyPad(key, presented, random).toString('base64url')
}

/** Opens a sealed successor; with another token or key the result is noise. */
export function openSuccessor(key: TokenKey, presented: string, sealed: string): Successor {
  const padded = Buffer.from(sealed.slice(KEY_ID_LENGTH), 'base64url')
  const random = applyPad(key, presented, padded).toString('base64url')
  return {
    keyId: sealed.slice(0, KEY_ID_LENGTH),
    refreshRandom: random.slice(0, RANDOM_LENGTH),
    accessRandom: random.slice(RANDOM_LENGTH),
  }
}

// 64 characters are 48 bytes: one SHA-512 output covers them. A refresh token is rotated once and the loser of a race is
// never stored, so one pad never covers two stored messages.
function applyPad(key: TokenKey, presented: string, bytes: Buffer): Buffer {
  const pad = createHmac('sha512', key.seal).update(presented).digest()
  return Buffer.from(bytes.map((byte, index) => byte ^ (pad[index] as number)))
}
