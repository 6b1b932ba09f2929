/**
 * Token exchange (RFC 8693): a token in return for another one, with no more rights and no longer life. It is a grant for
 * the same subject, so it is kept in the same partition. It carries the ids of the tokens it came from: a revocation of one
 * of them voids it too.
 */
import type { StoreContext } from '../context.ts'
import { hashToken, type ParsedToken } from '../mint/token.ts'
import { defineScript } from '../redis/define-script.ts'
import type { View } from '../roles/resolve.ts'
import type { InactiveReason } from './introspect.ts'
import type { IssuedTokens } from './issue.ts'
import { type Authorization, encodeAuthorization } from './records.ts'

/** What to issue in exchange. The caller must make sure that it is narrower: authorizations never change. */
interface ExchangeRequest {
  readonly origin: ParsedToken
  readonly authorization: Authorization
  /** Seconds; cut to what is left of the origin's life. */
  readonly accessTokenLifetimeSeconds: number
  readonly view?: View
}

/** Why nothing was issued. */
type ExchangeRefusal =
  /** The exchanging client is disabled. */
  | { readonly kind: 'client-gone' }
  /** The token to exchange is not active. */
  | { readonly kind: 'inactive'; readonly reason: InactiveReason }

/** Exchanges tokens. */
export interface TokenExchanger {
  exchange(request: ExchangeRequest): Promise<IssuedTokens | ExchangeRefusal>
}

const exchangeToken = defineScript('exchange-token', {
  keys: 'head token clients index',
  args: 'base tokenHash tokenLifetimeS authorization contexts assumedRoles originHash originGrant',
  replies: {
    issued: 'issuedUs expiresAt',
    'unknown expired revoked suspended client client-gone': '',
  },
})

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
      const reply = await exchangeToken(run, {
        head: at.head,
        token: at.token(hash),
        clients: at.clients,
        index: at.index(sub),
        base: at.base,
        tokenHash: hash,
        tokenLifetimeS: accessTokenLifetimeSeconds,
        authorization: encodeAuthorization(authorization),
        contexts: view?.contexts.join(' ') ?? '',
        assumedRoles: view?.assumed.join(' ') ?? '',
        originHash: origin.hash,
        originGrant: origin.grant,
      })
      if (reply.outcome === 'client-gone') return { kind: 'client-gone' }
      if (reply.outcome !== 'issued') return { kind: 'inactive', reason: reply.outcome }
      return {
        kind: 'issued',
        accessToken,
        refreshToken: undefined,
        issuedAt: Math.floor(Number(reply.issuedUs) / 1e6),
        expiresAt: Number(reply.expiresAt),
        ...partitions.idsOf({ partition, grant, hash }),
        sid: session === '' ? undefined : partitions.toPublicId(partition, session),
      }
    },
  }
}
