/**
 * Turns the state of a token into the RFC 7662 answer for one caller. Pure. Every token that is not active for this caller
 * gets the same inactive answer; the reason is returned beside it and reaches operators only.
 */
import type { ActiveToken, FreshnessStamp } from '../client/src/wire/index.ts'
import type { ActiveState, InactiveReason, TokenState } from '../store/grants/introspect.ts'
import type { Client } from '../store/registry/clients.ts'
import type { Claims } from '../store/registry/subjects.ts'

/** The answer for every token that is not active for this caller: the same bytes, whatever the reason. */
const INACTIVE_JSON = '{"active":false}'

/** An answer, and what the service needs to know about it. */
export interface Answer {
  readonly json: string
  /** The position the answer was read at; undefined for an inactive answer. */
  readonly stamp: FreshnessStamp | undefined
  /** `active`, or why the token is inactive: for metrics and the audit, never for the caller. */
  readonly outcome: 'active' | InactiveReason | 'audience'
}

/** Makes the answer for `caller`, which must have been authorized. */
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

/** Whether the token is meant for the caller. For other resource servers it is inactive (RFC 7662 §4). */
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
  // The answer is spread again after the claims, so that no claim can replace a member of it.
  return isEmpty(claims) ? answer : { ...answer, ...claims, ...answer }
}

function isEmpty(claims: Claims): boolean {
  for (const _ in claims) return false
  return true
}
