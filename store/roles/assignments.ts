/**
 * Assignments: which subject holds which role in which context, maybe until a time. Each change is one small step in the
 * subject's partition, written together with its event; no set is read, changed and written back.
 *
 * An assignment is kept by subject and by context, both in the partition of its subject and written in one step. The
 * holders of a context are therefore read from all partitions at once, and no index needs repair.
 */

import { eventInput, type StoreContext } from '../context.ts'
import type { PartitionKeys } from '../keys.ts'
import type { PartitionNumber } from '../partitions.ts'
import { defineScript, unknownReply } from '../redis/define-script.ts'
import { createTurns } from '../turns.ts'

/** What to change. */
export interface AssignmentChange {
  readonly op: 'assign' | 'remove'
  readonly sub: string
  /** `*` or `type:id`. */
  readonly context: string
  readonly role: string
  /** When it ends by itself, in epoch seconds; never when absent. A removal ignores it. */
  readonly expiresAt?: number
}

/** The outcome of a change. */
export type AssignmentOutcome =
  | 'assigned'
  | 'removed'
  /** Nothing to change. */
  | 'unchanged'
  /** The schema has no such role. */
  | 'unknown-role'
  /** It would have ended already. */
  | 'past'

/** One assignment of a subject. */
export interface Assignment {
  readonly context: string
  readonly role: string
  /** Epoch seconds. */
  readonly expiresAt?: number
  /** Whether the schema lacks the role, so that it resolves to nothing. */
  readonly isDormant: boolean
}

/** One assignment in a context. */
export interface Holder extends Assignment {
  readonly sub: string
}

/** Where a page of a subject's assignments ended. */
export interface AssignmentCursor {
  readonly context: string
  readonly role: string
}

/** Where a page of a context's holders ended. */
export interface HolderCursor {
  readonly role: string
  readonly sub: string
}

/** One page; it may be shorter than asked and still have a next one. */
export interface AssignmentPage<Item, Cursor> {
  readonly items: readonly Item[]
  /** Goes on from here; absent at the end. */
  readonly next?: Cursor
}

/** Which assignments of a subject: in one context, in all of a type, or all. */
export type ContextFilter =
  | { readonly context: string }
  | { readonly contextType: string }
  | { readonly any: true }

/** Reads and changes assignments. */
export interface Assignments {
  /**
   * Applies changes; those of one subject in their order, those of a later call after those of an earlier one. A refused
   * change leaves the others as they are. Idempotent.
   *
   * @returns one outcome per change, in order
   * @throws {StoreUnavailableError} when some may not have been applied; repeating all of them is safe
   */
  apply(changes: readonly AssignmentChange[]): Promise<readonly AssignmentOutcome[]>
  /** In order of context and role. */
  ofSubject(
    sub: string,
    filter: ContextFilter,
    page: { readonly size: number; readonly cursor?: AssignmentCursor | undefined },
  ): Promise<AssignmentPage<Assignment, AssignmentCursor>>
  /** In order of role and subject. */
  inContext(
    context: string,
    page: {
      readonly role?: string | undefined
      readonly size: number
      readonly cursor?: HolderCursor | undefined
    },
  ): Promise<AssignmentPage<Holder, HolderCursor>>
}

/** Changes of one script call: about a millisecond of Redis. */
const CHANGES_PER_CALL = 100
/** Sorts behind every digit, so behind a member with and without its expiry. */
const AFTER_EXPIRY = ':'
/** Sorts right behind the space that ends a context or role. */
const AFTER_SPACE = '!'

const OUTCOMES = new Set<unknown>([
  'assigned',
  'removed',
  'unchanged',
  'unknown-role',
  'past',
] satisfies AssignmentOutcome[])

const applyAssignments = defineScript('apply-assignments', {
  keys: 'head log holders ending roleCounts schema',
  args: 'base logRetentionMs channel ...changes',
  list: 'outcomes',
})

const removeAssignments = defineScript('remove-assignments', {
  keys: 'head log holders ending roleCounts',
  args: 'base logRetentionMs channel ...removals',
  list: 'outcomes',
})

const listAssignments = defineScript('list-assignments', {
  keys: 'head set schema',
  args: 'order minimum maximum size',
  row: 'lastMember',
  rows: 'context role sub expiresAt roleStatus',
})

type ListedAssignment = Awaited<ReturnType<typeof listAssignments>>['rows'][number]

/** Makes the assignments of a store. */
export function createAssignments(context: StoreContext): Assignments {
  const { keys, partitions } = context
  // A bulk change waits for its turn however long that takes: its caller sees the progress.
  const inTurn = createTurns<PartitionNumber>({ maxWaitMs: Number.POSITIVE_INFINITY })

  return {
    async apply(changes) {
      const byPartition = Map.groupBy(
        changes.map((change, index) => ({ change, index })),
        ({ change }) => partitions.of(change.sub),
      )
      const outcomes: AssignmentOutcome[] = []
      // All are awaited even if one fails: a repeat by the caller must not overtake a call that still runs.
      const settled = await Promise.allSettled(
        [...byPartition].map(([partition, indexed]) =>
          inTurn(partition, () => applyIn(context, partition, indexed, outcomes)),
        ),
      )
      for (const result of settled) if (result.status === 'rejected') throw result.reason
      return outcomes
    },

    async ofSubject(sub, filter, { size, cursor }) {
      const at = keys.partition(partitions.of(sub))
      const [from, maximum] = rangeOf(filter)
      const minimum =
        cursor === undefined ? from : `[${cursor.context} ${cursor.role}${AFTER_SPACE}`
      const range = { order: 'subject', minimum, maximum, size } as const
      const { holders, last } = await list(context, at, at.assignments(sub), range)
      const items = holders.map(({ sub: _, ...assignment }) => assignment)
      if (last === '') return { items }
      const [lastContext = '', role = ''] = last.split(' ')
      return { items, next: { context: lastContext, role } }
    },

    async inContext(contextName, { role, size, cursor }) {
      const prefix = role === undefined ? `${contextName} ` : `${contextName} ${role} `
      const minimum =
        cursor === undefined
          ? `[${prefix}`
          : `[${contextName} ${cursor.role} ${cursor.sub}\n${AFTER_EXPIRY}`
      const maximum = `(${prefix.slice(0, -1)}${AFTER_SPACE}`
      const range = { order: 'context', minimum, maximum, size } as const
      const pages = await Promise.all(
        partitions.all.map((partition) => {
          const at = keys.partition(partition)
          return list(context, at, at.holders, range)
        }),
      )
      return mergePages(pages, size)
    },
  }
}

