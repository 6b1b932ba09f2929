/**
 * The last safety net against a secret in a log line or an error body: anything that looks like a token or an Authorization
 * value is reduced to its kind. No code may rely on it; tests search the logs for the tokens they minted.
 */

const SECRET_SHAPES =
  /cc_(at|rt)_[A-Za-z0-9_-]{68}|\b(basic|bearer)((?: |%20)+)[A-Za-z0-9+/._~=-]{16,}/gi

/** `text` without anything that looks like a token or credentials. */
export function scrubSecrets(text: string): string {
  return text.replace(SECRET_SHAPES, cutShort)
}

function cutShort(_match: string, kind?: string, scheme?: string, gap?: string): string {
  return kind === undefined ? `${scheme}${gap}…` : `cc_${kind}_…`
}
