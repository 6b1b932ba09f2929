import type { FeedCursor } from '../../client/src/wire/index.ts'
import type { PartitionHistory } from './partition-history.ts'

/**
 * What a client has acknowledged as applied: one position per partition. It moves only forwards, and only in the epoch the
 * node follows. It is kept from the first `ack` on, and everything that the client received before that counts as
 * acknowledged: a client that never acknowledges costs nothing.
 */
export class AckLedger {
  readonly #histories: readonly PartitionHistory[]
  readonly #acked: Float64Array
  readonly #epochs: string[]

  constructor(histories: readonly PartitionHistory[]) {
    this.#histories = histories
    this.#acked = Float64Array.from(histories, ({ seq }) => seq)
    this.#epochs = histories.map(({ epoch }) => epoch)
  }

  note(cursors: Readonly<Record<string, FeedCursor>>): void {
    for (const [partition, [epoch, seq]] of Object.entries(cursors)) {
      const n = Number(partition)
      const history = this.#histories[n]
      if (history === undefined || history.epoch !== epoch || seq > history.seq) continue
      const before = this.#epochs[n] === epoch ? (this.#acked[n] as number) : 0
      this.#acked[n] = Math.max(before, seq)
      this.#epochs[n] = epoch
    }
  }

  /** Most changes that any partition is ahead of what was acknowledged. */
  lag(): number {
    return Math.max(0, ...this.#histories.map((history, n) => this.#lagOf(history, n)))
  }

  #lagOf({ epoch, seq, floor }: PartitionHistory, n: number): number {
    // A client does not acknowledge a reset: it continues from the position that the reset gave it.
    return seq - (this.#epochs[n] === epoch ? (this.#acked[n] as number) : floor)
  }
}
