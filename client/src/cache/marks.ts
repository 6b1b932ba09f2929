/**
 * The last invalidation of each group in one partition. A reply that was read before the mark of one of its groups is
 * known to be stale. Marks are bounded; what is forgotten raises the floor, so that forgetting can only refuse more.
 *
 * A subject has one record: what touched all of it, what touched its plain answers (every role change), and the contexts
 * whose roles changed. The contexts of one subject are bounded by themselves: somebody who is being enrolled in a hundred
 * thousand courses makes replies about himself be asked for again, and nobody else's.
 */
import {
  changedContexts,
  type Groups,
  MAX_NAMED_CONTEXTS,
  type SingleEvent,
  type SubjectEvent,
} from './groups.ts'

/** The marks of one partition. */
export interface Marks {
  /** Notes an event. */
  raise(event: SingleEvent, seq: number): void
  /** The lowest position at which an answer of these groups may have been read to be of use. */
  required(groups: Groups): number
}

/** The marks of a subject. */
interface SubjectMarks {
  /** Of everything. */
  whole: number
  /** Of its plain answers; never below `whole`, hence that of the last event. */
  plain: number
  /** Of its answers in a context, the oldest first; absent while no context was named since `whole`. */
  contexts: Map<string, number> | undefined
}

/** The name of what an event touches besides subjects; `undefined` when it touches the whole partition. */
function markOf(event: Exclude<SingleEvent, SubjectEvent>): string | undefined {
  switch (event.type) {
    case 'token':
      return `t${event.jti}`
    case 'grant':
      return `g${event.grant_id}`
    case 'session':
      return `s${event.sid}`
    case 'subject_client':
      return `p${event.client_id}\n${event.sub}`
    case 'client':
      return `c${event.client_id}`
    default:
      // `all`, `schema`, and whatever a newer node may tell of.
      return undefined
  }
}

/**
 * Makes the marks of a partition that starts at a position.
 *
 * @param limit how many marks are kept, each context of a subject counted as one more; at least 1
 */
export function createMarks(initialFloor: number, limit: number): Marks {
  /** In the order of the last event, the oldest first. */
  const marks = new Map<string, number | SubjectMarks>()
  let floor = initialFloor
  /** Contexts in all records. */
  let contextCount = 0

  function markAt(name: string): number {
    const mark = marks.get(name)
    return typeof mark === 'number' ? mark : 0
  }

  function subjectAt(sub: string): SubjectMarks | undefined {
    const mark = marks.get(`u${sub}`)
    return typeof mark === 'object' ? mark : undefined
  }

  /** Deleting first keeps the map in the order of the marks' positions. */
  function put(name: string, mark: number | SubjectMarks): void {
    marks.delete(name)
    marks.set(name, mark)
  }

  function raiseSubject(event: SubjectEvent, seq: number): void {
    const mark = subjectAt(event.sub) ?? { whole: 0, plain: 0, contexts: undefined }
    const changed = changedContexts(event)
    contextCount -= sizeOf(mark)
    mark.plain = seq
    if (changed === undefined) {
      mark.whole = seq
      mark.contexts = undefined
    } else {
      raiseContexts(mark, changed, seq)
    }
    contextCount += sizeOf(mark)
    put(`u${event.sub}`, mark)
  }

  function forgetOldest(): void {
    for (const [name, mark] of marks) {
      marks.delete(name)
      if (typeof mark === 'object') contextCount -= sizeOf(mark)
      floor = Math.max(floor, typeof mark === 'object' ? mark.plain : mark)
      return
    }
  }

  function requiredOfSubject({ sub, contexts }: Groups): number {
    const mark = subjectAt(sub)
    if (mark === undefined) return 0
    if (contexts === undefined) return mark.plain
    return Math.max(mark.whole, ...contexts.map((context) => mark.contexts?.get(context) ?? 0))
  }

  return {
    raise(event, seq) {
      if (event.type === 'subject') {
        raiseSubject(event, seq)
      } else {
        const name = markOf(event)
        if (name === undefined) {
          floor = seq
          marks.clear()
          contextCount = 0
          return
        }
        put(name, seq)
      }
      while (marks.size + contextCount > limit) forgetOldest()
    },

    required(groups) {
      if (marks.size === 0) return floor
      const { jti, grantId, sid, sub, clientId, origins } = groups
      let seq = Math.max(
        floor,
        requiredOfSubject(groups),
        markAt(`t${jti}`),
        markAt(`g${grantId}`),
        markAt(`s${sid}`),
        markAt(`p${clientId}\n${sub}`),
        markAt(`c${clientId}`),
      )
      for (const from of origins ?? []) {
        seq = Math.max(
          seq,
          markAt(`t${from.jti}`),
          markAt(`g${from.grant_id}`),
          markAt(`p${from.client_id}\n${sub}`),
          markAt(`c${from.client_id}`),
        )
      }
      return seq
    },
  }
}

function sizeOf({ contexts }: SubjectMarks): number {
  return contexts?.size ?? 0
}

/** Notes changed contexts. Those beyond what is kept of a subject touch all of it. */
function raiseContexts(mark: SubjectMarks, changed: readonly string[], seq: number): void {
  const contexts = mark.contexts ?? new Map<string, number>()
  mark.contexts = contexts
  for (const context of changed) {
    contexts.delete(context)
    contexts.set(context, seq)
  }
  for (const [context, oldest] of contexts) {
    if (contexts.size <= MAX_NAMED_CONTEXTS) return
    contexts.delete(context)
    mark.whole = Math.max(mark.whole, oldest)
  }
}
