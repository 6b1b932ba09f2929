/** What the measure asks of its process, and what it is told. */
import type { Algorithm } from './jwt.ts'

/** A look-up in a cache. */
export type LookUp =
  | 'peek'
  | 'introspect'
  | 'authorize-scope'
  | 'authorize-role'
  | 'koa'
  | 'map'
  | 'map-clocks'
  | 'lru-cache'
  | 'lru-cache-ttl'

/** A JWT to verify. */
export interface JwtKind {
  readonly algorithm: Algorithm
  readonly roles: number
}

/** Asked one after another; each is answered by one message. */
export type Question =
  /** Makes a client and fills its cache from the server; answered by {@link Filled}. */
  | { readonly ask: 'fill'; readonly issuer: string; readonly entries: number }
  /** Puts the same answers into what is beside the client, and signs the JWTs; answered by `true`. */
  | { readonly ask: 'prepare'; readonly jwts: readonly JwtKind[] }
  /** Answered by microseconds a call. */
  | { readonly ask: 'look-up'; readonly lookUp: LookUp; readonly calls: number }
  | { readonly ask: 'verify'; readonly jwt: JwtKind; readonly calls: number }

/** What a full client takes. */
export interface Filled {
  /** Growth of the heap and of what lies outside it, both after collection. */
  readonly bytes: number
}
