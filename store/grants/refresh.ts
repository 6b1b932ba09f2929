/**
 * Refresh rotation (RFC 9700 §4.14.2). Of any number of parallel uses of one refresh token one rotates it; the others
 * within the grace are handed the same successor; any later use of a rotated token voids the grant.
 */
import type { StoreContext } from '../context.ts'
import { StoreUnavailableError } from '../errors.ts'
import type { TokenKey } from '../mint/key-ring.ts'
import { openSuccessor, type Successor, sealSuccessor } from '../mint/successor.ts'
import { hashToken, type ParsedToken } from '../mint/token.ts'
import { defineScript } from '../redis/define-script.ts'
import { readRecord } from '../redis/read-record.ts'
import { decodeGrant, decodeGrantedToken, type GrantRecord } from './records.ts'

/** What a refresh asks for. */
export interface RefreshRequest {
  /** The token itself; needed to seal and open the successor. */
  readonly presented: string
  readonly token: ParsedToken
  readonly clientId: string
  readonly accessTokenLifetimeSeconds: number
  readonly idleLifetimeSeconds: number
  /**
   * Fingerprint of the registration the client was authenticated against, if it was not read for this request. Nothing
   * happens unless it is still the current one at the moment of the refresh.
   */
  readonly provedBy?: string
  /** Narrower than the grant, for this access token only (RFC 6749 §6, RFC 8707 §2.2). */
  readonly narrowed?: { readonly scope: string; readonly aud: readonly string[] }
}

/** The outcome of a refresh. */
export type RefreshOutcome =
  | {
      readonly kind: 'refreshed'
      readonly accessToken: string
      readonly refreshToken: string
      readonly expiresAt: number
      /** What remains of the access token's life, in seconds. */
      readonly expiresIn: number
      readonly scope: string
      /** Whether the same successor was returned before. */
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
        /** The registration is not the one the client was authenticated against. */
        | 'client-changed'
    }

/** Refreshes grants. */
export interface GrantRefresher {
  /** The grant of a refresh token. Authorizations never change, so it may be checked before the rotation. */
  read(token: ParsedToken): Promise<GrantRecord | undefined>
  refresh(request: RefreshRequest): Promise<RefreshOutcome>
}

const refreshGrant = defineScript('refresh-grant', {
  keys: ['head', 'log', 'grant', 'successor', 'tokens', 'clients', 'cutoff'],
  args: [
    'base',
    'grantId',
    'presentedHash',
    'callerId',
    'nextRefreshHash',
    'nextTokenHash',
    'tokenLifetimeS',
    'idleLifetimeS',
    'scope',
    'aud',
    'narrowing',
    'sealedSuccessor',
    'graceMs',
    'cutoffDetails',
    'event',
    'logRetentionMs',
    'channel',
    'expectedFingerprint',
  ],
  replies: {
    rotated: ['issuedUs', 'expiresAt', 'grantRecord'],
    retry: ['sealedSuccessor', 'nowUs', 'tokenRecord', 'grantRecord'],
    reused: [],
    unknown: [],
    foreign: [],
    expired: [],
    revoked: [],
    suspended: [],
    'client-gone': [],
    'client-changed': [],
  },
})

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
      const sealing = tokenKeys.get(token.keyId) as TokenKey // it has authenticated the token
      const successor: Successor = {
        keyId: tokenKeys.minting.id,
        refreshRandom: mint.random(),
        accessRandom: mint.random(),
      }
      const next = writeSuccessor(token, successor)
      const sealed = sealSuccessor(sealing, presented, successor)
      const reply = await refreshGrant(run, {
        ...inputOf(request),
        ...hashesOf(next),
        sealedSuccessor: sealed,
      })
      if (reply.outcome === 'rotated') {
        const expiresAt = Number(reply.expiresAt)
        return {
          kind: 'refreshed',
          ...next,
          expiresAt,
          expiresIn: expiresAt - Math.floor(Number(reply.issuedUs) / 1e6),
          scope: request.narrowed?.scope ?? decodeGrant(reply.grantRecord).authorization.scope,
          retry: false,
        }
      }
      if (reply.outcome !== 'retry') return { kind: reply.outcome }
      const { expiresAt, authorization } = decodeGrantedToken(reply.tokenRecord, reply.grantRecord)
      return {
        kind: 'refreshed',
        ...writeSuccessor(token, openKnown(sealing, presented, reply.sealedSuccessor)),
        expiresAt,
        expiresIn: Math.max(0, expiresAt - Math.floor(Number(reply.nowUs) / 1e6)),
        scope: authorization.scope,
        retry: true,
      }
    },
  }

  function inputOf({ token, clientId, narrowed, ...request }: RefreshRequest) {
    const at = keys.partition(token.partition)
    const grantId = partitions.toPublicId(token.partition, token.grant)
    return {
      head: at.head,
      log: at.log,
      grant: at.grant(token.grant),
      successor: at.successor(token.grant),
      tokens: at.tokens(token.grant),
      clients: at.clients,
      cutoff: at.cutoff.grant(token.grant),
      base: at.base,
      grantId: token.grant,
      presentedHash: token.hash,
      callerId: clientId,
      tokenLifetimeS: request.accessTokenLifetimeSeconds,
      idleLifetimeS: request.idleLifetimeSeconds,
      scope: narrowed?.scope ?? '',
      aud: narrowed?.aud.join(' ') ?? '',
      narrowing: narrowed === undefined ? '' : 'narrowed',
      graceMs: context.refreshGraceMs,
      cutoffDetails: JSON.stringify({ by: clientId, reason: 'refresh token reuse' }),
      event: JSON.stringify({ type: 'grant', grant_id: grantId }),
      logRetentionMs: context.logRetentionMs,
      channel: keys.channel,
      expectedFingerprint: request.provedBy ?? '',
    }
  }

  // If this node is behind in a key rotation, the retry fails here; the token is good.
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

function hashesOf(next: { readonly accessToken: string; readonly refreshToken: string }) {
  return {
    nextRefreshHash: hashToken(next.refreshToken),
    nextTokenHash: hashToken(next.accessToken),
  }
}
