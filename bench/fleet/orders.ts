/** What the fleet process is told and what it answers. */

/** How to open a fleet. */
export interface FleetPlan {
  /** Clients, and as many bare sockets. */
  readonly size: number
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** A server that sends the same text to all bare sockets. */
  readonly bareUrl: string
  /** Where changes are published. */
  readonly redisUrl: string
}

/** What a bare socket does with a text: nothing at all, or what every reader of a feed has to. */
export type BareReading = 'ignored' | 'parsed'

/** An order. */
export type FleetOrder =
  | { readonly kind: 'open'; readonly plan: FleetPlan }
  /** Looks tokens up at every client, until every cache holds them. */
  | { readonly kind: 'warm'; readonly tokens: readonly string[] }
  | { readonly kind: 'watch token'; readonly token: string }
  | { readonly kind: 'watch bare'; readonly reading: BareReading }
  /** Answered with a {@link Sight} once all have seen what is watched for. */
  | { readonly kind: 'await' }
  /** Answered with the status of a request with the token at one of the clients. */
  | { readonly kind: 'status'; readonly token: string }

/** When something was seen; in milliseconds of the machine's clock. */
export interface Sight {
  /** When it was published: whatever a feed node and its clients add comes after. Absent when it came without. */
  readonly publishedAt?: number
  readonly seenByAllAt: number
  /** How long the fleet's process was busy since it began to watch. */
  readonly busyMs: number
}
