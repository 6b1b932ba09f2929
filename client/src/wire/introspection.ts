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
  /** Roles held everywhere (context `*`); a plain array as in RFC 9068 §2.2.3.1. */
  readonly roles?: readonly string[]
  /** Roles held in the contexts that were asked for; in all of them when none was named and there are few enough. */
  readonly context_roles?: { readonly [context: string]: readonly string[] }
  /**
   * Whether `context_roles` names every context the token has a role in. Only an answer that was got without contexts says
   * so: one about named contexts is false, for nothing tells its holder of changes elsewhere.
   */
  readonly context_roles_complete?: boolean
  /** What the roles allow, by context; under `*` what is allowed everywhere. */
  readonly permissions?: { readonly [context: string]: readonly string[] }
  /** Who acts: present on exchanged tokens (RFC 8693 §4.1). */
  readonly act?: Actor
  /** The tokens an exchanged token came from and dies with, the nearest first. */
  readonly exchanged_from?: readonly ExchangedFrom[]
  /** The subject's own claims, as registered by the operator. */
  readonly [claim: string]: JsonValue | undefined
}

/** Who acts for the subject; a prior actor stands inside (RFC 8693 §4.1). */
export type Actor = {
  readonly sub: string
  /** The client that exchanged the token. */
  readonly client_id?: string
  readonly act?: Actor
}

/** A token that another one was exchanged from: whatever voids it voids the other. */
export type ExchangedFrom = {
  readonly jti: string
  readonly grant_id: string
  readonly client_id: string
}

/** Answer of `POST /introspect`. */
export type IntrospectionResponse = ActiveToken | InactiveToken

/** Body of `POST /introspect/batch`. */
export interface BatchIntrospectionRequest {
  readonly tokens: readonly string[]
  /** Contexts to resolve roles in, space-separated: one text for all tokens, or one a token in their order. */
  readonly context?: string | readonly string[]
}

/** Answer of `POST /introspect/batch`: one answer a token, in the order asked. */
export interface BatchIntrospectionResponse {
  readonly results: readonly IntrospectionResponse[]
}
