/**
 * The last invalidation of each group in one partition. An answer that was read before the mark of one of its groups is stale.
 *
 * The number of marks is bounded. Forgetting a mark raises the floor to it, so that more answers are refused, never fewer.
 *
 * A subject has one record: what touched all of it, what touched its plain answers (every role change), and the contexts
 * whose roles changed. The contexts of one subject have their own bound: when a user is enrolled in a hundred thousand
 * courses, only answers about that user are asked for again.
 */
import { assertInvariant } from '../invariant.ts'
import {
  changedContexts,
  type Groups,
  MAX_NAMED_CONTEXTS,
  type SingleEvent,
  type SubjectEvent,
} from './groups.ts'

/** The marks of a subject. */
interface SubjectMarks {
  /** Position of the last event that touched all of its answers. */
  whole: number
  /** Position of the last event that touched its plain answers, which is its last event. */
  plain: number
  /** Positions of role changes by context, the oldest first; absent if none was named since `whole`. */
  contexts: Map<string, number> | undefined
}

/** The marks of one partition. */
export class Marks {
  readonly #limit: number
  /** The oldest first, by the last event of each. */
  readonly #marks = new Map<string, number | SubjectMarks>()
  #floor: number
  #position: number
  /** Contexts in all records. */
  #contextCount = 0

  constructor(floor: number, limit: number) {
    this.#floor = floor
    this.#position = floor
    this.#limit = limit
  }

  /** Position of the last recorded event, or of the start. */
  get position(): number {
    return this.#position
  }

  /** Records an event. */
  raise(event: SingleEvent, seq: number): void {
    // The oldest mark is forgotten first, so marks must be in the order of their positions: otherwise a mark could fall
    // below a floor that does not cover it.
    assertInvariant(seq >= this.#position, 'marks are recorded in the order of events')
    this.#position = seq
    const name = event.type === 'subject' ? subjectName(event.sub) : markName(event)
    if (name === undefined) this.#raiseAll(seq)
    else if (event.type === 'subject') this.#raiseSubject(name, event, seq)
    else this.#put(name, seq)
    while (this.#marks.size + this.#contextCount > this.#limit) this.#forgetOldest()
    // A wrong count would let the marks grow without bound; a floor too high would refuse current answers for ever.
    assertInvariant(this.#contextCount >= 0, 'the count of contexts is not negative')
    assertInvariant(this.#floor <= seq, 'the floor is not above the last event')
  }

  /** The lowest position at which an answer of these groups is still current. */
  required(groups: Groups): number {
    if (this.#marks.size === 0) return this.#floor
    const { jti, grantId, sid, sub, clientId, origins } = groups
    let seq = Math.max(
      this.#floor,
      this.#requiredOfSubject(groups),
      this.#markAt(`t${jti}`),
      this.#markAt(`g${grantId}`),
      this.#markAt(`s${sid}`),
      this.#markAt(`p${clientId}\n${sub}`),
      this.#markAt(`c${clientId}`),
    )
    for (const origin of origins ?? []) {
      seq = Math.max(
        seq,
        this.#markAt(`t${origin.jti}`),
        this.#markAt(`g${origin.grant_id}`),
        this.#markAt(`p${origin.client_id}\n${sub}`),
        this.#markAt(`c${origin.client_id}`),
      )
    }
    return seq
  }

  #raiseAll(seq: number): void {
    this.#floor = seq
    this.#marks.clear()
    this.#contextCount = 0
  }

  #raiseSubject(name: string, event: SubjectEvent, seq: number): void {
    const mark = this.#subjectAt(name) ?? { whole: 0, plain: 0, contexts: undefined }
    const changed = changedContexts(event)
    this.#contextCount -= sizeOf(mark)
    mark.plain = seq
    if (changed === undefined) {
      mark.whole = seq
      mark.contexts = undefined
    } else {
      raiseContexts(mark, changed, seq)
    }
    this.#contextCount += sizeOf(mark)
    this.#put(name, mark)
  }

  #forgetOldest(): void {
    for (const [name, mark] of this.#marks) {
      this.#marks.delete(name)
      if (typeof mark === 'object') this.#contextCount -= sizeOf(mark)
      this.#floor = Math.max(this.#floor, typeof mark === 'object' ? mark.plain : mark)
      return
    }
  }

  /** Deleting first keeps the map in the order of positions. */
  #put(name: string, mark: number | SubjectMarks): void {
    this.#marks.delete(name)
    this.#marks.set(name, mark)
  }

  #markAt(name: string): number {
    const mark = this.#marks.get(name)
    return typeof mark === 'number' ? mark : 0
  }

  #subjectAt(name: string): SubjectMarks | undefined {
    const mark = this.#marks.get(name)
    return typeof mark === 'object' ? mark : undefined
  }

  #requiredOfSubject({ sub, contexts }: Groups): number {
    const mark = this.#subjectAt(subjectName(sub))
    if (mark === undefined) return 0
    if (contexts === undefined) return mark.plain
    return Math.max(mark.whole, ...contexts.map((context) => mark.contexts?.get(context) ?? 0))
  }
}

/**
 * Makes the marks of a partition.
 *
 * @param floor position at which the partition starts
 * @param limit how many marks are kept, each context of a subject counted as one more; at least 1
 */
export function createMarks(floor: number, limit: number): Marks {
  return new Marks(floor, limit)
}

function subjectName(sub: string): string {
  return `u${sub}`
}

/** The name of what an event touches besides subjects; `undefined` when it touches the whole partition. */
function markName(event: Exclude<SingleEvent, SubjectEvent>): string | undefined {
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
      // `all`, `schema`, and events of types that newer nodes may send.
      return undefined
  }
}

function sizeOf({ contexts }: SubjectMarks): number {
  return contexts?.size ?? 0
}

/** Records changed contexts. When a subject has too many, forgetting the oldest raises the mark of the whole subject. */
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
