/**
 * Refresh rotation (RFC 9700 §4.14.2). Of any number of parallel uses of one refresh token one rotates it; the others
 * within the grace are handed the same successor; any later use of a rotated token voids the grant.
 */
import type { StoreContext } from '../context.ts'
import { StoreUnavailableError } from '../errors.ts'
import type { TokenKey } from '../mint/key-ring.ts'
import { openSuccessor, type Successor, sealSuccessor } from '../mint/successor.ts'
import { hashToken, type ParsedToken } from '../mint/token.ts'
import { readRecord, unknownReply } from '../redis/script-runner.ts'
import { decodeGrant, decodeGrantedToken, type GrantRecord } from './records.ts'

/** What a refresh asks for. Lifetimes in seconds. */
export interface RefreshRequest {
  /** The text presented; needed to seal and open the successor. */
  readonly presented: string
  readonly token: ParsedToken
  readonly clientId: string
  readonly accessTokenLifetimeSeconds: number
  readonly idleLifetimeSeconds: number
  /**
   * Fingerprint of the registration the client was proved by, if that was not read for this request: nothing happens unless
   * it stands at the moment of the refresh.
   */
  readonly provedBy?: string
  /** Narrower than the grant, for this access token only (RFC 6749 §6, RFC 8707 §2.2). */
  readonly narrowed?: { readonly scope: string; readonly aud: readonly string[] }
}

/** What a refresh comes to. */
export type RefreshOutcome =
  | {
      readonly kind: 'refreshed'
      readonly accessToken: string
      readonly refreshToken: string
      readonly expiresAt: number
      /** What remains of the access token's life, in seconds. */
      readonly expiresIn: number
      readonly scope: string
      /** Whether the same successor had been handed out before. */
      readonly retry: boolean
    }
  /** The grant is void now: a rotated token was used again. */
  | { readonly kind: 'reused' }
  | {
      readonly kind:
        | 'unknown'
        | 'foreign'
        | 'expired'
        | 'revoked'
        | 'suspended'
        | 'client-gone'
        /** Another registration stands than the one the client was proved by. */
        | 'client-changed'
    }

/** Refreshes grants. */
export interface GrantRefresher {
  /** Authorizations never change, so what is read here may be checked before the rotation. */
  read(token: ParsedToken): Promise<GrantRecord | undefined>
  refresh(request: RefreshRequest): Promise<RefreshOutcome>
}

/** Makes the refresher of a store. */
export function createGrantRefresher(context: StoreContext): GrantRefresher {
  const { keys, partitions, run, mint, tokenKeys } = context

  return {
    async read(token) {
      const at = keys.partition(token.partition)
      const [grant] = await readRecord(run, at.grant(token.grant))
      return grant === null || grant === undefined ? undefined : decodeGrant(grant)
    },

    async refresh(request) {
      const { token, presented } = request
      const at = keys.partition(token.partition)
      const sealing = tokenKeys.get(token.keyId) as TokenKey
      const successor: Successor = {
        keyId: tokenKeys.minting.id,
        refreshRandom: mint.random(),
        accessRandom: mint.random(),
      }
      const next = writeSuccessor(token, successor)
      const nextHash = hashToken(next.accessToken)
      const [outcome, ...rest] = await run(
        'refresh-grant',
        [
          at.head,
          at.log,
          at.grant(token.grant),
          at.successor(token.grant),
          at.tokens(token.grant),
          at.clients,
          at.cutoff.grant(token.grant),
        ],
        [
          at.base,
          token.grant,
          token.hash,
          request.clientId,
          hashToken(next.refreshToken),
          nextHash,
          request.accessTokenLifetimeSeconds,
          request.idleLifetimeSeconds,
          request.narrowed?.scope ?? '',
          request.narrowed?.aud.join(' ') ?? '',
          request.narrowed === undefined ? '' : 'narrowed',
          sealSuccessor(sealing, presented, successor),
          context.refreshGraceMs,
          JSON.stringify({ by: request.clientId, reason: 'refresh token reuse' }),
          JSON.stringify({
            type: 'grant',
            grant_id: partitions.toPublicId(token.partition, token.grant),
          }),
          context.logRetentionMs,
          keys.channel,
          request.provedBy ?? '',
        ],
      )
      switch (outcome) {
        case 'rotated': {
          const [issuedUs, expiresAt, grantRecord] = rest as [string, string, string]
          return {
            kind: 'refreshed',
            ...next,
            expiresAt: Number(expiresAt),
            expiresIn: Number(expiresAt) - Math.floor(Number(issuedUs) / 1e6),
            scope: request.narrowed?.scope ?? decodeGrant(grantRecord).authorization.scope,
            retry: false,
          }
        }
        case 'retry': {
          const [sealed, nowUs, tokenRecord, grantRecord] = rest as [string, string, string, string]
          const record = decodeGrantedToken(tokenRecord, grantRecord)
          return {
            kind: 'refreshed',
            ...writeSuccessor(token, openKnown(sealing, presented, sealed)),
            expiresAt: record.expiresAt,
            expiresIn: Math.max(0, record.expiresAt - Math.floor(Number(nowUs) / 1e6)),
            scope: record.authorization.scope,
            retry: true,
          }
        }
        case 'reused':
        case 'unknown':
        case 'foreign':
        case 'expired':
        case 'revoked':
        case 'suspended':
        case 'client-gone':
        case 'client-changed':
          return { kind: outcome }
        default:
          throw unknownReply('refresh-grant', outcome)
      }
    },
  }

  // A retry may reach a node that is behind in a key rotation; that is an outage of this node, not of the token.
  function openKnown(sealing: TokenKey, presented: string, sealed: string): Successor {
    const successor = openSuccessor(sealing, presented, sealed)
    if (tokenKeys.get(successor.keyId) !== undefined) return successor
    throw new StoreUnavailableError(`this node lacks the token key "${successor.keyId}"`)
  }

  function writeSuccessor({ partition, grant }: ParsedToken, successor: Successor) {
    const { keyId, accessRandom, refreshRandom } = successor
    const common = { partition, grant, keyId }
    return {
      accessToken: mint.write({ ...common, kind: 'access', random: accessRandom }),
      refreshToken: mint.write({ ...common, kind: 'refresh', random: refreshRandom }),
    }
  }
}
