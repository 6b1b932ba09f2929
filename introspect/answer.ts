/**
 * From the state of a token to the RFC 7662 answer for one caller. Every doubt ends in the same inactive answer; the
 * reason is returned beside it, for operators only.
 */
import type { ActiveToken, FreshnessStamp } from '../client/src/wire/index.ts'
import type { ActiveState, InactiveReason, TokenState } from '../store/grants/introspect.ts'
import type { Client } from '../store/registry/clients.ts'
import type { Claims } from '../store/registry/subjects.ts'

/** The answer of every token that is not active for this caller, whatever the cause, byte for byte. */
export const INACTIVE_JSON = '{"active":false}'

/** What leaves, and what stays behind. */
export interface Answer {
  readonly json: string
  readonly stamp: FreshnessStamp | undefined
  /** For metrics and the debug log: `active`, or why not. */
  readonly outcome: 'active' | InactiveReason | 'audience'
}

/** Answers `caller`, who is authenticated and may introspect. */
export function answerFor(state: TokenState, caller: Client, issuer: string): Answer {
  if (state.kind === 'inactive') return inactive(state.reason)
  if (!isAudience(state, caller)) return inactive('audience')
  return {
    json: JSON.stringify(activeToken(state, issuer)),
    stamp: state.stamp,
    outcome: 'active',
  }
}

function inactive(outcome: Exclude<Answer['outcome'], 'active'>): Answer {
  return { json: INACTIVE_JSON, stamp: undefined, outcome }
}

/** RFC 7662 §4: a token limited to some resource servers is inactive for the others. */
export function isAudience(state: ActiveState, caller: Client): boolean {
  return state.record.authorization.aud.some((resource) =>
    caller.metadata.resources.includes(resource),
  )
}

function activeToken(
  { record, claims, jti, grantId, sid, roles, exchangedFrom }: ActiveState,
  issuer: string,
): ActiveToken {
  const { sub, clientId, scope, aud, login } = record.authorization
  const username = claims.username ?? claims.email
  const answer: ActiveToken = {
    active: true,
    iss: issuer,
    sub,
    client_id: clientId,
    ...(scope === '' ? {} : { scope }),
    aud,
    token_type: 'Bearer',
    iat: Math.floor(record.issuedAtUs / 1e6),
    exp: record.expiresAt,
    jti,
    grant_id: grantId,
    ...(sid === undefined ? {} : { sid }),
    ...(typeof username === 'string' ? { username } : {}),
    ...login,
    ...(exchangedFrom.length === 0 ? {} : { exchanged_from: exchangedFrom }),
    ...roles,
  }
  // None of the claims can stand in for a member of the answer.
  return isEmpty(claims) ? answer : { ...answer, ...claims, ...answer }
}

function isEmpty(claims: Claims): boolean {
  for (const _ in claims) return false
  return true
}
