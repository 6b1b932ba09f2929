/**
 * Finds every token in bytes of any kind, by its shape alone: text in any encoding that keeps ASCII as it is, UTF-16 of
 * either byte order, or a binary file with tokens inside. Works piece by piece, so that a file may be of any size and
 * have no line at all. Whether a token was ever issued only the server can tell.
 */
import { TOKEN_BODY_LENGTH, TOKEN_PATTERN } from '@claimcheck/client/wire'

/** A token and the number of bytes from the beginning to right behind it. */
export interface FoundToken {
  readonly token: string
  readonly end: number
}

/** Finds tokens in the next piece of a stream; those that span two pieces too. */
export type TokenScanner = (piece: Uint8Array) => FoundToken[]

const TOKEN_LENGTH = 'cc_at_'.length + TOKEN_BODY_LENGTH
/** In UTF-16 there is a zero byte between any two characters. */
const LONGEST_BYTES = TOKEN_LENGTH * 2 - 1

// Looking ahead instead of taking the body in: a token may begin inside what merely looks like one.
const BODY = `[A-Za-z0-9_-]{${TOKEN_BODY_LENGTH}}`
const NARROW = `cc_(?:at|rt)_(?=(${BODY}))`
const WIDE = `c\\0c\\0_\\0(?:a|r)\\0t\\0_(?=((?:\\0[A-Za-z0-9_-]){${TOKEN_BODY_LENGTH}}))`
if (TOKEN_PATTERN.source !== `cc_(?:at|rt)_${BODY}`) {
  throw new Error('the shape of tokens has changed and the scanner was forgotten')
}

/** Makes a scanner that stands at the beginning of a stream. */
export function createTokenScanner(): TokenScanner {
  const pattern = new RegExp(`${NARROW}|${WIDE}`, 'g')
  let kept = Buffer.alloc(0)
  let before = 0
  return (piece) => {
    const window = Buffer.concat([kept, piece])
    const text = window.toString('latin1')
    const found: FoundToken[] = []
    for (const match of text.matchAll(pattern)) {
      const body = match[1] ?? match[2] ?? ''
      const end = match.index + match[0].length + body.length
      // What lies in the kept part as a whole was found with the last piece.
      if (end <= kept.length) continue
      found.push({ token: (match[0] + body).replaceAll('\0', ''), end: before + end })
    }
    const keep = Math.min(window.length, LONGEST_BYTES - 1)
    before += window.length - keep
    kept = Buffer.from(window.subarray(window.length - keep))
    return found
  }
}

/**
 * Tells which tokens have come before, within bounded memory: the last ones seen are remembered, and forgotten only when
 * as many others have come since. A token that comes again after that is handed on again, which does no harm.
 */
export function createRecentTokens(capacity: number): (token: string) => boolean {
  let recent = new Set<string>()
  let older = new Set<string>()
  return (token) => {
    // The end of a token is random and long enough to tell tokens apart. Copied, because a piece of a text would keep the
    // whole text alive: in the end all of the file.
    const mark = Buffer.from(token.slice(-24), 'latin1').toString('latin1')
    if (recent.has(mark) || older.has(mark)) return true
    recent.add(mark)
    if (recent.size >= capacity / 2) {
      older = recent
      recent = new Set()
    }
    return false
  }
}
