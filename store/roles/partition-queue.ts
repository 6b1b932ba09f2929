/** Runs work on a partition one piece at a time, in the order in which it was asked for. */
import type { PartitionNumber } from '../partitions.ts'

export type PartitionQueue = (
  partition: PartitionNumber,
  work: () => Promise<void>,
) => Promise<void>

/** Makes a queue; partitions do not wait for each other. */
export function createPartitionQueue(): PartitionQueue {
  /** Settles when the last work of a partition is done. */
  const tails = new Map<PartitionNumber, Promise<void>>()
  return (partition, work) => {
    const done = (tails.get(partition) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => undefined)
    tails.set(partition, settled)
    void settled.then(() => {
      if (tails.get(partition) === settled) tails.delete(partition)
    })
    return done
  }
}
