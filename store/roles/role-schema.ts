/**
 * The role schema: which roles exist, which permissions they carry, which roles may be assumed. Every partition has a copy,
 * so that the script that reads a subject's roles knows the schema to read them with. The first partition is its home and
 * orders writers by version; the others take a version only if it is newer. A write returns when every partition has it. A
 * write that fails half-way may be repeated, and the repeat finishes it.
 */

import { hash } from 'node:crypto'
import { eventInput, type StoreContext } from '../context.ts'
import { StoreBusyError } from '../errors.ts'
import type { PartitionNumber } from '../partitions.ts'
import { defineScript, unknownReply } from '../redis/define-script.ts'
import { readRecord } from '../redis/read-record.ts'
import { createTurns } from '../turns.ts'
import { type CompiledRoleSchema, compileRoleSchema, type RoleDefinitions } from './resolve.ts'
import { compareSchemas, type SchemaForecast } from './schema-differences.ts'

/** The current schema; version 0 is the empty one before the first. */
export interface RoleSchema {
  readonly version: number
  readonly roles: RoleDefinitions
}

/** The outcome of a write. */
type SchemaOutcome =
  | { readonly kind: 'stored'; readonly version: number; readonly forecast: SchemaForecast }
  /** The expected version is not the current one. */
  | { readonly kind: 'conflict'; readonly version: number }

/** Reads and changes the schema. */
export interface RoleSchemas {
  get(): Promise<RoleSchema>
  /** What a schema would change, and in which version. */
  forecast(
    roles: RoleDefinitions,
  ): Promise<{ readonly version: number; readonly forecast: SchemaForecast }>
  /** @param expectedVersion refuses to replace any other; absent means the current one */
  put(roles: RoleDefinitions, expectedVersion?: number): Promise<SchemaOutcome>
  /** The schema of an id that a script of the partition has returned; `undefined` when it was replaced since. */
  compiledOf(partition: PartitionNumber, id: string): Promise<CompiledRoleSchema | undefined>
}

const HOME = 0
const CONFLICT_RETRIES = 50
const DIGEST_LENGTH = 22
/** The current schema, and those that some partitions had a moment ago. */
const SCHEMAS_KEPT = 8
const NO_SCHEMA: CompiledRoleSchema = compileRoleSchema({})

const putRoleSchema = defineScript('put-role-schema', {
  keys: 'head log schema',
  args: 'base json digest version replacedVersion event logRetentionMs channel',
  replies: { 'stored conflict older': 'version' },
})

/** Makes the schemas of a store. */
export function createRoleSchemas(context: StoreContext): RoleSchemas {
  const compiledSchemas = new Map<string, CompiledRoleSchema>()
  const inTurn = createTurns<typeof HOME>()

  function remember(id: string, roles: RoleDefinitions): CompiledRoleSchema {
    const schema = compileRoleSchema(roles)
    if (compiledSchemas.size >= SCHEMAS_KEPT) compiledSchemas.clear()
    compiledSchemas.set(id, schema)
    return schema
  }

  return {
    async get() {
      const { id, roles } = await readSchema(context, HOME)
      return { version: versionOf(id), roles }
    },

    async forecast(roles) {
      const current = await readSchema(context, HOME)
      const forecast = await forecastOf(context, current.roles, roles)
      return { version: versionOf(current.id), forecast }
    },

    put: (roles, expectedVersion) => inTurn(HOME, () => putSchema(context, roles, expectedVersion)),

    async compiledOf(partition, id) {
      if (id === '') return NO_SCHEMA
      const known = compiledSchemas.get(id)
      if (known !== undefined) return known
      const current = await readSchema(context, partition)
      const schema = remember(current.id, current.roles)
      // Roles removed before a newer schema must not be read with that schema: the caller has to read the roles again.
      return current.id === id ? schema : undefined
    },
  }
}

async function readSchema(
  { keys, run }: StoreContext,
  partition: PartitionNumber,
): Promise<{ readonly id: string; readonly roles: RoleDefinitions }> {
  const [id, json] = await readRecord(run, keys.partition(partition).schema, 'id', 'json')
  return { id: id ?? '', roles: JSON.parse(json ?? '{}') as RoleDefinitions }
}

async function putSchema(
  context: StoreContext,
  roles: RoleDefinitions,
  expectedVersion: number | undefined,
): Promise<SchemaOutcome> {
  for (let attempt = 0; attempt < CONFLICT_RETRIES; attempt++) {
    const current = await readSchema(context, HOME)
    const found = versionOf(current.id)
    // A repeat of a half-done write finds its schema at home already.
    const isRepeat = JSON.stringify(current.roles) === JSON.stringify(roles)
    if (expectedVersion !== undefined && expectedVersion !== found && !isRepeat) {
      return { kind: 'conflict', version: found }
    }
    const forecast = await forecastOf(context, current.roles, roles)
    const version = 1 + Math.max(found, await newestVersion(context))
    const { outcome } = await writeIn(context, HOME, roles, version, found)
    if (outcome === 'conflict') continue
    if (outcome !== 'stored') throw unknownReply('put-role-schema', outcome)
    const others = context.partitions.all.filter((partition) => partition !== HOME)
    await Promise.all(others.map((partition) => writeIn(context, partition, roles, version, '')))
    return { kind: 'stored', version, forecast }
  }
  throw new StoreBusyError('other writers changed the role schema before every attempt')
}

function forecastOf(
  { keys, partitions, run }: StoreContext,
  before: RoleDefinitions,
  after: RoleDefinitions,
): Promise<SchemaForecast> {
  return compareSchemas(before, after, async (roles) => {
    if (roles.length === 0) return []
    const counts = await Promise.all(
      partitions.all.map((partition) =>
        readRecord(run, keys.partition(partition).roleCounts, ...roles),
      ),
    )
    return roles.map((_, index) => counts.reduce((sum, of) => sum + Number(of[index] ?? 0), 0))
  })
}

/** A home that lost its last schema in a failover is behind the others; its next version must be newer than all of them. */
async function newestVersion({ keys, partitions, run }: StoreContext): Promise<number> {
  const ids = await Promise.all(
    partitions.all.map((partition) => readRecord(run, keys.partition(partition).schema, 'id')),
  )
  return Math.max(...ids.map(([id]) => versionOf(id ?? '')))
}

function writeIn(
  context: StoreContext,
  partition: PartitionNumber,
  roles: RoleDefinitions,
  version: number,
  replacedVersion: number | '',
) {
  const at = context.keys.partition(partition)
  const json = JSON.stringify(roles)
  return putRoleSchema(context.run, {
    ...eventInput(context, at),
    schema: at.schema,
    json,
    digest: hash('sha256', json, 'base64url').slice(0, DIGEST_LENGTH),
    version,
    replacedVersion,
    event: JSON.stringify({ type: 'schema' }),
  })
}

function versionOf(id: string): number {
  return id === '' ? 0 : Number.parseInt(id, 10)
}
