/** What a subject may do in some contexts right now, by its name alone: no token needed, none judged. */
import type { FreshnessStamp } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { unknownReply } from '../redis/script-runner.ts'
import { type ResolvedRoles, resolveRoles } from './resolve.ts'
import type { RoleSchemas } from './role-schema.ts'

/** The roles of a subject at one position of its partition's history. */
export type SubjectRoles =
  | { readonly kind: 'active'; readonly roles: ResolvedRoles; readonly stamp: FreshnessStamp }
  /** Nothing is allowed: the subject is suspended, or is a client that is disabled, or no client. */
  | { readonly kind: 'suspended' | 'client' }

/** Resolves roles of subjects. */
export interface SubjectRoleReader {
  /**
   * @param contexts each once, without `*`
   * @param kind what the subject is said to be: a `client` must be registered and enabled. Default is `user`
   * @throws {StoreUnavailableError} when the truth cannot be had
   */
  resolve(sub: string, contexts: readonly string[], kind?: 'user' | 'client'): Promise<SubjectRoles>
}

/** Makes the resolver of a store. */
export function createSubjectRoleReader(
  { keys, partitions, run }: StoreContext,
  schemas: Pick<RoleSchemas, 'compiledOf'>,
): SubjectRoleReader {
  const resolver: SubjectRoleReader = {
    async resolve(sub, contexts, kind = 'user') {
      const partition = partitions.of(sub)
      const at = keys.partition(partition)
      const [state, epoch = '', seq, schemaId = '', left = '', lines = ''] = (await run(
        'resolve-roles',
        [at.head, at.clients, at.subject(sub), at.schema],
        [at.base, sub, kind, ...contexts],
      )) as readonly string[]
      if (state === 'suspended' || state === 'client') return { kind: state }
      if (state !== 'active') throw unknownReply('resolve-roles', state)
      // Of named contexts nobody asks whether they are all.
      const held = { lines, isComplete: false }
      const schema = await schemas.compiledOf(partition, schemaId)
      if (schema === undefined) return resolver.resolve(sub, contexts, kind)
      const leftMs = left === '' ? {} : { leftMs: Number(left) }
      return {
        kind: 'active',
        roles: resolveRoles(held, contexts, schema),
        stamp: { partition, epoch, seq: Number(seq), ...leftMs },
      }
    },
  }
  return resolver
}
