/** The grant types of the token endpoint. */

/** The grant type of RFC 8693. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Grant types a client may register and the token endpoint serves. */
export const GRANT_TYPES = ['client_credentials', 'refresh_token', TOKEN_EXCHANGE] as const

/** One of them. */
export type GrantType = (typeof GRANT_TYPES)[number]

/** Grant types where client authentication is the only check; public clients may not use them. */
export const CONFIDENTIAL_GRANT_TYPES: readonly GrantType[] = ['client_credentials', TOKEN_EXCHANGE]

/** Tells whether a text is one of them. */
export function isGrantType(text: string): text is GrantType {
  return (GRANT_TYPES as readonly string[]).includes(text)
}
