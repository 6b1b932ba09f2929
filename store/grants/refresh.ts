/**
 * Refresh rotation (RFC 9700 §4.14.2). Of any number of parallel uses of one refresh token one rotates it; the others
 * within the grace are handed the same successor; any later use of a rotated token voids the grant.
 */
import { eventInput, type StoreContext } from '../context.ts'
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
  keys: 'head log grant successor tokens clients cutoff',
  args: `base grantId presentedHash callerId nextRefreshHash nextTokenHash tokenLifetimeS
    idleLifetimeS scope aud narrowing sealedSuccessor graceMs cutoffDetails event
    logRetentionMs channel expectedFingerprint`,
  replies: {
    rotated: 'issuedUs expiresAt grantRecord',
    retry: 'sealedSuccessor nowUs tokenRecord grantRecord',
    'reused unknown foreign expired revoked suspended client-gone client-changed': '',
  },
})

/** Makes the refresher of a store. */
export function createGrantRefresher(context: StoreContext): GrantRefresher {
  const { keys, run, mint, tokenKeys } = context
  return {
    async read(token) {
      const at = keys.partition(token.partition)
      const [grant] = await readRecord(run, at.grant(token.grant))
      return grant === null || grant === undefined ? undefined : decodeGrant(grant)
    },

    async refresh(request) {
      const sealing = tokenKeys.get(request.token.keyId) as TokenKey // it has authenticated the token
      const successor: Successor = {
        keyId: tokenKeys.minting.id,
        refreshRandom: mint.random(),
        accessRandom: mint.random(),
      }
      const next = writeSuccessor(context, request.token, successor)
      const reply = await refreshGrant(run, {
        ...inputOf(context, request),
        nextRefreshHash: hashToken(next.refreshToken),
        nextTokenHash: hashToken(next.accessToken),
        sealedSuccessor: sealSuccessor(sealing, request.presented, successor),
      })
      if (reply.outcome === 'retry') return toRetry(context, request, sealing, reply)
      if (reply.outcome !== 'rotated') return { kind: reply.outcome }
      const expiresAt = Number(reply.expiresAt)
      return {
        kind: 'refreshed',
        ...next,
        expiresAt,
        expiresIn: expiresAt - Math.floor(Number(reply.issuedUs) / 1e6),
        scope: request.narrowed?.scope ?? decodeGrant(reply.grantRecord).authorization.scope,
        retry: false,
      }
    },
  }
}

function inputOf(context: StoreContext, { token, clientId, narrowed, ...request }: RefreshRequest) {
  const at = context.keys.partition(token.partition)
  const grantId = context.partitions.toPublicId(token.partition, token.grant)
  return {
    ...eventInput(context, at),
    grant: at.grant(token.grant),
    successor: at.successor(token.grant),
    tokens: at.tokens(token.grant),
    clients: at.clients,
    cutoff: at.cutoff.grant(token.grant),
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
    expectedFingerprint: request.provedBy ?? '',
  }
}

type RetryReply = Extract<Awaited<ReturnType<typeof refreshGrant>>, { outcome: 'retry' }>

function toRetry(
  context: StoreContext,
  { token, presented }: RefreshRequest,
  sealing: TokenKey,
  { sealedSuccessor, nowUs, tokenRecord, grantRecord }: RetryReply,
): RefreshOutcome {
  const successor = openSuccessor(sealing, presented, sealedSuccessor)
  // Then this node is behind in a key rotation; the token is good.
  if (context.tokenKeys.get(successor.keyId) === undefined) {
    throw new StoreUnavailableError(`this node lacks the token key "${successor.keyId}"`)
  }
  const { expiresAt, authorization } = decodeGrantedToken(tokenRecord, grantRecord)
  return {
    kind: 'refreshed',
    ...writeSuccessor(context, token, successor),
    expiresAt,
    expiresIn: Math.max(0, expiresAt - Math.floor(Number(nowUs) / 1e6)),
    scope: authorization.scope,
    retry: true,
  }
}

function writeSuccessor(
  { mint }: StoreContext,
  { partition, grant }: ParsedToken,
  { keyId, accessRandom, refreshRandom }: Successor,
) {
  const common = { partition, grant, keyId }
  return {
    accessToken: mint.write({ ...common, kind: 'access', random: accessRandom }),
    refreshToken: mint.write({ ...common, kind: 'refresh', random: refreshRandom }),
  }
}
