/** One revocation as an operator asks for it: what is named, what it would come to, carrying it out, its record. */
import { z } from 'zod'
import type { Change } from '../../http/audit-trail.ts'
import { ProblemError } from '../../http/problem.ts'
import type { RevocationTarget } from '../../store/revocation-target.ts'
import type { Store } from '../../store/store.ts'
import { clientId, numericDate, sub, text } from './fields.ts'

/** A revocation as it is asked for. */
export const revocationBody = z.strictObject({
  token: z.string().min(1).max(4_096).optional(),
  jti: text.optional(),
  grant: text.optional(),
  session: text.optional(),
  subject: sub.optional(),
  client: clientId.optional(),
  all: z.literal(true).optional(),
  issued_before: numericDate.optional(),
  reason: text.optional(),
})

/** The same, read. */
export type RevocationBody = z.output<typeof revocationBody>

/** What one revocation came to, or would. */
export interface RevocationAnswer {
  /** Null for a dry run. */
  readonly id: string | null
  /** Epoch seconds. */
  readonly cutoff: number
  /** Live grants; null where they were not counted. */
  readonly affected: number | null
}

function nothingThere(): ProblemError {
  return new ProblemError(
    'not-found',
    'Nothing live has this name: it has expired, or was never issued.',
  )
}

/**
 * Finds what is meant.
 *
 * @throws {ProblemError} 422 unless exactly one thing is named, 404 when there is no such thing
 */
export async function toTarget(store: Store, body: RevocationBody): Promise<RevocationTarget> {
  const { token, jti, grant, session, subject, client, all } = body
  const named = [token, jti, grant, session, subject ?? client, all].filter(
    (name) => name !== undefined,
  )
  if (named.length !== 1) {
    throw new ProblemError(
      'unprocessable',
      'Name exactly one of token, jti, grant, session, subject, client, subject with client, or all.',
    )
  }
  if (client !== undefined && (await store.clients.get(client)) === undefined) {
    throw new ProblemError('not-found', 'No client of this id is registered.')
  }
  if (token !== undefined) return targetOfToken(store, token)
  if (jti !== undefined) return { level: 'token', jti }
  if (grant !== undefined) return { level: 'grant', grantId: grant }
  if (session !== undefined) return { level: 'session', sid: session }
  if (subject === undefined)
    return client === undefined ? { level: 'all' } : { level: 'client', clientId: client }
  return client === undefined
    ? { level: 'subject', sub: subject }
    : { level: 'subject+client', sub: subject, clientId: client }
}

// A refresh token stands for its grant: taking back the string alone would leave what it minted alive.
async function targetOfToken(store: Store, text: string): Promise<RevocationTarget> {
  const token = await store.locate(text)
  if (token === undefined) throw nothingThere()
  const { jti, grantId } = store.idsOf(token)
  return token.kind === 'access' ? { level: 'token', jti } : { level: 'grant', grantId }
}

/** What names a target in records and answers. */
export function namesOf(target: RevocationTarget) {
  return {
    level: target.level,
    ...('jti' in target ? { jti: target.jti } : {}),
    ...('grantId' in target ? { grant: target.grantId } : {}),
    ...('sid' in target ? { session: target.sid } : {}),
  }
}

/** @throws {ProblemError} 422 or 404 */
export async function forecast(
  store: Store,
  target: RevocationTarget,
  { issued_before }: RevocationBody,
): Promise<RevocationAnswer> {
  const outcome = await store.revocations.forecast(target, issued_before)
  if (outcome.kind !== 'forecast') throw refusal(outcome.kind)
  return { id: null, cutoff: outcome.cutoffUs / 1e6, affected: outcome.affected }
}

/** @throws {ProblemError} 422 or 404 */
export async function carryOut(
  store: Store,
  target: RevocationTarget,
  { issued_before: issuedBefore, reason }: RevocationBody,
  by: string,
): Promise<RevocationAnswer> {
  const outcome = await store.revocations.revoke(target, { by, reason, issuedBefore })
  if (outcome.kind !== 'revoked') throw refusal(outcome.kind)
  const { id, cutoffUs, affected = null } = outcome
  return { id, cutoff: cutoffUs / 1e6, affected }
}

function refusal(kind: 'future' | 'unknown' | 'foreign'): ProblemError {
  return kind === 'future'
    ? new ProblemError('unprocessable', 'The time issued_before lies in the future.')
    : nothingThere()
}

/** The record of a revocation. */
export function toChange(
  target: RevocationTarget,
  { reason }: RevocationBody,
  { id, affected, cutoff }: RevocationAnswer,
): Change {
  return {
    action: id === null ? 'revocation.forecast' : 'revocation.create',
    ...('sub' in target ? { subject: target.sub } : {}),
    ...('clientId' in target ? { client: target.clientId } : {}),
    ...(reason === undefined ? {} : { reason }),
    target: {
      ...namesOf(target),
      cutoff,
      ...(id === null ? {} : { revocation: id }),
      ...(affected === null ? {} : { affected }),
    },
  }
}
