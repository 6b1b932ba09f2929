/** What the grant types of the token endpoint have in common: what they need, and their response. */
import type { AuditTrail } from '../../http/audit/audit-trail.ts'
import type { Store } from '../../store/store.ts'

/** What a grant type needs. */
export interface GrantContext {
  readonly store: Store
  /** The issuer's public URL. */
  readonly issuer: string
  readonly trail: AuditTrail
}

/** A successful token response (RFC 6749 §5.1). */
export interface TokenResponse {
  readonly access_token: string
  /** Of a token exchange only, which requires it (RFC 8693 §2.2.1). */
  readonly issued_token_type?: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly refresh_token?: string
  readonly scope?: string
}

/** What was issued, by any grant type. */
export interface TokensIssued {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Seconds. */
  readonly expiresIn: number
  readonly scope: string
}

/** The response. It always has the scope, unless that is empty, which the syntax of `scope` does not allow. */
export function toTokenResponse(issued: TokensIssued): TokenResponse {
  const { accessToken, refreshToken, expiresIn, scope } = issued
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(scope === '' ? {} : { scope }),
  }
}
