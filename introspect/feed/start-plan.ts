/**
 * How a client's partitions go on after `hello`. Pure. A partition resumes when the node still holds everything since
 * the client's cursor; otherwise, and when there would be more to send than a fresh socket should be given at once, it
 * is reset.
 */
import type { FeedCursor, PartitionStart } from '../../client/src/wire/index.ts'
import type { EncodedFrame, PartitionHistory } from './partition-history.ts'

/** What to write to a client that starts, in this order. */
export interface FeedStart {
  readonly partitions: readonly PartitionStart[]
  /** Events the client has missed, partition by partition. */
  readonly missed: readonly EncodedFrame[]
}

/** @param maxMissedBytes most bytes of missed events, all partitions together */
export function planStart(
  histories: readonly PartitionHistory[],
  cursors: Readonly<Record<string, FeedCursor>>,
  maxMissedBytes: number,
): FeedStart {
  const missed: EncodedFrame[] = []
  let bytesLeft = maxMissedBytes
  const partitions = histories.map((history, partition): PartitionStart => {
    const events = missedEvents(history, cursors[partition])
    const bytes = events?.reduce((sum, frame) => sum + frame.length, 0) ?? 0
    if (events === undefined || bytes > bytesLeft) return ['reset', history.epoch, history.seq]
    bytesLeft -= bytes
    for (const frame of events) missed.push(frame)
    return ['resume', history.epoch, history.seq]
  })
  return { partitions, missed }
}

function missedEvents(
  history: PartitionHistory,
  cursor: FeedCursor | undefined,
): readonly EncodedFrame[] | undefined {
  return cursor === undefined ? undefined : history.eventsAfter(...cursor)
}
