/**
 * How a measure gets refresh tokens from oidc-provider without a browser to log in with: a grant type of the peer's own,
 * which answers `{ refresh_tokens }`, as many as the parameter `count` says, each of a grant and a user of its own.
 */

/** The `grant_type`. */
export const MINTING = 'urn:claimcheck:bench:minting'
