/**
 * Issuing: access tokens, and grants that can mint more. Every check that decides about an issue (client enabled,
 * subject not suspended, session alive, resource registered) is made by the script at the moment of issue.
 */
import type { TokenKind } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { hashToken } from '../mint/token.ts'
import type { LocalId, PartitionNumber, PublicId } from '../partitions.ts'
import { defineScript } from '../redis/define-script.ts'
import type { SessionDevice } from './live-grants.ts'
import { type Authorization, encodeAuthorization } from './records.ts'

/** What to issue. */
export interface IssueRequest {
  readonly authorization: Omit<Authorization, 'session'>
  /** Whose subject it is: a `user`, or the `client` itself. */
  readonly subjectKind: 'user' | 'client'
  /** The login it belongs to: none, a new one, or one that exists. */
  readonly session:
    | { readonly mode: 'none' }
    | { readonly mode: 'new'; readonly device: SessionDevice }
    | { readonly mode: 'join'; readonly sid: PublicId }
  readonly accessTokenLifetimeSeconds: number
  /**
   * Fingerprint of the registration the client was authenticated against, if it was not read for this request. Nothing is
   * issued unless it is still the current one at the moment of issue.
   */
  readonly provedBy?: string
  /** Present when a refresh token is wanted. */
  readonly refresh?: { readonly lifetimeSeconds: number; readonly idleLifetimeSeconds: number }
}

/** What was issued. Times in epoch seconds. */
export interface IssuedTokens {
  readonly kind: 'issued'
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
  readonly jti: PublicId
  readonly grantId: PublicId
  readonly sid: PublicId | undefined
}

/** Why nothing was issued. */
export type IssueRefusal =
  | { readonly kind: 'client-gone' }
  /** The registration is not the one the client was authenticated against. */
  | { readonly kind: 'client-changed' }
  | { readonly kind: 'subject-suspended' }
  /** A user must not have the name of a client: a resource server could not distinguish them (RFC 9700 §4.15). */
  | { readonly kind: 'subject-is-client' }
  | { readonly kind: 'unknown-target'; readonly resource: string }
  | { readonly kind: 'session-unknown' }
  | { readonly kind: 'session-foreign' }
  /** The session or its subject was revoked since the login. */
  | { readonly kind: 'session-void' }

/** Issues tokens. */
export interface TokenIssuer {
  issue(request: IssueRequest): Promise<IssuedTokens | IssueRefusal>
}

const issueToken = defineScript('issue-token', {
  keys: 'head token clients subject index session grant',
  args: `base tokenHash tokenLifetimeS authorization grantId refreshHash grantLifetimeS
    idleLifetimeS sessionMode sessionDetails subjectKind expectedFingerprint ...resources`,
  replies: {
    issued: 'issuedUs expiresAt',
    'client-gone client-changed subject-suspended subject-is-client session-unknown session-foreign session-void':
      '',
    'unknown-target': 'resource',
  },
})

/** Makes the issuer of a store; `selfResources` need no registration (the issuer itself). */
export function createTokenIssuer(
  context: StoreContext,
  selfResources: readonly string[],
): TokenIssuer {
  const { keys, partitions, run, mint } = context

  function locateSession(request: IssueRequest, partition: PartitionNumber): LocalId | undefined {
    if (request.session.mode === 'none') return ''
    if (request.session.mode === 'new') return partitions.newLocalId()
    const located = partitions.parsePublicId(request.session.sid)
    return located?.partition === partition && located.hash === '' ? located.local : undefined
  }

  return {
    async issue(request) {
      const { sub, aud } = request.authorization
      const partition = partitions.of(sub)
      const session = locateSession(request, partition)
      if (session === undefined) return { kind: 'session-unknown' }

      const grant = request.refresh === undefined ? '' : partitions.newLocalId()
      const write = (kind: TokenKind) =>
        mint.write({ kind, partition, grant, random: mint.random() })
      const accessToken = write('access')
      const refreshToken = request.refresh === undefined ? undefined : write('refresh')
      const hash = hashToken(accessToken)
      const at = keys.partition(partition)
      const reply = await issueToken(run, {
        head: at.head,
        token: grant === '' ? at.token(hash) : at.tokens(grant),
        clients: at.clients,
        subject: at.subject(sub),
        index: at.index(sub),
        session: at.session(session),
        grant: at.grant(grant),
        base: at.base,
        tokenHash: hash,
        tokenLifetimeS: request.accessTokenLifetimeSeconds,
        authorization: encodeAuthorization({ ...request.authorization, session }),
        grantId: grant,
        refreshHash: refreshToken === undefined ? '' : hashToken(refreshToken),
        grantLifetimeS: request.refresh?.lifetimeSeconds ?? 0,
        idleLifetimeS: request.refresh?.idleLifetimeSeconds ?? 0,
        sessionMode: request.session.mode,
        sessionDetails:
          request.session.mode === 'new' ? JSON.stringify(request.session.device) : '',
        subjectKind: request.subjectKind,
        expectedFingerprint: request.provedBy ?? '',
        resources: aud.filter((resource) => !selfResources.includes(resource)),
      })
      if (reply.outcome === 'unknown-target') {
        return { kind: 'unknown-target', resource: reply.resource }
      }
      if (reply.outcome !== 'issued') return { kind: reply.outcome }
      return {
        kind: 'issued',
        accessToken,
        refreshToken,
        issuedAt: Math.floor(Number(reply.issuedUs) / 1e6),
        expiresAt: Number(reply.expiresAt),
        ...partitions.idsOf({ partition, grant, hash }),
        sid: session === '' ? undefined : partitions.toPublicId(partition, session),
      }
    },
  }
}
