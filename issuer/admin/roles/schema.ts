/**
 * `/admin/v1/role-schema`: the roles and what they allow. The schema is replaced as a whole; a dry run forecasts what that would
 * do to existing assignments.
 */
import { z } from 'zod'
import type { Change } from '../../../http/audit/audit-trail.ts'
import { JSON_RULES, parseBody, readJson } from '../../../http/body/json.ts'
import { ProblemError } from '../../../http/errors/problem.ts'
import { replyJson } from '../../../http/reply/reply.ts'
import type { RoleDefinition, RoleDefinitions } from '../../../store/roles/resolve.ts'
import type { RoleSchema } from '../../../store/roles/role-schema.ts'
import type { SchemaForecast } from '../../../store/roles/schema-differences.ts'
import type { Store } from '../../../store/store.ts'
import { permission, roleName, text } from '../../values/fields.ts'
import type { AdminHandler } from '../guard.ts'
import { badQuery, readQuery } from '../query.ts'
import { entityTag, isMatch } from './entity-tag.ts'

const MAX_ROLES = 1_000
const MAX_PERMISSIONS = 1_000
const SCHEMA_RULES = { ...JSON_RULES, maxBytes: 512 * 1_024, uniqueNames: true }

const isDistinct = (values: readonly string[]): boolean => new Set(values).size === values.length

const definition = z.strictObject({
  description: text.optional(),
  permissions: z
    .array(permission)
    .max(MAX_PERMISSIONS)
    .refine(isDistinct, 'must not name a permission twice'),
  assumable: z
    .array(roleName)
    .max(MAX_ROLES)
    .refine(isDistinct, 'must not name a role twice')
    .default([]),
})

type Definition = z.output<typeof definition>

const body = z.strictObject({
  roles: z.record(z.string(), definition).superRefine((roles, context) => {
    const refuse = (path: readonly (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path: [...path], message })
    const names = Object.keys(roles)
    if (names.length > MAX_ROLES) refuse([], `must not have more than ${MAX_ROLES} roles`)
    for (const name of names) {
      const checked = roleName.safeParse(name)
      if (!checked.success) refuse([name], checked.error.issues[0]?.message ?? 'is malformed')
    }
    for (const [name, { assumable }] of Object.entries(roles)) {
      assumable.forEach((role, index) => {
        const path = [name, 'assumable', index]
        if (role === name) refuse(path, 'must not be the role itself')
        else if (!Object.hasOwn(roles, role)) refuse(path, 'must be a role of this schema')
      })
    }
  }),
})

/** The handlers of the schema. */
export interface RoleSchemaHandlers {
  readonly get: AdminHandler
  readonly put: AdminHandler
}

/** Makes the handlers. */
export function createRoleSchemaHandlers(store: Store): RoleSchemaHandlers {
  return {
    async get(ctx) {
      const { version, roles } = await store.roleSchemas.get()
      ctx.res.setHeader('ETag', entityTag(version))
      replyJson(ctx, 200, JSON.stringify({ version, roles }))
    },

    async put(ctx) {
      const isDryRun = readDryRun(readQuery(ctx, ['dry_run']).dry_run)
      const ifMatch = ctx.req.headers['if-match']
      const roles = normalized(parseBody(body, await readJson(ctx.req, SCHEMA_RULES)).roles)
      const { version, forecast: effects } = isDryRun
        ? await forecast(store, roles, ifMatch)
        : await replace(store, roles, ifMatch)
      if (!isDryRun) await ctx.state.audit(toAuditEntry(version, effects))
      const answer = { version, dry_run: isDryRun, ...toForecastView(effects) }
      replyJson(ctx, 200, JSON.stringify(answer))
    },
  }
}

async function forecast(store: Store, roles: RoleDefinitions, ifMatch: string | undefined) {
  const result = await store.roleSchemas.forecast(roles)
  if (!isMatch(ifMatch, result.version)) throw changedMeanwhile(result.version)
  return result
}

// Writes even a schema that is equal to the one in force: after a write that failed half-way only the home partition may have
// it, and the retry must complete the write.
async function replace(store: Store, roles: RoleDefinitions, ifMatch: string | undefined) {
  const expected = ifMatch === undefined ? undefined : await replaceable(store, roles, ifMatch)
  const outcome = await store.roleSchemas.put(roles, expected)
  if (outcome.kind !== 'stored') throw changedMeanwhile(outcome.version)
  return outcome
}

/** The version to replace: one that the caller has seen, or the result of an earlier write whose answer it did not get. */
async function replaceable(store: Store, roles: RoleDefinitions, ifMatch: string): Promise<number> {
  const current = await store.roleSchemas.get()
  // RFC 9110 §13.1.1 allows success if the change was already applied. A refusal would make the retry of a write that failed
  // half-way look like a conflict, and leave it incomplete.
  if (isMatch(ifMatch, current.version) || isSame(current, roles)) return current.version
  throw changedMeanwhile(current.version)
}

function isSame(current: RoleSchema, roles: RoleDefinitions): boolean {
  return JSON.stringify(current.roles) === JSON.stringify(roles)
}

/** Sorted, so that schemas which differ only in order become equal texts. */
function normalized(roles: Readonly<Record<string, Definition>>): RoleDefinitions {
  const inOrder = Object.entries(roles).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(inOrder.map(([name, given]) => [name, toDefinition(given)]))
}

function toDefinition({ description, permissions, assumable }: Definition): RoleDefinition {
  return {
    ...(description === undefined ? {} : { description }),
    permissions: permissions.toSorted(),
    assumable: assumable.toSorted(),
  }
}

function toForecastView({ added, removed, changed }: SchemaForecast) {
  return {
    added,
    removed,
    changed: changed.map((change) => ({
      role: change.role,
      assignments: change.assignments,
      permissions_gained: change.permissionsGained,
      permissions_lost: change.permissionsLost,
      assumable_gained: change.assumableGained,
      assumable_lost: change.assumableLost,
    })),
  }
}

function toAuditEntry(version: number, { added, removed, changed }: SchemaForecast): Change {
  const target = {
    version,
    added: added.length,
    removed: removed.length,
    changed: changed.length,
  }
  return { action: 'role_schema.put', target }
}

function readDryRun(value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw badQuery('The parameter dry_run must be true or false.')
}

function changedMeanwhile(version: number): ProblemError {
  return new ProblemError('precondition-failed', `The schema in force is version ${version}.`)
}
