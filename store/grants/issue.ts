/**
 * Issuing: access tokens, and grants that can mint more. Every check that decides about an issue (client enabled,
 * subject not suspended, session alive, resource registered) is made by the script at the moment of issue.
 */
import type { TokenKind } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { hashToken } from '../mint/token.ts'
import { unknownReply } from '../redis/script-runner.ts'
import type { SessionDevice } from './live-grants.ts'
import { type Authorization, encodeAuthorization } from './records.ts'

/** What to issue. Lifetimes in seconds. */
export interface IssueRequest {
  readonly authorization: Omit<Authorization, 'session'>
  /** Whose subject it is: a `user`, or the `client` itself. */
  readonly subjectKind: 'user' | 'client'
  /** The login it belongs to: none, a new one, or one that exists (local id). */
  readonly session:
    | { readonly mode: 'none' }
    | { readonly mode: 'new'; readonly device: SessionDevice }
    | { readonly mode: 'join'; readonly sid: string }
  readonly accessTokenLifetimeSeconds: number
  /**
   * Fingerprint of the registration the client was proved by, if that was not read for this request: nothing is issued
   * unless it stands at the moment of issue.
   */
  readonly provedBy?: string
  /** Present when a refresh token is wanted. */
  readonly refresh?: { readonly lifetime: number; readonly idleLifetimeSeconds: number }
}

/** What was issued. Times in epoch seconds; ids are public ones. */
export interface IssuedTokens {
  readonly kind: 'issued'
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
  readonly jti: string
  readonly grantId: string
  readonly sid: string | undefined
}

/** Why nothing was issued. */
export type IssueRefusal =
  | { readonly kind: 'client-gone' }
  /** Another registration stands than the one the client was proved by. */
  | { readonly kind: 'client-changed' }
  | { readonly kind: 'subject-suspended' }
  /** A user may not carry the name of a client: a resource server could not tell them apart (RFC 9700 §4.15). */
  | { readonly kind: 'subject-is-client' }
  | { readonly kind: 'unknown-target'; readonly resource: string }
  | { readonly kind: 'session-unknown' }
  | { readonly kind: 'session-foreign' }
  /** The session, its subject or client was cut off since the login. */
  | { readonly kind: 'session-void' }

/** Issues tokens. */
export interface TokenIssuer {
  issue(request: IssueRequest): Promise<IssuedTokens | IssueRefusal>
}

/** Makes the issuer of a store; `selfResources` need no registration (the issuer itself). */
export function createTokenIssuer(
  context: StoreContext,
  selfResources: readonly string[],
): TokenIssuer {
  const { keys, partitions, run, mint } = context

  function locateSession(request: IssueRequest, partition: number): string | undefined {
    if (request.session.mode === 'none') return ''
    if (request.session.mode === 'new') return partitions.newLocalId()
    const located = partitions.parsePublicId(request.session.sid)
    return located?.partition === partition && located.hash === '' ? located.local : undefined
  }

  return {
    async issue(request) {
      const { sub, aud, clientId } = request.authorization
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
      const [outcome, ...rest] = await run(
        'issue-token',
        [
          at.head,
          grant === '' ? at.token(hash) : at.tokens(grant),
          at.clients,
          at.subject(sub),
          at.index(sub),
          at.session(session),
          at.grant(grant),
        ],
        [
          at.base,
          hash,
          request.accessTokenLifetimeSeconds,
          encodeAuthorization({ ...request.authorization, session }),
          grant,
          refreshToken === undefined ? '' : hashToken(refreshToken),
          request.refresh?.lifetime ?? 0,
          request.refresh?.idleLifetimeSeconds ?? 0,
          request.session.mode,
          request.session.mode === 'new' ? JSON.stringify(request.session.device) : '',
          request.subjectKind,
          request.provedBy ?? '',
          ...aud.filter((resource) => !selfResources.includes(resource)),
        ],
      )
      switch (outcome as IssueRefusal['kind'] | 'issued') {
        case 'issued': {
          return {
            kind: 'issued',
            accessToken,
            refreshToken,
            issuedAt: Math.floor(Number(rest[0]) / 1e6),
            expiresAt: Number(rest[1]),
            ...partitions.idsOf({ partition, grant, hash }),
            sid: session === '' ? undefined : partitions.toPublicId(partition, session),
          }
        }
        case 'unknown-target':
          return { kind: 'unknown-target', resource: rest[0] as string }
        case 'client-gone':
        case 'client-changed':
        case 'subject-suspended':
        case 'subject-is-client':
        case 'session-unknown':
        case 'session-foreign':
        case 'session-void':
          return { kind: outcome as Exclude<IssueRefusal['kind'], 'unknown-target'> }
        default:
          throw unknownReply('issue-token', `${outcome} for ${clientId}`)
      }
    },
  }
}
