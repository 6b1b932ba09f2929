/**
 * Assignments: who holds which role where, maybe until a time. Each change is one small step of the subject's partition,
 * whatever is held already, with its event; nothing is ever read, changed and written back.
 *
 * All orders of an assignment stand in the partition of its subject and are written in one step: by subject, and by
 * context. Who holds what in a context is therefore read from all partitions at once, and needs no repair.
 */
import type { StoreContext } from '../context.ts'
import type { PartitionKeys } from '../keys.ts'
import { unknownReply } from '../redis/script-runner.ts'

/** What to change. */
export interface AssignmentChange {
  readonly op: 'assign' | 'remove'
  readonly sub: string
  /** `*` or `type:id`. */
  readonly context: string
  readonly role: string
  /** When it ends by itself, in epoch seconds; for good when absent. Of no use for a removal. */
  readonly expiresAt?: number
}

/** What came of a change. */
export type AssignmentOutcome =
  | 'assigned'
  | 'removed'
  /** It was so already. */
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
   * Applies changes; those of one subject in their order, those of a later call after those of an earlier one. Each stands
   * by itself: a refused one leaves the others as they are, and all may be repeated.
   *
   * @returns one outcome a change, in order
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
const FIELDS_PER_ITEM = 5
/** Sorts behind every digit, so behind a member with and without its expiry. */
const AFTER_EXPIRY = ':'
/** Sorts right behind the space that ends a context or role. */
const AFTER_SPACE = '!'

interface Placed {
  readonly change: AssignmentChange
  readonly index: number
}

/** Makes the assignments of a store. */
export function createAssignments(context: StoreContext): Assignments {
  const { keys, partitions, run } = context

  function call(at: PartitionKeys, changes: readonly AssignmentChange[]) {
    const common = [at.base, context.logRetentionMs, keys.channel]
    const places = [at.head, at.log, at.holders, at.ending, at.roleCounts]
    if (changes.every(({ op }) => op === 'remove')) {
      const removals = changes.flatMap((change) => [change.sub, change.context, change.role])
      return run('remove-assignments', places, [...common, ...removals])
    }
    const args = changes.flatMap((change) => [
      change.op,
      change.sub,
      change.context,
      change.role,
      change.expiresAt ?? '',
    ])
    return run('apply-assignments', [...places, at.schema], [...common, ...args])
  }

  /** Where each partition's line of calls ends: one at a time, in the order in which they were asked for. */
  const queues = new Map<number, Promise<void>>()

  function inTurn(partition: number, work: () => Promise<void>): Promise<void> {
    const before = queues.get(partition) ?? Promise.resolve()
    const done = before.then(work)
    const settled = done.catch(() => undefined)
    queues.set(partition, settled)
    void settled.then(() => {
      if (queues.get(partition) === settled) queues.delete(partition)
    })
    return done
  }

  async function applyIn(
    partition: number,
    placed: readonly Placed[],
    outcomes: AssignmentOutcome[],
  ): Promise<void> {
    for (let start = 0; start < placed.length; start += CHANGES_PER_CALL) {
      const part = placed.slice(start, start + CHANGES_PER_CALL)
      const changes = part.map(({ change }) => change)
      const words = await call(keys.partition(partition), changes)
      if (words.length !== part.length) throw unknownReply('apply-assignments', words)
      part.forEach(({ index }, n) => {
        outcomes[index] = words[n] as AssignmentOutcome
      })
    }
  }

  async function list(
    at: PartitionKeys,
    order: 'subject' | 'context',
    set: string,
    range: readonly [minimum: string, maximum: string],
    size: number,
  ): Promise<{ readonly holders: readonly Holder[]; readonly last: string }> {
    const [last, ...fields] = (await run(
      'list-assignments',
      [at.head, set, at.schema],
      [order, ...range, size],
    )) as string[]
    const holders: Holder[] = []
    for (let i = 0; i < fields.length; i += FIELDS_PER_ITEM) {
      holders.push(toHolder(fields.slice(i, i + FIELDS_PER_ITEM)))
    }
    return { holders, last: last as string }
  }

  return {
    async apply(changes) {
      const byPartition = new Map<number, Placed[]>()
      changes.forEach((change, index) => {
        const partition = partitions.of(change.sub)
        const placed = byPartition.get(partition)
        if (placed === undefined) byPartition.set(partition, [{ change, index }])
        else placed.push({ change, index })
      })
      const outcomes: AssignmentOutcome[] = []
      // All are waited for even if one fails: what the caller repeats must not overtake what is still under way.
      const settled = await Promise.allSettled(
        [...byPartition].map(([partition, placed]) =>
          inTurn(partition, () => applyIn(partition, placed, outcomes)),
        ),
      )
      for (const result of settled) if (result.status === 'rejected') throw result.reason
      return outcomes
    },

    async ofSubject(sub, filter, { size, cursor }) {
      const at = keys.partition(partitions.of(sub))
      const [from, to] = rangeOf(filter)
      const minimum =
        cursor === undefined ? from : `[${cursor.context} ${cursor.role}${AFTER_SPACE}`
      const { holders, last } = await list(at, 'subject', at.assignments(sub), [minimum, to], size)
      const items = holders.map(({ sub: _, ...assignment }) => assignment)
      if (last === '') return { items }
      const [context, role] = last.split(' ') as [string, string]
      return { items, next: { context, role } }
    },

    async inContext(contextName, { role, size, cursor }) {
      const prefix = role === undefined ? `${contextName} ` : `${contextName} ${role} `
      const minimum =
        cursor === undefined
          ? `[${prefix}`
          : `[${contextName} ${cursor.role} ${cursor.sub}\n${AFTER_EXPIRY}`
      const range = [minimum, `(${prefix.slice(0, -1)}${AFTER_SPACE}`] as const
      const pages = await Promise.all(
        Array.from({ length: partitions.count }, (_, partition) => {
          const at = keys.partition(partition)
          return list(at, 'context', at.holders, range, size)
        }),
      )
      return mergePages(pages, size)
    },
  }
}

function rangeOf(filter: ContextFilter): readonly [string, string] {
  if ('context' in filter) return [`[${filter.context} `, `(${filter.context}${AFTER_SPACE}`]
  // ';' follows ':', so the range holds every id of the type.
  if ('contextType' in filter) return [`[${filter.contextType}:`, `(${filter.contextType};`]
  return ['-', '+']
}

function toHolder(fields: readonly string[]): Holder {
  const [context, role, sub, expires, state] = fields as [string, string, string, string, string]
  return {
    context,
    role,
    sub,
    ...(expires === '' ? {} : { expiresAt: Number(expires) }),
    isDormant: state === 'dormant',
  }
}

interface PartitionPage {
  readonly holders: readonly Holder[]
  /** Last member looked at; '' when there are no more. */
  readonly last: string
}

/**
 * Each partition's page is in order and reaches to where it ended; what lies beyond the nearest of these ends may have
 * predecessors that were not read yet.
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
  const [name] = member.split('\n') as [string]
  const afterContext = name.indexOf(' ') + 1
  const afterRole = name.indexOf(' ', afterContext) + 1
  return { role: name.slice(afterContext, afterRole - 1), sub: name.slice(afterRole) }
}

/** As Redis orders members: by bytes. */
function inOrder(one: HolderCursor, other: HolderCursor): number {
  return Buffer.compare(
    Buffer.from(`${one.role} ${one.sub}`),
    Buffer.from(`${other.role} ${other.sub}`),
  )
}
