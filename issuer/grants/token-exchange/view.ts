/**
 * Which of its subject's roles an exchanged token sees: never in more contexts than the subject token does, and there perhaps as
 * an assumed role instead of the roles that the subject holds.
 */
import { invalidRequest } from '../../../http/errors/oauth-error.ts'
import type { CompiledRoleSchema, ResolvedRoles, View } from '../../../store/roles/resolve.ts'
import type { ExchangeParameters } from './parameters.ts'

type RequestedView = Pick<ExchangeParameters, 'contexts' | 'role'>

/**
 * The view of the new token; `undefined` when it is not limited.
 *
 * @param current the view of the subject token
 * @throws {OAuthError} `invalid_request` for a context outside the current view: the subject token is unacceptable for it
 *   (RFC 8693 §2.2.2), and the codes for scope and target do not apply
 */
export function narrowView(
  { contexts, role }: RequestedView,
  current: View | undefined,
): View | undefined {
  if (contexts.length === 0) return current
  if (current !== undefined && !contexts.every((one) => current.contexts.includes(one))) {
    throw invalidRequest('the subject token does not reach into all of these contexts')
  }
  const assumed = current?.assumed ?? []
  return { contexts, assumed: role === undefined ? assumed : [...assumed, role] }
}

/**
 * Checks that the role may be assumed in each context, by a role that the subject token resolves to there or everywhere.
 *
 * @param facts what the subject token resolves to in these contexts, through its own view
 * @throws {OAuthError} `invalid_request` when one of the contexts does not allow it
 */
export function assertMayAssume(
  role: string,
  contexts: readonly string[],
  facts: ResolvedRoles,
  schema: CompiledRoleSchema,
): void {
  const mayAssume = contexts.every((context) =>
    schema.mayAssume([...facts.roles, ...(facts.context_roles[context] ?? [])], role),
  )
  if (!mayAssume) throw invalidRequest('this role may not be assumed there')
}
