/** One revocation as an operator requests it: its target, its forecast, its execution, its record. */
import { z } from 'zod'
import type { Change } from '../../../http/audit/audit-trail.ts'
import { ProblemError } from '../../../http/errors/problem.ts'
import type { IssueSpan } from '../../../store/grants/issue-span.ts'
import type { RevocationOutcome } from '../../../store/revocations/revoke.ts'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
import type { Store } from '../../../store/store.ts'
import { clientId, numericDate, sub, text } from '../../values/fields.ts'

const members = {
  token: z.string().min(1).max(4_096).optional(),
  jti: text.optional(),
  grant: text.optional(),
  session: text.optional(),
  subject: sub.optional(),
  client: clientId.optional(),
  all: z.literal(true).optional(),
  issued_after: numericDate.optional(),
  issued_before: numericDate.optional(),
  reason: text.optional(),
}

/** The schema of a requested revocation, with further members. */
export function revocationBodyWith<More extends z.ZodRawShape>(more: More) {
  return z.strictObject({ ...members, ...more }).superRefine((body, context) => {
    const { issued_after, issued_before } = body as RevocationBody
    if (issued_after === undefined || issued_before === undefined) return
    if (issued_after < issued_before) return
    const message = 'must be earlier than issued_before'
    context.addIssue({ code: 'custom', path: ['issued_after'], message })
  })
}

/** The schema of a requested revocation. */
export const revocationBody = revocationBodyWith({})

/** A requested revocation. */
export type RevocationBody = z.output<z.ZodObject<typeof members>>

/** The result of a revocation, or its forecast. */
export interface RevocationAnswer {
  /** Null for a dry run. */
  readonly id: string | null
  /** What was issued until then is not revoked; epoch seconds. */
  readonly issued_after?: number
  /** Epoch seconds. */
  readonly cutoff: number
  /** The number of live grants; null if they were not counted. */
  readonly affected: number | null
  /** The subject of a revoked token, grant or session; for the record alone. */
  readonly sub?: string
}

function notFound(): ProblemError {
  return new ProblemError(
    'not-found',
    'Nothing live was found under this name. It may have expired, or was never issued.',
  )
}

/**
 * Finds the target of a revocation.
 *
 * @throws {ProblemError} 422 unless exactly one target is named, 404 when it does not exist
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

// A refresh token means its grant: revoking the token alone would leave the tokens it minted active.
async function targetOfToken(store: Store, text: string): Promise<RevocationTarget> {
  const token = await store.locate(text)
  if (token === undefined) throw notFound()
  const { jti, grantId } = store.idsOf(token)
  return token.kind === 'access' ? { level: 'token', jti } : { level: 'grant', grantId }
}

/** The members that name a target in records and answers. */
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
  body: RevocationBody,
): Promise<RevocationAnswer> {
  const outcome = await store.revocations.forecast(target, spanOf(body))
  if (outcome.kind !== 'forecast') throw refusal(outcome.kind)
  return { id: null, ...afterOf(body), cutoff: outcome.cutoffUs / 1e6, affected: outcome.affected }
}

/** @throws {ProblemError} 422 or 404 */
export async function carryOut(
  store: Store,
  target: RevocationTarget,
  body: RevocationBody,
  by: string,
): Promise<RevocationAnswer> {
  const outcome = await store.revocations.revoke(target, {
    by,
    reason: body.reason,
    ...spanOf(body),
  })
  if (outcome.kind !== 'revoked') throw refusal(outcome.kind)
  const { id, cutoffUs, affected = null, sub } = outcome
  const whose = sub === undefined ? {} : { sub }
  return { id, ...afterOf(body), cutoff: cutoffUs / 1e6, affected, ...whose }
}

/** The span of issue times that is revoked. */
export function spanOf({ issued_after, issued_before }: RevocationBody): IssueSpan {
  return { issuedAfter: issued_after, issuedBefore: issued_before }
}

function afterOf({ issued_after }: RevocationBody): Pick<RevocationAnswer, 'issued_after'> {
  return issued_after === undefined ? {} : { issued_after }
}

function refusal(kind: Exclude<RevocationOutcome['kind'], 'revoked'>): ProblemError {
  switch (kind) {
    case 'future':
      return new ProblemError(
        'unprocessable',
        'The time issued_before or issued_after is in the future.',
      )
    case 'too-many-spans':
      return new ProblemError(
        'conflict',
        'This target already has too many separate revoked spans of time. Revoke without issued_after, or revoke the time between two spans to join them.',
      )
    case 'unknown':
    case 'foreign':
      return notFound()
  }
}

/** The record of a revocation. */
export function toChange(
  target: RevocationTarget,
  { reason, issued_after }: RevocationBody,
  { id, affected, cutoff, sub }: RevocationAnswer,
): Change {
  return {
    action: id === null ? 'revocation.forecast' : 'revocation.create',
    ...(sub === undefined ? {} : { subject: sub }),
    ...('sub' in target ? { subject: target.sub } : {}),
    ...('clientId' in target ? { client: target.clientId } : {}),
    ...(reason === undefined ? {} : { reason }),
    target: {
      ...namesOf(target),
      ...(issued_after === undefined ? {} : { issued_after }),
      cutoff,
      ...(id === null ? {} : { revocation: id }),
      ...(affected === null ? {} : { affected }),
    },
  }
}
