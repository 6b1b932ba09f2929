/**
 * The outer shape of a Claimcheck token, the same for everybody who may not look inside: resource servers, secret
 * scanners, log scrubbers. What the characters mean is the issuer's business (store/mint/token.ts).
 */

/** Access tokens are presented to resource servers, refresh tokens only to the issuer. */
export type TokenKind = 'access' | 'refresh'

/** Number of URL-safe characters after the prefix. */
export const TOKEN_BODY_LENGTH = 68

/** Finds Claimcheck tokens in any text; a secret scanner can use its source as it is. */
export const TOKEN_PATTERN: RegExp = /cc_(?:at|rt)_[A-Za-z0-9_-]{68}/

const WHOLE_TOKEN = new RegExp(`^${TOKEN_PATTERN.source}$`)

/** Tells whether a text has the shape of one token. Says nothing about whether it was ever issued. */
export function isTokenShaped(text: string): boolean {
  return WHOLE_TOKEN.test(text)
}
