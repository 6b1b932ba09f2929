/** The grant types of the token endpoint, and the way to refuse one. */

/** Grant types a client may register and the token endpoint serves. */
export const GRANT_TYPES = ['client_credentials', 'refresh_token'] as const

/** One of them. */
export type GrantType = (typeof GRANT_TYPES)[number]

/** Tells whether a text is one of them. */
export function isGrantType(text: string): text is GrantType {
  return (GRANT_TYPES as readonly string[]).includes(text)
}
