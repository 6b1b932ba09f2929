/**
 * What an exchanged token sees of its subject's roles: never more contexts than the token it is exchanged for, and in them
 * perhaps one more role assumed in place of what is held.
 */
import { invalidRequest } from '../../../http/errors/oauth-error.ts'
import type { CompiledRoleSchema, ResolvedRoles, View } from '../../../store/roles/resolve.ts'
import type { ExchangeParameters } from './parameters.ts'

type Wishes = Pick<ExchangeParameters, 'contexts' | 'role'>

/**
 * The view of the new token; `undefined` when nothing limits it.
 *
 * @param current the view of the subject token
 * @throws {OAuthError} `invalid_request` for a context outside the current view: the subject token is unacceptable for it
 *   (RFC 8693 §2.2.2), and neither scope nor target is what exceeds
 */
export function narrowView(
  { contexts, role }: Wishes,
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
 * Sees to it that whoever assumes a role may: in each context, by a role the subject token resolves to there or everywhere.
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
