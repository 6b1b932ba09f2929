/** The levels of the revocation lattice, each with the id of what it voids. */

import type { PublicId } from '../partitions.ts'

/** What a revocation voids. */
export type RevocationTarget =
  | { readonly level: 'token'; readonly jti: PublicId }
  | { readonly level: 'grant'; readonly grantId: PublicId }
  | { readonly level: 'session'; readonly sid: PublicId }
  | { readonly level: 'subject'; readonly sub: string }
  | { readonly level: 'subject+client'; readonly sub: string; readonly clientId: string }
  | { readonly level: 'client'; readonly clientId: string }
  | { readonly level: 'all' }
