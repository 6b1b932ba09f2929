/** The grant types of the token endpoint, and the way to refuse one. */

/** The grant type of RFC 8693. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Grant types a client may register and the token endpoint serves. */
export const GRANT_TYPES = ['client_credentials', 'refresh_token', TOKEN_EXCHANGE] as const

/** One of them. */
export type GrantType = (typeof GRANT_TYPES)[number]

/** Those where nothing but the client's own proof stands between a caller and a token: not for public clients. */
export const CONFIDENTIAL_GRANT_TYPES: readonly GrantType[] = ['client_credentials', TOKEN_EXCHANGE]

/** Tells whether a text is one of them. */
export function isGrantType(text: string): text is GrantType {
  return (GRANT_TYPES as readonly string[]).includes(text)
}
