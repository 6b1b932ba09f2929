/**
 * Decoding of one `application/x-www-form-urlencoded` name or value, strict and lossy. The strict form is used for
 * everything that decides something; the lossy one only where any text is an answerable question.
 */

/** The decoded text, or undefined when a percent sequence is malformed, not UTF-8, or a NUL is in it. */
export function decodeFormText(raw: string): string | undefined {
  const text = isPlain(raw) ? raw : decodeStrictly(raw)
  return text?.includes('\0') ? undefined : text
}

/** The decoded text as the platform's own lenient parser sees it: what cannot be decoded is kept or replaced. */
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
    // A URIError is the only thing decodeURIComponent throws; the caller words it for its protocol.
    return undefined
  }
}
