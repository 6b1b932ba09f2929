/**
 * Token exchange (RFC 8693): a token in return for another, never worth more and never living longer. It is a grant of its
 * own for the same subject, so it stands in the same partition, and carries the names of the tokens it came from: whatever
 * voids one of them voids it.
 */
import type { StoreContext } from '../context.ts'
import { hashToken, type ParsedToken } from '../mint/token.ts'
import { unknownReply } from '../redis/script-runner.ts'
import type { View } from '../roles/resolve.ts'
import type { InactiveReason } from './introspect.ts'
import type { IssuedTokens } from './issue.ts'
import { type Authorization, encodeAuthorization } from './records.ts'

/** What to issue in exchange. Whether it is narrower is for the caller to see to: authorizations never change. */
export interface ExchangeRequest {
  readonly origin: ParsedToken
  readonly authorization: Authorization
  /** Seconds; cut to what is left of the origin's life. */
  readonly accessTokenLifetimeSeconds: number
  readonly view?: View
}

/** Why nothing was issued. */
export type ExchangeRefusal =
  /** The exchanging client is disabled. */
  | { readonly kind: 'client-gone' }
  /** The token to exchange is not active. */
  | { readonly kind: 'inactive'; readonly reason: InactiveReason }

/** Exchanges tokens. */
export interface TokenExchanger {
  exchange(request: ExchangeRequest): Promise<IssuedTokens | ExchangeRefusal>
}

/** Makes the exchanger of a store. */
export function createTokenExchanger(context: StoreContext): TokenExchanger {
  const { keys, partitions, run, mint } = context
  return {
    async exchange({ origin, authorization, accessTokenLifetimeSeconds, view }) {
      const { partition } = origin
      const { sub, session } = authorization
      const grant = ''
      const random = mint.random()
      const accessToken = mint.write({ kind: 'access', partition, grant, random })
      const hash = hashToken(accessToken)
      const at = keys.partition(partition)
      const [outcome, ...rest] = await run(
        'exchange-token',
        [at.head, at.token(hash), at.clients, at.index(sub)],
        [
          at.base,
          hash,
          accessTokenLifetimeSeconds,
          encodeAuthorization(authorization),
          view?.contexts.join(' ') ?? '',
          view?.assumed.join(' ') ?? '',
          origin.hash,
          origin.grant,
        ],
      )
      switch (outcome as 'issued' | 'client-gone' | InactiveReason) {
        case 'issued':
          return {
            kind: 'issued',
            accessToken,
            refreshToken: undefined,
            issuedAt: Math.floor(Number(rest[0]) / 1e6),
            expiresAt: Number(rest[1]),
            ...partitions.idsOf({ partition, grant, hash }),
            sid: session === '' ? undefined : partitions.toPublicId(partition, session),
          }
        case 'client-gone':
          return { kind: 'client-gone' }
        case 'unknown':
        case 'expired':
        case 'revoked':
        case 'suspended':
        case 'client':
          return { kind: 'inactive', reason: outcome as InactiveReason }
        default:
          throw unknownReply('exchange-token', outcome)
      }
    },
  }
}
