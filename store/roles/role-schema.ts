/**
 * The role schema: what roles there are, what they allow, which may be assumed. It stands in every partition, so that the
 * script that reads what a subject holds knows which schema to read it through. Its home is the first partition, which
 * orders writers by version; the others take a version only if it is newer. A write returns when every partition has it;
 * half-way it has promised nothing, and a repeat finishes it.
 */
import { hash } from 'node:crypto'
import type { StoreContext } from '../context.ts'
import { StoreBusyError } from '../errors.ts'
import { readRecord, unknownReply } from '../redis/script-runner.ts'
import { createTurns } from '../turns.ts'
import {
  type CompiledRoleSchema,
  compileRoleSchema,
  type RoleDefinition,
  type RoleDefinitions,
} from './resolve.ts'

/** The schema in force; version 0 is the empty one before the first. */
export interface RoleSchema {
  readonly version: number
  readonly roles: RoleDefinitions
}

/** A role that comes or goes. */
export interface RoleDifference {
  readonly role: string
  /** How many assignments it has; those that ended lately may be counted still. */
  readonly assignments: number
}

/** A role that stays and means something else. */
export interface RoleChange extends RoleDifference {
  readonly permissionsGained: readonly string[]
  readonly permissionsLost: readonly string[]
  readonly assumableGained: readonly string[]
  readonly assumableLost: readonly string[]
}

/** What a new schema does. */
export interface SchemaForecast {
  /** Dormant assignments of an added role come to life. */
  readonly added: readonly RoleDifference[]
  /** Assignments of a removed role go dormant: they resolve to nothing. */
  readonly removed: readonly RoleDifference[]
  readonly changed: readonly RoleChange[]
}

/** What came of a write. */
export type SchemaOutcome =
  | { readonly kind: 'stored'; readonly version: number; readonly forecast: SchemaForecast }
  /** The version expected is not the one in force. */
  | { readonly kind: 'conflict'; readonly version: number }

/** Reads and changes the schema. */
export interface RoleSchemas {
  get(): Promise<RoleSchema>
  /** What a schema would do, and on top of which version. */
  forecast(
    roles: RoleDefinitions,
  ): Promise<{ readonly version: number; readonly forecast: SchemaForecast }>
  /** @param expectedVersion refuses to replace any other; the one in force when absent */
  put(roles: RoleDefinitions, expectedVersion?: number): Promise<SchemaOutcome>
  /** The schema of an id that a script of the partition has returned; `undefined` when it was replaced since. */
  compiledOf(partition: number, id: string): Promise<CompiledRoleSchema | undefined>
}

const HOME = 0
const CONFLICT_RETRIES = 50
const DIGEST_LENGTH = 22
/** The one in force and those that partitions still had a moment ago. */
const SCHEMAS_KEPT = 8
const NO_SCHEMA: CompiledRoleSchema = compileRoleSchema({})

/** Makes the schemas of a store. */
export function createRoleSchemas(context: StoreContext): RoleSchemas {
  const { keys, partitions, run } = context
  const compiledSchemas = new Map<string, CompiledRoleSchema>()
  const inTurn = createTurns()
  const all = Array.from({ length: partitions.count }, (_, partition) => partition)

  async function read(partition: number): Promise<{ id: string; roles: RoleDefinitions }> {
    const [id, json] = await readRecord(run, keys.partition(partition).schema, 'id', 'json')
    return { id: id ?? '', roles: JSON.parse(json ?? '{}') as RoleDefinitions }
  }

  function remember(id: string, roles: RoleDefinitions): CompiledRoleSchema {
    const schema = compileRoleSchema(roles)
    if (compiledSchemas.size >= SCHEMAS_KEPT) compiledSchemas.clear()
    compiledSchemas.set(id, schema)
    return schema
  }

  async function countAssignments(roles: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (roles.length === 0) return new Map()
    const counts = await Promise.all(
      all.map((partition) => readRecord(run, keys.partition(partition).roleCounts, ...roles)),
    )
    return new Map(
      roles.map((role, index) => [
        role,
        counts.reduce((sum, of) => sum + Number(of[index] ?? 0), 0),
      ]),
    )
  }

  /** A home that lost its last schema in a failover is behind the others; what it writes next must be newer to them all. */
  async function newestVersion(): Promise<number> {
    const ids = await Promise.all(
      all.map((partition) => readRecord(run, keys.partition(partition).schema, 'id')),
    )
    return Math.max(...ids.map(([id]) => versionOf(id ?? '')))
  }

  async function compare(before: RoleDefinitions, after: RoleDefinitions): Promise<SchemaForecast> {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
    const different = names.filter(
      (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
    )
    const counts = await countAssignments(different)
    const counted = (role: string) => ({ role, assignments: counts.get(role) ?? 0 })
    const isIn = (roles: RoleDefinitions) => (role: string) => Object.hasOwn(roles, role)
    return {
      added: different.filter((role) => !isIn(before)(role)).map(counted),
      removed: different.filter((role) => !isIn(after)(role)).map(counted),
      changed: different
        .filter((role) => isIn(before)(role) && isIn(after)(role))
        .map((role) => ({
          ...counted(role),
          ...differencesOf(before[role] as RoleDefinition, after[role] as RoleDefinition),
        })),
    }
  }

  function write(
    partition: number,
    roles: RoleDefinitions,
    version: number,
    replaces: number | '',
  ) {
    const at = keys.partition(partition)
    const json = JSON.stringify(roles)
    return run(
      'put-role-schema',
      [at.head, at.log, at.schema],
      [
        at.base,
        json,
        hash('sha256', json, 'base64url').slice(0, DIGEST_LENGTH),
        version,
        replaces,
        JSON.stringify({ type: 'schema' }),
        context.logRetentionMs,
        keys.channel,
      ],
    )
  }

  return {
    async get() {
      const { id, roles } = await read(HOME)
      return { version: versionOf(id), roles }
    },

    async forecast(roles) {
      const current = await read(HOME)
      return { version: versionOf(current.id), forecast: await compare(current.roles, roles) }
    },

    put: (roles, expectedVersion) =>
      inTurn('', async () => {
        for (let attempt = 0; attempt < CONFLICT_RETRIES; attempt++) {
          const current = await read(HOME)
          const found = versionOf(current.id)
          // A repeat of what was done half-way finds itself done at home.
          const isRepeat = JSON.stringify(current.roles) === JSON.stringify(roles)
          if (expectedVersion !== undefined && expectedVersion !== found && !isRepeat) {
            return { kind: 'conflict', version: found }
          }
          const forecast = await compare(current.roles, roles)
          const version = 1 + Math.max(found, await newestVersion())
          const [outcome] = await write(HOME, roles, version, found)
          if (outcome === 'conflict') continue
          if (outcome !== 'stored') throw unknownReply('put-role-schema', outcome)
          const others = all.filter((partition) => partition !== HOME)
          await Promise.all(others.map((partition) => write(partition, roles, version, '')))
          return { kind: 'stored', version, forecast }
        }
        throw new StoreBusyError('other writers changed the role schema before every attempt')
      }),

    async compiledOf(partition, id) {
      if (id === '') return NO_SCHEMA
      const known = compiledSchemas.get(id)
      if (known !== undefined) return known
      const current = await read(partition)
      const schema = remember(current.id, current.roles)
      // A newer one would give roles taken away before it a meaning they never had: what is held must be read anew.
      return current.id === id ? schema : undefined
    },
  }
}

function versionOf(id: string): number {
  return id === '' ? 0 : Number.parseInt(id, 10)
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
