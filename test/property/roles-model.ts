/**
 * A naive model of roles: one list of assignments, one schema, one time. Slow, obvious, and written without a look at the
 * scripts. Where the store may say less than the truth (what ended or is dormant still counts against completeness), the
 * model knows what it must say at least and what it may say at most.
 */
import { isDeepStrictEqual } from 'node:util'
import type {
  AssignmentChange,
  AssignmentOutcome,
  ContextFilter,
} from '../../store/roles/assignments.ts'
import type {
  ContextQuestion,
  ResolvedRoles,
  RoleDefinitions,
  View,
} from '../../store/roles/resolve.ts'

/** What was assigned and not taken away; it may have ended. */
export interface KeptAssignment {
  readonly sub: string
  readonly context: string
  readonly role: string
  readonly expiresAt: number | undefined
}

/** The model. */
export interface RolesModel {
  /** Epoch seconds. */
  readonly now: number
  readonly schema: RoleDefinitions
  readonly version: number
  advance(seconds: number): void
  putSchema(roles: RoleDefinitions): void
  apply(change: AssignmentChange): AssignmentOutcome
  /** Not ended; sorted as a listing is. */
  ofSubject(sub: string, filter: ContextFilter): readonly KeptAssignment[]
  inContext(context: string, role: string | undefined): readonly KeptAssignment[]
  isDormant(assignment: KeptAssignment): boolean
  /** Least and most assignments of a role that a forecast may count. */
  countOf(role: string): readonly [least: number, most: number]
  /** What is wrong with an answer; nothing when nothing is. */
  wrongIn(
    facts: ResolvedRoles,
    sub: string,
    asked: ContextQuestion,
    view?: View,
  ): string | undefined
  /** How many seconds it takes until that answer ends by itself. */
  leftOf(facts: ResolvedRoles, sub: string, asked: ContextQuestion, view?: View): number | undefined
}

const EVERYWHERE = '*'
const MOST_CONTEXTS = 100
const MOST_ASSIGNMENTS = 1_000

