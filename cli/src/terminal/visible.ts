/**
 * Makes text from a server or a file safe to print. Control characters could move the cursor or rewrite earlier output, and
 * bidirectional marks could reorder what is read: they become visible escapes. Anything with the shape of a token is masked.
 * All output passes through here, except a secret that was asked for.
 */
import { TOKEN_PATTERN } from '@claimcheck/client/wire'

const EVERY_TOKEN = new RegExp(TOKEN_PATTERN.source, 'g')
const PREFIX_LENGTH = 'cc_at_'.length

/** C0, DEL, C1, line and paragraph separators, bidirectional controls, the byte order mark, lone surrogates. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** The text with every token masked. */
function maskTokens(text: string): string {
  return text.replace(EVERY_TOKEN, (token) => `${token.slice(0, PREFIX_LENGTH)}***`)
}

/** The text as one line that is safe to print. */
export function makeVisible(text: string): string {
  return maskTokens(text).replace(UNSAFE, escapeOf)
}

/** A JSON text that is safe to print. It parses to the same value, except for masked tokens. */
export function makeJsonVisible(json: string): string {
  return maskTokens(json).replace(UNSAFE, (char) => (char === '\n' ? char : jsonEscapeOf(char)))
}

function escapeOf(char: string): string {
  if (char === '\n') return '\\n'
  if (char === '\t') return '\\t'
  if (char === '\r') return '\\r'
  const code = char.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : jsonEscapeOf(char)
}

function jsonEscapeOf(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
