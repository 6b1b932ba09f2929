/**
 * Finds every token in bytes of any kind by its shape: in text of any encoding that extends ASCII, in UTF-16 of either
 * byte order, and in binary files. It works piece by piece, so a file may have any size and no line ends. Only the server
 * can tell whether a token was ever issued.
 */
import { TOKEN_BODY_LENGTH, TOKEN_PATTERN } from '@claimcheck/client/wire'

/** A token, and the number of bytes up to its end. */
export interface FoundToken {
  readonly token: string
  readonly end: number
}

/** Finds the tokens in the next piece of a stream, including those that span two pieces. */
export type TokenScanner = (piece: Uint8Array) => FoundToken[]

const TOKEN_LENGTH = 'cc_at_'.length + TOKEN_BODY_LENGTH
/** UTF-16 has a zero byte between two characters. */
const MAX_TOKEN_BYTES = TOKEN_LENGTH * 2 - 1

// The body is matched by lookahead: a token may begin inside a text that only looks like one.
const BODY = `[A-Za-z0-9_-]{${TOKEN_BODY_LENGTH}}`
const NARROW = `cc_(?:at|rt)_(?=(${BODY}))`
const WIDE = `c\\0c\\0_\\0(?:a|r)\\0t\\0_(?=((?:\\0[A-Za-z0-9_-]){${TOKEN_BODY_LENGTH}}))`
if (TOKEN_PATTERN.source !== `cc_(?:at|rt)_${BODY}`) {
  throw new Error('the shape of tokens has changed: adapt the token scanner')
}

/** Makes a scanner for one stream. */
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
      // A token that lies wholly in the kept part was found with the last piece.
      if (end <= kept.length) continue
      found.push({ token: (match[0] + body).replaceAll('\0', ''), end: before + end })
    }
    const keep = Math.min(window.length, MAX_TOKEN_BYTES - 1)
    before += window.length - keep
    kept = Buffer.from(window.subarray(window.length - keep))
    return found
  }
}

/**
 * Tells whether a token was seen before, within bounded memory: it remembers at least the last `capacity / 2` tokens. A
 * token that was forgotten counts as new, which is harmless.
 */
export function createRecentTokens(capacity: number): (token: string) => boolean {
  const isRecent = createRecent(capacity)
  // The last 24 characters identify a token. They are copied: a slice would keep the whole piece of the file in memory.
  return (token) => isRecent(Buffer.from(token.slice(-24), 'latin1').toString('latin1'))
}

/** As {@link createRecentTokens}, for other short keys. */
export function createRecent(capacity: number): (key: string) => boolean {
  let recent = new Set<string>()
  let older = new Set<string>()
  return (key) => {
    if (recent.has(key) || older.has(key)) return true
    recent.add(key)
    if (recent.size >= capacity / 2) {
      older = recent
      recent = new Set()
    }
    return false
  }
}
