/**
 * Turns the store's replies into decisions. Pure. A permission is granted when the subject holds it in `*`, in the context of
 * the resource or in one of its parents. Everything else is denied. A decision gives no reason, except for an error in the
 * request.
 */
import { OAuthError } from '../../http/errors/oauth-error.ts'
import type { Client } from '../../store/registry/clients.ts'
import { EVERYWHERE, type ResolvedRoles } from '../../store/roles/resolve.ts'
import { isAudience } from '../answer.ts'
import type { AccessRequest, Evaluation } from './evaluation-request.ts'
import type { Finding } from './inquiries.ts'

/** One answer (AuthZEN §5.5, §7.2.1). */
interface Decision {
  readonly decision: boolean
  readonly context?: { readonly error: { readonly status: number; readonly message: string } }
}

/** The answer to a request. */
type AccessAnswer = Decision | { readonly evaluations: readonly Decision[] }

const NO_PERMISSIONS: ResolvedRoles['permissions'] = Object.freeze({})

/** Makes the answer for an authorized caller; `findings` are in the order of the items. */
export function answerAccess(
  { items, batch }: AccessRequest,
  findings: readonly (Finding | undefined)[],
  caller: Client,
): AccessAnswer {
  const decisions = items.map((item, index) => decide(item, findings[index], caller))
  if (batch === undefined) return decisions[0] as Decision
  const last = decisions.findIndex(({ decision }) => decision === batch.lastDecision)
  return { evaluations: last === -1 ? decisions : decisions.slice(0, last + 1) }
}

function decide(
  item: Evaluation | OAuthError,
  finding: Finding | undefined,
  caller: Client,
): Decision {
  if (item instanceof OAuthError) {
    const { status, description: message } = item
    return { decision: false, context: { error: { status, message } } }
  }
  const permissions = permissionsFor(finding, caller)
  const isHeldIn = (context: string) =>
    Object.hasOwn(permissions, context) && permissions[context]?.includes(item.permission) === true
  return { decision: isHeldIn(EVERYWHERE) || item.contexts.some(isHeldIn) }
}

/** Whether the finding is about a token that is meant for other resource servers. */
export function isForeign(finding: Finding | undefined, caller: Client): boolean {
  return finding?.kind === 'active' && 'record' in finding && !isAudience(finding, caller)
}

function permissionsFor(
  finding: Finding | undefined,
  caller: Client,
): ResolvedRoles['permissions'] {
  if (finding?.kind !== 'active' || isForeign(finding, caller)) return NO_PERMISSIONS
  return finding.roles?.permissions ?? NO_PERMISSIONS
}
