/**
 * The RFC 7662 answer as it travels. Members keep their RFC spelling.
 *
 * @see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)
 */

/** Any JSON value. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue }

/** What a void, unknown, expired or foreign token looks like: the same for every cause. */
export interface InactiveToken {
  readonly active: false
}

/** What a live token resolves to at this moment. Times are integer seconds since the epoch. */
export interface ActiveToken {
  readonly active: true
  readonly iss: string
  readonly sub: string
  readonly client_id: string
  readonly aud: readonly string[]
  readonly token_type: 'Bearer'
  readonly iat: number
  /** Always told by Claimcheck; other RFC 7662 servers may leave it out. */
  readonly exp?: number
  readonly jti: string
  /** The grant (token family) it was issued under. */
  readonly grant_id: string
  readonly scope?: string
  /** The login it belongs to; absent for tokens without a user. */
  readonly sid?: string
  readonly username?: string
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly auth_time?: number
  /** The subject's own claims, as registered by the operator. */
  readonly [claim: string]: JsonValue | undefined
}

/** Answer of `POST /introspect`. */
export type IntrospectionResponse = ActiveToken | InactiveToken

/** Answer of `POST /introspect/batch`: one answer a token, in the order asked. */
export interface BatchIntrospectionResponse {
  readonly results: readonly IntrospectionResponse[]
}
