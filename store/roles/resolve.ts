/**
 * From what a subject holds to what a token resolves to: roles by context, and what they allow. Pure. A role the schema
 * does not have is dormant: it resolves to nothing until the schema has it again.
 *
 * A token may be limited to a view (RFC 8693): some contexts, and in them perhaps an assumed role in place of what is
 * held. Whether a role may be assumed is judged each time, by what is held and what the schema says now.
 */
import type { ActiveToken } from '../../client/src/wire/index.ts'

/** What a role means. */
export interface RoleDefinition {
  readonly description?: string
  readonly permissions: readonly string[]
  /** Roles that whoever holds this one may assume in its place. */
  readonly assumable: readonly string[]
}

/** All roles by name. */
export type RoleDefinitions = Readonly<Record<string, RoleDefinition>>

/** A schema made ready for resolving. */
export interface CompiledRoleSchema {
  has(role: string): boolean
  /** What any of the roles allows, each once, sorted. */
  permissionsOf(roles: readonly string[]): readonly string[]
  /** Whether one of the held roles may be exchanged for another. */
  mayAssume(held: readonly string[], role: string): boolean
}

/** What a token is limited to. */
export interface View {
  /** Never empty. */
  readonly contexts: readonly string[]
  /** Roles assumed one after the other; empty for what is held. */
  readonly assumed: readonly string[]
}

/** Which contexts are asked for: `all` (as many as fit an answer), or these. */
export type ContextQuestion = 'all' | readonly string[]

/** What a subject holds, as far as it was read. */
export interface HeldRoles {
  /** A line `<context> <role>` each. */
  readonly lines: string
  /** Whether the lines are all there is. */
  readonly isComplete: boolean
}

/** The members of an answer that tell of roles. */
export type ResolvedRoles = Required<
  Pick<ActiveToken, 'roles' | 'context_roles' | 'context_roles_complete' | 'permissions'>
>

/** The context that is everywhere. */
export const EVERYWHERE = '*'

const NO_ROLES: readonly string[] = []
/** Roles and permissions of an answer that was not asked for contexts; beyond it these must be asked for. */
const MOST_TOLD_UNASKED = 5_000
/** Sets of roles repeat from subject to subject; beyond this many the memory starts over. */
const REMEMBERED_SETS = 1_000

/** Makes a schema ready. */
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
 * Resolves what is held, for a token without limits or for one with a view. An answer about named contexts never calls itself
 * complete: a change elsewhere would make that untrue without touching it.
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
  const isTooMuch = asked === 'all' && sizeOf(facts) > MOST_TOLD_UNASKED
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
    const [context, role] = line.split(' ') as [string, string]
    if (!schema.has(role)) continue
    const roles = byContext.get(context)
    if (roles === undefined) byContext.set(context, [role])
    else roles.push(role)
  }
  return byContext
}
