/**
 * Tokens as requests present them: in random order, and each time as a new string, as a header parser makes it. A string that
 * was looked up before carries its hash, which a presented token does not. The tokens are kept as bytes, outside the heap
 * that is measured.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { isTokenShaped, TOKEN_BODY_LENGTH } from '../../client/src/wire/index.ts'

/** Tokens to draw from. */
export interface PresentedTokens {
  readonly count: number
  /** A token by its number, as a new string. */
  at(n: number): string
  /** Random numbers of tokens. */
  draw(count: number): Int32Array
}

const PREFIX = 'cc_at_'
const LENGTH = PREFIX.length + TOKEN_BODY_LENGTH
const BITS_OF_CHARACTER = 6

/** Makes tokens of the right shape. */
export function makeTokens(count: number): PresentedTokens {
  const bytes = Buffer.alloc(count * LENGTH)
  for (let n = 0; n < count; n++) {
    const body = randomBytes((TOKEN_BODY_LENGTH * BITS_OF_CHARACTER) / 8).toString('base64url')
    bytes.write(PREFIX + body, n * LENGTH, 'latin1')
  }
  const at = (n: number): string => bytes.toString('latin1', n * LENGTH, (n + 1) * LENGTH)
  if (!isTokenShaped(at(0))) throw new Error('the tokens are not of the right shape')
  return { count, at, draw: (drawn) => drawNumbers(drawn, count) }
}

/** An xorshift generator: fast, and random enough for an order. */
function drawNumbers(count: number, below: number): Int32Array {
  let state = randomInt(1, 2 ** 31)
  return Int32Array.from({ length: count }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  })
}
