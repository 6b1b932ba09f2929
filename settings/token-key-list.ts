/**
 * Reads the keys of the token MAC as they stand in a setting or a key file: `id.secret`, separated by commas or line
 * ends; the first mints, all verify. Problems are worded without the text that caused them.
 */
import { Buffer } from 'node:buffer'

export interface TokenKeySecret {
  /** Two characters of base64url; it stands in the token. */
  readonly id: string
  readonly secret: Buffer
}

export type ParsedTokenKeys =
  | { readonly kind: 'keys'; readonly keys: readonly TokenKeySecret[] }
  | { readonly kind: 'problem'; readonly problem: string }

const MIN_SECRET_BYTES = 32
const KEY = /^([A-Za-z0-9_-]{2})\.([A-Za-z0-9_-]+)$/

/** The keys in `text`, or the first thing wrong with them (a rule to complete "must …"). */
export function parseTokenKeys(text: string): ParsedTokenKeys {
  const entries = text.split(/[,\r\n]+/).flatMap((entry) => entry.trim() || [])
  if (entries.length === 0) return problem('hold at least one key')
  const keys = new Map<string, TokenKeySecret>()
  for (const entry of entries) {
    const [, id, encoded] = KEY.exec(entry) ?? []
    if (id === undefined || encoded === undefined) {
      return problem('be keys of the form id.secret, the id two characters of base64url')
    }
    const secret = Buffer.from(encoded, 'base64url')
    // A text that is not the encoding of its own bytes was cut or mistyped.
    if (secret.toString('base64url') !== encoded) return problem('have secrets in base64url')
    if (secret.length < MIN_SECRET_BYTES) return problem('have secrets of at least 32 bytes')
    if (keys.has(id)) return problem('not use the same key id twice')
    keys.set(id, { id, secret })
  }
  return { kind: 'keys', keys: [...keys.values()] }
}

function problem(text: string): ParsedTokenKeys {
  return { kind: 'problem', problem: text }
}
