/**
 * The last invalidation of each group in one partition. A reply that was read before the mark of one of its groups is
 * known to be stale. Marks are bounded; what is forgotten raises the floor, so that forgetting can only refuse more.
 */
import type { FeedEvent } from './wire/index.ts'

/** What an answer belongs to, as far as the feed can name it. */
export interface Groups {
  readonly jti: string
  readonly grantId: string
  /** '' without a session. */
  readonly sid: string
  readonly sub: string
  readonly clientId: string
}

/** The marks of one partition. */
export interface Marks {
  /** Notes an event. */
  raise(event: FeedEvent, seq: number): void
  /** The lowest position at which an answer of these groups may have been read to be of use. */
  required(groups: Groups): number
}

/** The name of what an event touches; `undefined` when it touches the whole partition. */
function markOf(event: FeedEvent): string | undefined {
  switch (event.type) {
    case 'token':
      return `t${event.jti}`
    case 'grant':
      return `g${event.grant_id}`
    case 'session':
      return `s${event.sid}`
    case 'subject':
      return `u${event.sub}`
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
 * @param limit how many marks are kept; at least 1
 */
export function createMarks(floor: number, limit: number): Marks {
  const marks = new Map<string, number>()
  let fenced = floor

  const markAt = (name: string): number => marks.get(name) ?? 0

  return {
    raise(event, seq) {
      const name = markOf(event)
      if (name === undefined) {
        fenced = seq
        marks.clear()
        return
      }
      // Deleting first keeps the map in the order of the marks' positions: the first one is the oldest.
      marks.delete(name)
      marks.set(name, seq)
      if (marks.size > limit) {
        const [oldest] = marks as Iterable<[string, number]>
        if (oldest !== undefined) {
          marks.delete(oldest[0])
          fenced = Math.max(fenced, oldest[1])
        }
      }
    },

    required({ jti, grantId, sid, sub, clientId }) {
      if (marks.size === 0) return fenced
      return Math.max(
        fenced,
        markAt(`t${jti}`),
        markAt(`g${grantId}`),
        markAt(`s${sid}`),
        markAt(`u${sub}`),
        markAt(`p${clientId}\n${sub}`),
        markAt(`c${clientId}`),
      )
    },
  }
}
