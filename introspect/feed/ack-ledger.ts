/**
 * What a client says it has applied, one position a partition; only forwards, and only in the epoch the node is in. Kept
 * from the first `ack` on, when everything before counts as applied: a client that never acknowledges costs nothing.
 */
import type { FeedCursor } from '../../client/src/wire/index.ts'
import type { PartitionHistory } from './partition-history.ts'

export interface AckLedger {
  note(cursors: Readonly<Record<string, FeedCursor>>): void
  /** Most changes any partition is ahead of what was acknowledged. */
  lag(): number
}

export function createAckLedger(histories: readonly PartitionHistory[]): AckLedger {
  const acked = Float64Array.from(histories, ({ seq }) => seq)
  const epochs = histories.map(({ epoch }) => epoch)

  function note(cursors: Readonly<Record<string, FeedCursor>>): void {
    for (const [partition, [epoch, seq]] of Object.entries(cursors)) {
      const n = Number(partition)
      const history = histories[n]
      if (history === undefined || history.epoch !== epoch || seq > history.seq) continue
      const before = epochs[n] === epoch ? (acked[n] as number) : 0
      acked[n] = Math.max(before, seq)
      epochs[n] = epoch
    }
  }

  function lagOf({ epoch, seq, floor }: PartitionHistory, n: number): number {
    // After a reset the client stands where the reset put it, without a word.
    return seq - (epochs[n] === epoch ? (acked[n] as number) : floor)
  }

  return {
    note,
    lag: () => histories.reduce((most, history, n) => Math.max(most, lagOf(history, n)), 0),
  }
}