/** A model without roles, assignments or schema. */
export function createRolesModel(startS: number): RolesModel {
  let now = startS
  let schema: RoleDefinitions = {}
  let version = 0
  let kept: KeptAssignment[] = []

  const isOver = ({ expiresAt }: KeptAssignment) => expiresAt !== undefined && expiresAt <= now
  const lasting = () => kept.filter((one) => !isOver(one))
  const isDormant = ({ role }: KeptAssignment) => !Object.hasOwn(schema, role)
  const namesOf = (roles: readonly KeptAssignment[]) => [
    ...new Set(roles.map(({ role }) => role).sort()),
  ]
  const rolesIn = (sub: string, context: string) =>
    namesOf(
      lasting().filter((one) => one.sub === sub && one.context === context && !isDormant(one)),
    )
  const permissionsOf = (roles: readonly string[]) =>
    [...new Set(roles.flatMap((role) => schema[role]?.permissions ?? []))].sort()

  function assume(held: readonly string[], view: View): readonly string[] {
    return view.assumed.reduce<readonly string[]>((roles, wanted) => {
      const mayBe = roles.some((role) => schema[role]?.assumable.includes(wanted))
      return mayBe && Object.hasOwn(schema, wanted) ? [wanted] : []
    }, held)
  }

  function seenIn(sub: string, context: string, view: View | undefined): readonly string[] {
    if (view === undefined) return rolesIn(sub, context)
    if (!view.contexts.includes(context)) return []
    const held = new Set([...rolesIn(sub, context), ...rolesIn(sub, EVERYWHERE)])
    return assume([...held].sort(), view)
  }

  const contextsOf = (all: readonly KeptAssignment[]) =>
    [...new Set(all.map(({ context }) => context))].filter((context) => context !== EVERYWHERE)

  /** The contexts an answer must name. */
  function named(facts: ResolvedRoles, sub: string, asked: ContextQuestion, view?: View): string[] {
    if (asked !== 'all') return asked.filter((context) => context !== EVERYWHERE)
    if (view !== undefined) return [...view.contexts]
    if (!facts.context_roles_complete) return []
    return contextsOf(lasting().filter((one) => one.sub === sub && !isDormant(one)))
  }

  /** Only an answer about everything may call itself complete, and must where everything fits. */
  function wrongCompleteness(
    facts: ResolvedRoles,
    sub: string,
    asked: ContextQuestion,
    view?: View,
  ) {
    const isComplete = facts.context_roles_complete
    if (asked !== 'all') return isComplete ? 'named contexts are not all there are' : undefined
    if (view !== undefined) return isComplete ? undefined : 'a view is all there is'
    const stored = kept.filter((one) => one.sub === sub)
    const held = stored.filter((one) => !isOver(one))
    const live = held.filter((one) => !isDormant(one))
    if (isComplete) {
      const fits = live.length <= MOST_ASSIGNMENTS && contextsOf(live).length <= MOST_CONTEXTS
      return fits ? undefined : 'more than fits'
    }
    const fits = stored.length <= MOST_ASSIGNMENTS && contextsOf(held).length <= MOST_CONTEXTS
    return fits ? 'it is complete and does not say so' : undefined
  }

  return {
    get now() {
      return now
    },
    get schema() {
      return schema
    },
    get version() {
      return version
    },
    advance(seconds) {
      now += seconds
    },
    putSchema(roles) {
      schema = roles
      version++
    },

    apply({ op, sub, context, role, expiresAt }) {
      const isIt = (one: KeptAssignment) =>
        one.sub === sub && one.context === context && one.role === role
      const found = kept.find(isIt)
      if (op === 'remove') {
        kept = kept.filter((one) => !isIt(one))
        return found !== undefined && !isOver(found) ? 'removed' : 'unchanged'
      }
      if (!Object.hasOwn(schema, role)) return 'unknown-role'
      if (expiresAt !== undefined && expiresAt <= now) return 'past'
      if (found !== undefined && found.expiresAt === expiresAt) return 'unchanged'
      kept = [...kept.filter((one) => !isIt(one)), { sub, context, role, expiresAt }]
      return 'assigned'
    },

    ofSubject(sub, filter) {
      const fits = ({ context }: KeptAssignment) => {
        if ('context' in filter) return context === filter.context
        if ('contextType' in filter) return context.startsWith(`${filter.contextType}:`)
        return true
      }
      return sorted(
        lasting().filter((one) => one.sub === sub && fits(one)),
        ({ context, role }) => `${context} ${role}`,
      )
    },

    inContext: (context, role) =>
      sorted(
        lasting().filter((one) => one.context === context && (role ?? one.role) === one.role),
        (one) => `${one.role} ${one.sub}`,
      ),

    isDormant,

    countOf: (role) => [
      lasting().filter((one) => one.role === role).length,
      kept.filter((one) => one.role === role).length,
    ],

    wrongIn(facts, sub, asked, view) {
      const roles = view === undefined ? rolesIn(sub, EVERYWHERE) : []
      const pairs = named(facts, sub, asked, view).map(
        (context) => [context, seenIn(sub, context, view)] as const,
      )
      const expected = {
        roles,
        context_roles: Object.fromEntries(pairs),
        context_roles_complete: facts.context_roles_complete,
        permissions: Object.fromEntries([
          ...(roles.length === 0 ? [] : [[EVERYWHERE, permissionsOf(roles)] as const]),
          ...pairs.map(([context, held]) => [context, permissionsOf(held)] as const),
        ]),
      }
      if (!isDeepStrictEqual(facts, expected)) {
        return `${JSON.stringify(facts)}, not ${JSON.stringify(expected)}`
      }
      return wrongCompleteness(facts, sub, asked, view)
    },

    leftOf(facts, sub, asked, view) {
      const everything = asked === 'all' && view === undefined && facts.context_roles_complete
      const contexts = [EVERYWHERE, ...named(facts, sub, asked, view)]
      const ends = lasting()
        .filter((one) => one.sub === sub && (everything || contexts.includes(one.context)))
        .flatMap(({ expiresAt }) => expiresAt ?? [])
      return ends.length === 0 ? undefined : Math.min(...ends) - now
    },
  }
}

function sorted(
  all: readonly KeptAssignment[],
  nameOf: (one: KeptAssignment) => string,
): readonly KeptAssignment[] {
  return all.toSorted((a, b) => Buffer.compare(Buffer.from(nameOf(a)), Buffer.from(nameOf(b))))
}
