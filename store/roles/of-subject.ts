/** What a subject may do in some contexts now, by its name alone, without a token. */
import type { FreshnessStamp } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { defineScript } from '../redis/define-script.ts'
import { type ResolvedRoles, resolveRoles } from './resolve.ts'
import type { RoleSchemas } from './role-schema.ts'

/** The roles of a subject at one position of its partition's history. */
export type SubjectRoles =
  | { readonly kind: 'active'; readonly roles: ResolvedRoles; readonly stamp: FreshnessStamp }
  /** Nothing is allowed: the subject is suspended, or is a disabled client, or was said to be a client and is not. */
  | { readonly kind: 'suspended' | 'client' }

/** Resolves roles of subjects. */
export interface SubjectRoleReader {
  /**
   * @param contexts each once, without `*`
   * @param kind what the subject is said to be: a `client` must be registered and enabled. Default is `user`
   * @throws {StoreUnavailableError} when the state cannot be known now
   */
  resolve(sub: string, contexts: readonly string[], kind?: 'user' | 'client'): Promise<SubjectRoles>
}

const readHeldRoles = defineScript('resolve-roles', {
  keys: 'head clients subject schema',
  args: 'base sub kind ...contexts',
  replies: { active: 'epoch seq schemaId leftMs roles', 'suspended client': 'epoch seq' },
})

/** Makes the resolver of a store. */
export function createSubjectRoleReader(
  { keys, partitions, run }: StoreContext,
  schemas: Pick<RoleSchemas, 'compiledOf'>,
): SubjectRoleReader {
  const resolver: SubjectRoleReader = {
    async resolve(sub, contexts, kind = 'user') {
      const partition = partitions.of(sub)
      const at = keys.partition(partition)
      const reply = await readHeldRoles(run, {
        head: at.head,
        clients: at.clients,
        subject: at.subject(sub),
        schema: at.schema,
        base: at.base,
        sub,
        kind,
        contexts,
      })
      if (reply.outcome !== 'active') return { kind: reply.outcome }
      const schema = await schemas.compiledOf(partition, reply.schemaId)
      if (schema === undefined) return resolver.resolve(sub, contexts, kind)
      const leftMs = reply.leftMs === '' ? {} : { leftMs: Number(reply.leftMs) }
      return {
        kind: 'active',
        // `isComplete` is irrelevant when the caller named the contexts.
        roles: resolveRoles({ lines: reply.roles, isComplete: false }, contexts, schema),
        stamp: { partition, epoch: reply.epoch, seq: Number(reply.seq), ...leftMs },
      }
    },
  }
  return resolver
}
