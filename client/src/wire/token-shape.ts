/**
 * The outer shape of a Claimcheck token, for all who cannot look inside: resource servers, secret scanners, log scrubbers.
 * Only the issuer and the introspection service know what the characters mean (store/mint/token.ts).
 */

/** Access tokens are presented to resource servers, refresh tokens only to the issuer. */
export type TokenKind = 'access' | 'refresh'

/** Number of URL-safe characters after the prefix. */
export const TOKEN_BODY_LENGTH = 68

/** Finds Claimcheck tokens in a text. A secret scanner can use its source unchanged. */
export const TOKEN_PATTERN: RegExp = /cc_(?:at|rt)_[A-Za-z0-9_-]{68}/

const WHOLE_TOKEN = new RegExp(`^${TOKEN_PATTERN.source}$`)

/** Whether a text has the shape of a token. It may still never have been issued. */
export function isTokenShaped(text: string): boolean {
  return WHOLE_TOKEN.test(text)
}
