/**
 * Reads the keys of the token MAC from a setting or a key file: `id.secret`, separated by commas or line ends. The first key
 * mints, all verify. No message repeats the text that caused it.
 */
import { Buffer } from 'node:buffer'

export interface TokenKeySecret {
  /** Two characters of base64url; every token names its key by it. */
  readonly id: string
  readonly secret: Buffer
}

export type ParsedTokenKeys =
  | { readonly kind: 'keys'; readonly keys: readonly TokenKeySecret[] }
  /** Each completes "the keys …". */
  | { readonly kind: 'mistakes'; readonly mistakes: readonly string[] }

const MIN_SECRET_BYTES = 32
const KEY = /^([A-Za-z0-9_-]{2})\.([A-Za-z0-9_-]+)$/

/** The keys in `text`, or everything wrong with them. */
export function parseTokenKeys(text: string): ParsedTokenKeys {
  const entries = text.split(/[,\r\n]+/).flatMap((entry) => entry.trim() || [])
  const keys: TokenKeySecret[] = []
  const mistakes = entries.length === 0 ? ['must hold at least one key'] : []
  entries.forEach((entry, index) => {
    const found = mistakesOf(entry, keys)
    const place = entries.length === 1 ? '' : ` (key ${index + 1})`
    mistakes.push(...found.map((mistake) => mistake + place))
    const [, id = '', encoded = ''] = KEY.exec(entry) ?? []
    // A wrong key is added too, so that the repeated use of its id is found.
    if (id !== '') keys.push({ id, secret: Buffer.from(encoded, 'base64url') })
  })
  return mistakes.length === 0 ? { kind: 'keys', keys } : { kind: 'mistakes', mistakes }
}

function mistakesOf(entry: string, earlier: readonly TokenKeySecret[]): readonly string[] {
  const [, id, encoded] = KEY.exec(entry) ?? []
  if (id === undefined || encoded === undefined) {
    return ['must be keys of the form id.secret, the id two characters of base64url']
  }
  const secret = Buffer.from(encoded, 'base64url')
  const mistakes: string[] = []
  // A text that differs from the encoding of its bytes was cut off or mistyped.
  if (secret.toString('base64url') !== encoded) mistakes.push('must have secrets in base64url')
  else if (secret.length < MIN_SECRET_BYTES) {
    mistakes.push(`must have secrets of at least ${MIN_SECRET_BYTES} bytes`)
  }
  if (earlier.some((key) => key.id === id)) mistakes.push('must not use the same key id twice')
  return mistakes
}
