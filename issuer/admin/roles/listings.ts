/**
 * Lists the roles of a subject, and the holders of roles in a context, page by page. A cursor is a name, not a position, so an
 * assignment that exists throughout is listed exactly once, whatever changes meanwhile.
 */
import { isContextType, isRole } from '../../../client/src/wire/index.ts'
import { replyJson } from '../../../http/reply/reply.ts'
import type {
  Assignment,
  AssignmentCursor,
  ContextFilter,
  Holder,
  HolderCursor,
} from '../../../store/roles/assignments.ts'
import type { Store } from '../../../store/store.ts'
import { contextName, parsePathValue, sub } from '../../values/fields.ts'
import type { AdminHandler } from '../guard.ts'
import { badCursor, decodeText, encodeText, parsePageRequest } from '../paging.ts'
import { badQuery } from '../query.ts'

const ANY: ContextFilter = { any: true }

/** The handlers of listings. */
export interface RoleListings {
  readonly ofSubject: AdminHandler
  readonly inContext: AdminHandler
}

/** Makes the handlers. */
export function createRoleListings({ assignments }: Pick<Store, 'assignments'>): RoleListings {
  return {
    async ofSubject(ctx) {
      const subject = parsePathValue(sub, 'subject', ctx.params.sub)
      const { cursor, limit, filters } = parsePageRequest(ctx, ['context'])
      const filter = readContextFilter(filters.context)
      const { items, next } = await assignments.ofSubject(subject, filter, {
        size: limit,
        cursor: readAssignmentCursor(cursor, filter),
      })
      const after =
        next === undefined ? {} : { next_cursor: encodeText(`${next.context} ${next.role}`) }
      replyJson(ctx, 200, JSON.stringify({ roles: items.map(toRoleView), ...after }))
    },

    async inContext(ctx) {
      const context = parsePathValue(contextName, 'context', ctx.params.context)
      const { cursor, limit, filters } = parsePageRequest(ctx, ['role'])
      const { role } = filters
      if (role !== undefined && !isRole(role)) throw badQuery('The parameter role is not a role.')
      const { items, next } = await assignments.inContext(context, {
        role,
        size: limit,
        cursor: readHolderCursor(cursor, role),
      })
      const after =
        next === undefined ? {} : { next_cursor: encodeText(`${next.role} ${next.sub}`) }
      replyJson(ctx, 200, JSON.stringify({ subjects: items.map(toHolderView), ...after }))
    },
  }
}

/** `course:123` is one context, `*` means roles held everywhere, and `course:*` all contexts of a type. */
function readContextFilter(context: string | undefined): ContextFilter {
  if (context === undefined) return ANY
  const contextType = context.endsWith(':*') ? context.slice(0, -2) : undefined
  if (contextType !== undefined && isContextType(contextType)) return { contextType }
  if (contextName.safeParse(context).success) return { context }
  throw badQuery('The parameter context must be type:id, type:* or *.')
}

function isWithin(context: string, filter: ContextFilter): boolean {
  if ('context' in filter) return context === filter.context
  return 'any' in filter || context.startsWith(`${filter.contextType}:`)
}

function readAssignmentCursor(
  cursor: string | undefined,
  filter: ContextFilter,
): AssignmentCursor | undefined {
  if (cursor === undefined) return undefined
  const [context = '', role = '', ...rest] = decodeText(cursor).split(' ')
  const isOurs = contextName.safeParse(context).success && isRole(role) && rest.length === 0
  if (!isOurs || !isWithin(context, filter)) throw badCursor()
  return { context, role }
}

function readHolderCursor(
  cursor: string | undefined,
  filter: string | undefined,
): HolderCursor | undefined {
  if (cursor === undefined) return undefined
  const text = decodeText(cursor)
  const afterRole = text.indexOf(' ')
  const [role, subject] = [text.slice(0, afterRole), text.slice(afterRole + 1)]
  const isOurs = afterRole !== -1 && isRole(role) && sub.safeParse(subject).success
  if (!isOurs || (filter !== undefined && role !== filter)) throw badCursor()
  return { role, sub: subject }
}

function toRoleView({ context, role, ...rest }: Assignment) {
  return { context, role, ...stateOf(rest) }
}

function toHolderView({ sub: subject, role, ...rest }: Holder) {
  return { subject, role, ...stateOf(rest) }
}

function stateOf({ expiresAt, isDormant }: Pick<Assignment, 'expiresAt' | 'isDormant'>) {
  return {
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    ...(isDormant ? { dormant: true } : {}),
  }
}