interface IndexedChange {
  readonly change: AssignmentChange
  /** Its place in the call, and of its outcome in the answer. */
  readonly index: number
}

async function applyIn(
  context: StoreContext,
  partition: PartitionNumber,
  indexed: readonly IndexedChange[],
  outcomes: AssignmentOutcome[],
): Promise<void> {
  for (let start = 0; start < indexed.length; start += CHANGES_PER_CALL) {
    const part = indexed.slice(start, start + CHANGES_PER_CALL)
    const changes = part.map(({ change }) => change)
    const words = await callScript(context, context.keys.partition(partition), changes)
    if (words.length !== part.length || !words.every(isOutcome)) {
      throw unknownReply('apply-assignments', words)
    }
    for (const [n, word] of words.entries()) outcomes[part[n]?.index ?? n] = word
  }
}

function isOutcome(word: string | null): word is AssignmentOutcome {
  return OUTCOMES.has(word)
}

/** Removals alone have their own script: it is allowed when memory is full. */
function callScript(
  context: StoreContext,
  at: PartitionKeys,
  changes: readonly AssignmentChange[],
) {
  const { holders, ending, roleCounts, schema } = at
  const shared = { ...eventInput(context, at), holders, ending, roleCounts }
  if (changes.every(({ op }) => op === 'remove')) {
    const removals = changes.flatMap(({ sub, context, role }) => [sub, context, role])
    return removeAssignments(context.run, { ...shared, removals })
  }
  return applyAssignments(context.run, {
    ...shared,
    schema,
    changes: changes.flatMap(({ op, sub, context, role, expiresAt }) => [
      op,
      sub,
      context,
      role,
      expiresAt ?? '',
    ]),
  })
}

interface MemberRange {
  readonly order: 'subject' | 'context'
  readonly minimum: string
  readonly maximum: string
  readonly size: number
}

interface PartitionPage {
  readonly holders: readonly Holder[]
  /** Last member read; '' when there are no more. */
  readonly last: string
}

async function list(
  { run }: StoreContext,
  { head, schema }: PartitionKeys,
  set: string,
  range: MemberRange,
): Promise<PartitionPage> {
  const { rows, lastMember } = await listAssignments(run, { head, set, schema, ...range })
  return { holders: rows.map(toHolder), last: lastMember }
}

function rangeOf(filter: ContextFilter): readonly [string, string] {
  if ('context' in filter) return [`[${filter.context} `, `(${filter.context}${AFTER_SPACE}`]
  // ';' follows ':', so the range holds every id of the type.
  if ('contextType' in filter) return [`[${filter.contextType}:`, `(${filter.contextType};`]
  return ['-', '+']
}

function toHolder({ context, role, sub, expiresAt, roleStatus }: ListedAssignment): Holder {
  return {
    context,
    role,
    sub,
    ...(expiresAt === '' ? {} : { expiresAt: Number(expiresAt) }),
    isDormant: roleStatus === 'dormant',
  }
}

/**
 * Each partition's page is in order up to its end. Items beyond the nearest of these ends are left out: items before them
 * may not have been read yet.
 */
function mergePages(
  pages: readonly PartitionPage[],
  size: number,
): AssignmentPage<Holder, HolderCursor> {
  const ends = pages.filter(({ last }) => last !== '').map(({ last }) => parseMember(last))
  const nearest = ends.toSorted(inOrder)[0]
  const found = pages.flatMap(({ holders }) => holders).sort(inOrder)
  const reached =
    nearest === undefined ? found : found.filter((holder) => inOrder(holder, nearest) <= 0)
  const items = reached.slice(0, size)
  const lastItem = items.at(-1)
  if (reached.length > size && lastItem !== undefined) {
    return { items, next: { role: lastItem.role, sub: lastItem.sub } }
  }
  return nearest === undefined ? { items } : { items, next: nearest }
}

function parseMember(member: string): HolderCursor {
  const [name = ''] = member.split('\n')
  const afterContext = name.indexOf(' ') + 1
  const afterRole = name.indexOf(' ', afterContext) + 1
  return { role: name.slice(afterContext, afterRole - 1), sub: name.slice(afterRole) }
}

/** Redis orders members by bytes. */
function inOrder(one: HolderCursor, other: HolderCursor): number {
  return Buffer.compare(
    Buffer.from(`${one.role} ${one.sub}`),
    Buffer.from(`${other.role} ${other.sub}`),
  )
}
