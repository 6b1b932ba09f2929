/**
 * HMAC-SHA-256 (RFC 2104) of short ASCII texts, from two one-shot hashes. The platform's own HMAC object costs more than
 * reading a form, checking a client and hashing a token together, mostly for creating the object.
 */
import { hash } from 'node:crypto'

/** The MAC of an ASCII text, base64url. */
export type Hmac = (text: string) => string

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c

/**
 * Makes the function of a key.
 *
 * @param key at most {@link BLOCK_BYTES} bytes
 */
export function createHmac(key: Uint8Array): Hmac {
  if (key.length > BLOCK_BYTES) throw new RangeError('"key" is longer than a block')
  const outer = Buffer.concat([padded(key, OUTER_PAD), Buffer.alloc(DIGEST_BYTES)])
  let inner: Buffer = padded(key, INNER_PAD)
  return (text) => {
    const length = BLOCK_BYTES + text.length
    if (inner.length < length)
      inner = Buffer.concat([inner.subarray(0, BLOCK_BYTES), Buffer.alloc(text.length)])
    inner.write(text, BLOCK_BYTES, 'latin1')
    outer.write(hash('sha256', inner.subarray(0, length), 'binary'), BLOCK_BYTES, 'binary')
    return hash('sha256', outer, 'base64url')
  }
}

function padded(key: Uint8Array, pad: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES, pad)
  for (const [index, byte] of key.entries()) block[index] = byte ^ pad
  return block
}
