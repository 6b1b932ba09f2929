/** The levels of the revocation lattice, each with what names it. */

/** What a revocation aims at. Ids are public ones. */
export type RevocationTarget =
  | { readonly level: 'token'; readonly jti: string }
  | { readonly level: 'grant'; readonly grantId: string }
  | { readonly level: 'session'; readonly sid: string }
  | { readonly level: 'subject'; readonly sub: string }
  | { readonly level: 'subject+client'; readonly sub: string; readonly clientId: string }
  | { readonly level: 'client'; readonly clientId: string }
  | { readonly level: 'all' }
