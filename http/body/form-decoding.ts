/**
 * Decodes one `application/x-www-form-urlencoded` name or value, strictly or leniently. Lenient decoding is only for values
 * where any text is a valid question, such as the token of an introspection.
 */

/** The decoded text; undefined when an escape is malformed, the text is not UTF-8, or it contains a NUL. */
export function decodeFormText(raw: string): string | undefined {
  const text = isPlain(raw) ? raw : decodeStrictly(raw)
  return text?.includes('\0') ? undefined : text
}

/** The decoded text as URLSearchParams reads it: what cannot be decoded is kept or replaced. */
export function decodeFormTextLossily(raw: string): string {
  if (isPlain(raw)) return raw
  return decodeStrictly(raw) ?? new URLSearchParams(`v=${raw}`).get('v') ?? ''
}

function isPlain(raw: string): boolean {
  return !raw.includes('%') && !raw.includes('+')
}

function decodeStrictly(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw.includes('+') ? raw.replaceAll('+', ' ') : raw)
  } catch {
    // decodeURIComponent throws only URIError; each caller reports it in its own words.
    return undefined
  }
}
