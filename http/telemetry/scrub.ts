/**
 * The last line of defence against a secret in a log line or an error body: whatever has the shape of one of our
 * tokens, or of an Authorization value, is cut down to its kind. Code must not rely on it; a test of the whole suite's
 * logs proves that nothing needs to.
 */

const SECRET_SHAPES =
  /cc_(at|rt)_[A-Za-z0-9_-]{68}|\b(basic|bearer)((?: |%20)+)[A-Za-z0-9+/._~=-]{16,}/gi

/** Replaces token-shaped and credential-shaped parts of `text`; other text is returned unchanged. */
export function scrubSecrets(text: string): string {
  return text.replace(SECRET_SHAPES, cutShort)
}

function cutShort(_match: string, kind?: string, scheme?: string, gap?: string): string {
  return kind === undefined ? `${scheme}${gap}…` : `cc_${kind}_…`
}
