/** What a new role schema changes, compared with the current one. */
import type { RoleDefinition, RoleDefinitions } from './resolve.ts'

/** A role that is added or removed. */
interface RoleDifference {
  readonly role: string
  /** How many assignments it has; assignments that ended lately may still be counted. */
  readonly assignments: number
}

/** A role whose meaning changes. */
interface RoleChange extends RoleDifference {
  readonly permissionsGained: readonly string[]
  readonly permissionsLost: readonly string[]
  readonly assumableGained: readonly string[]
  readonly assumableLost: readonly string[]
}

/** The effect of a new schema. */
export interface SchemaForecast {
  /** Dormant assignments of an added role resolve again. */
  readonly added: readonly RoleDifference[]
  /** Assignments of a removed role become dormant: they resolve to nothing. */
  readonly removed: readonly RoleDifference[]
  readonly changed: readonly RoleChange[]
}

/**
 * Compares two schemas.
 *
 * @param countAssignments of the roles that differ
 */
export async function compareSchemas(
  before: RoleDefinitions,
  after: RoleDefinitions,
  countAssignments: (roles: readonly string[]) => Promise<readonly number[]>,
): Promise<SchemaForecast> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const different = names.filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )
  const counts = await countAssignments(different)
  const added: RoleDifference[] = []
  const removed: RoleDifference[] = []
  const changed: RoleChange[] = []
  for (const [index, role] of different.entries()) {
    const counted = { role, assignments: counts[index] ?? 0 }
    const [old, current] = [ownRole(before, role), ownRole(after, role)]
    if (old === undefined) added.push(counted)
    else if (current === undefined) removed.push(counted)
    else changed.push({ ...counted, ...differencesOf(old, current) })
  }
  return { added, removed, changed }
}

/** A role may have a name like `constructor`. */
function ownRole(roles: RoleDefinitions, role: string): RoleDefinition | undefined {
  return Object.hasOwn(roles, role) ? roles[role] : undefined
}

function differencesOf(before: RoleDefinition, after: RoleDefinition) {
  const without = (list: readonly string[], other: readonly string[]) =>
    list.filter((one) => !other.includes(one))
  return {
    permissionsGained: without(after.permissions, before.permissions),
    permissionsLost: without(before.permissions, after.permissions),
    assumableGained: without(after.assumable, before.assumable),
    assumableLost: without(before.assumable, after.assumable),
  }
}
