/**
 * Plans how a client's partitions continue after `hello`. Pure. A partition resumes when the node still holds every event
 * since the client's cursor, and when these events fit in what a new socket may be sent at once. Otherwise it is reset.
 */
import type { FeedCursor, PartitionStart } from '../../client/src/wire/index.ts'
import { invariant } from './invariant.ts'
import type { EncodedFrame, PartitionHistory } from './partition-history.ts'

/**
 * @param maxMissedBytes most bytes of missed events, over all partitions
 * @returns the partitions of the `start` frame, and the missed events that follow it
 */
export function planStart(
  histories: readonly PartitionHistory[],
  cursors: Readonly<Record<string, FeedCursor>>,
  maxMissedBytes: number,
): { readonly partitions: readonly PartitionStart[]; readonly missed: readonly EncodedFrame[] } {
  const missed: EncodedFrame[] = []
  let bytesLeft = maxMissedBytes
  const partitions = histories.map((history, partition): PartitionStart => {
    const { epoch, seq } = history
    invariant(epoch !== '', 'a client starts only when every partition is known')
    const cursor = cursors[partition]
    const events = cursor && history.eventsAfter(...cursor)
    const bytes = events?.reduce((sum, frame) => sum + frame.length, 0) ?? 0
    if (events === undefined || bytes > bytesLeft) return ['reset', epoch, seq]
    bytesLeft -= bytes
    for (const frame of events) missed.push(frame)
    return ['resume', epoch, seq]
  })
  return { partitions, missed }
}
