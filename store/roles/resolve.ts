/**
 * Resolves the assignments of a subject to the roles and permissions of an answer, by context. Pure. A role that the schema
 * lacks is dormant: it resolves to nothing until the schema has it again.
 *
 * A token may be limited to a view (RFC 8693): some contexts, and perhaps an assumed role in place of the held ones. Each
 * time, the current assignments and the current schema decide whether the role may be assumed.
 */
import type { ActiveToken } from '../../client/src/wire/index.ts'

/** What a role allows. */
export interface RoleDefinition {
  readonly description?: string
  readonly permissions: readonly string[]
  /** Roles that a holder of this role may assume in its place. */
  readonly assumable: readonly string[]
}

/** All roles by name. */
export type RoleDefinitions = Readonly<Record<string, RoleDefinition>>

/** A schema prepared for resolving. */
export interface CompiledRoleSchema {
  has(role: string): boolean
  /** The permissions of all the roles, each once, sorted. */
  permissionsOf(roles: readonly string[]): readonly string[]
  /** Whether a holder of these roles may assume another role. */
  mayAssume(held: readonly string[], role: string): boolean
}

/** The contexts and roles a token is limited to. */
export interface View {
  /** Never empty. */
  readonly contexts: readonly string[]
  /** Roles assumed one after the other; empty means the held roles. */
  readonly assumed: readonly string[]
}

/** The contexts asked for: `all` (as many as fit an answer), or these. */
export type ContextQuestion = 'all' | readonly string[]

/** The roles a subject holds, as far as they were read. */
export interface HeldRoles {
  /** One line `<context> <role>` per role. */
  readonly lines: string
  /** Whether all roles were read. */
  readonly isComplete: boolean
}

/** The members of an answer about roles. */
export type ResolvedRoles = Required<
  Pick<ActiveToken, 'roles' | 'context_roles' | 'context_roles_complete' | 'permissions'>
>

/** The context of roles that hold everywhere. */
export const EVERYWHERE = '*'

const NO_ROLES: readonly string[] = []
/** Most roles and permissions in an answer to `all`; above it, contexts must be named. */
const MAX_FACTS_FOR_ALL = 5_000
/** Subjects often share the same set of roles; above this number of sets the memory is cleared. */
const REMEMBERED_SETS = 1_000

/** Prepares a schema. */
export function compileRoleSchema(definitions: RoleDefinitions): CompiledRoleSchema {
  const roles = new Map(Object.entries(definitions))
  const remembered = new Map<string, readonly string[]>()

  return {
    has: (role) => roles.has(role),

    permissionsOf(held) {
      const key = held.join(' ')
      const known = remembered.get(key)
      if (known !== undefined) return known
      const permissions = new Set(held.flatMap((role) => roles.get(role)?.permissions ?? NO_ROLES))
      const sorted = [...permissions].sort()
      if (remembered.size >= REMEMBERED_SETS) remembered.clear()
      remembered.set(key, sorted)
      return sorted
    },

    mayAssume: (held, role) =>
      roles.has(role) && held.some((one) => roles.get(one)?.assumable.includes(role) === true),
  }
}

/**
 * Resolves held roles, for a token with or without a view. An answer about named contexts is never marked as complete: a
 * change in another context would make that wrong without an event for the answer.
 */
export function resolveRoles(
  held: HeldRoles,
  asked: ContextQuestion,
  schema: CompiledRoleSchema,
  view?: View,
): ResolvedRoles {
  const byContext = parseHeld(held.lines, schema)
  const everywhere = byContext.get(EVERYWHERE) ?? NO_ROLES
  if (view !== undefined) return throughView(byContext, everywhere, asked, schema, view)
  const contexts = asked === 'all' ? [...byContext.keys()] : asked
  const pairs = contexts
    .filter((context) => context !== EVERYWHERE)
    .map((context) => [context, byContext.get(context) ?? NO_ROLES] as const)
  const facts = toFacts(everywhere, pairs, asked === 'all' && held.isComplete, schema)
  const isTooMuch = asked === 'all' && sizeOf(facts) > MAX_FACTS_FOR_ALL
  return isTooMuch ? toFacts(everywhere, [], false, schema) : facts
}

/** How many roles and permissions an answer names. */
function sizeOf({ context_roles, permissions }: ResolvedRoles): number {
  const lists = [...Object.values(context_roles), ...Object.values(permissions)]
  return lists.reduce((sum, list) => sum + list.length, 0)
}

function throughView(
  byContext: ReadonlyMap<string, readonly string[]>,
  everywhere: readonly string[],
  asked: ContextQuestion,
  schema: CompiledRoleSchema,
  { contexts, assumed }: View,
): ResolvedRoles {
  const seen = asked === 'all' ? contexts : asked.filter((context) => context !== EVERYWHERE)
  const pairs = seen.map((context) => {
    if (!contexts.includes(context)) return [context, NO_ROLES] as const
    const held = [...new Set([...everywhere, ...(byContext.get(context) ?? NO_ROLES)])].sort()
    return [context, assume(held, assumed, schema)] as const
  })
  return toFacts(NO_ROLES, pairs, asked === 'all', schema)
}

function assume(
  held: readonly string[],
  assumed: readonly string[],
  schema: CompiledRoleSchema,
): readonly string[] {
  let roles = held
  for (const role of assumed) roles = schema.mayAssume(roles, role) ? [role] : NO_ROLES
  return roles
}

function toFacts(
  roles: readonly string[],
  pairs: readonly (readonly [string, readonly string[]])[],
  isComplete: boolean,
  schema: CompiledRoleSchema,
): ResolvedRoles {
  const permissions = pairs.map(([context, held]) => [context, schema.permissionsOf(held)] as const)
  return {
    roles,
    context_roles: Object.fromEntries(pairs),
    context_roles_complete: isComplete,
    permissions: Object.fromEntries(
      roles.length === 0
        ? permissions
        : [[EVERYWHERE, schema.permissionsOf(roles)] as const, ...permissions],
    ),
  }
}

function parseHeld(lines: string, schema: CompiledRoleSchema): Map<string, string[]> {
  const byContext = new Map<string, string[]>()
  if (lines === '') return byContext
  for (const line of lines.split('\n')) {
    const [context = '', role = ''] = line.split(' ')
    if (!schema.has(role)) continue
    const roles = byContext.get(context)
    if (roles === undefined) byContext.set(context, [role])
    else roles.push(role)
  }
  return byContext
}
