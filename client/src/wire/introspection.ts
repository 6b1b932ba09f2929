/**
 * The RFC 7662 answer as it is sent. Members keep their RFC spelling.
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

/** The answer for void, unknown and expired tokens, and for those of other resources: the same for every cause. */
export interface InactiveToken {
  readonly active: false
}

/**
 * The facts about an active token. Times are seconds since 1970.
 *
 * @see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)
 */
export interface ActiveToken {
  readonly active: true
  /** URL of the issuer. */
  readonly iss: string
  /** The subject: the user or service that the token stands for. */
  readonly sub: string
  /** The client to which the token was issued. */
  readonly client_id: string
  /** The resources for which the token is valid (RFC 8707); always a list. */
  readonly aud: readonly string[]
  readonly token_type: 'Bearer'
  /** When the token was issued. */
  readonly iat: number
  /** When the token expires. Always present in answers of Claimcheck; other RFC 7662 servers may omit it. */
  readonly exp?: number
  /** Id of the token. It is not secret, unlike the token. */
  readonly jti: string
  /** Id of the grant (token family) under which the token was issued. */
  readonly grant_id: string
  /** Granted scopes, separated by single spaces. */
  readonly scope?: string
  /** Id of the session (login) to which the token belongs; absent for tokens without a user. */
  readonly sid?: string
  /** Name of the user, for people. */
  readonly username?: string
  /** How strongly the user was authenticated (RFC 9470). */
  readonly acr?: string
  /** How the user was authenticated (RFC 8176). */
  readonly amr?: readonly string[]
  /** When the user was authenticated. */
  readonly auth_time?: number
  /** Roles held everywhere, in the context `*`; an array as in RFC 9068 §2.2.3.1. */
  readonly roles?: readonly string[]
  /** Roles by context: in the contexts that were asked for, or in all if none was named and there are at most 100. */
  readonly context_roles?: { readonly [context: string]: readonly string[] }
  /**
   * Whether `context_roles` names every context in which a role is held. Always false in an answer that was asked for in
   * contexts: it is kept when roles change in other contexts.
   */
  readonly context_roles_complete?: boolean
  /** Permissions of these roles, by context; under `*` those that hold everywhere. */
  readonly permissions?: { readonly [context: string]: readonly string[] }
  /** Who acts for the subject; present on exchanged tokens (RFC 8693 §4.1). */
  readonly act?: Actor
  /** The tokens that an exchanged token came from, the nearest first. When one becomes void, so does this token. */
  readonly exchanged_from?: readonly ExchangedFrom[]
  /** Further claims of the subject, as registered by the operator. */
  readonly [claim: string]: JsonValue | undefined
}

/** Who acts for the subject (RFC 8693 §4.1). */
export type Actor = {
  /** Subject of the actor. */
  readonly sub: string
  /** The client that exchanged the token. */
  readonly client_id?: string
  /** Who acted before, in a chain of exchanges. */
  readonly act?: Actor
}

/** A token that another was exchanged from. Whatever voids it voids the other. */
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
  /** Contexts to resolve roles in, space-separated: one text for all tokens, or a list with one text for each token. */
  readonly context?: string | readonly string[]
}

/** Answer of `POST /introspect/batch`: one answer for each token, in the same order. */
export interface BatchIntrospectionResponse {
  readonly results: readonly IntrospectionResponse[]
}
