/**
 * Keeps the revocations a node has seen lately, and writes them again when a partition continues in another history: a
 * failover may have lost the last of them, and must not make revoked tokens valid again.
 *
 * Bounded by age and, per partition, by number; the newest are kept, because a failover loses the newest. In each
 * partition one restore runs at a time, and writes one revocation after the other. A failed write is repeated until its
 * revocation is too old. Another change of epoch makes the restore start over.
 */
import type { LoggedEvent, LoggedRevocation } from '../../store/change-log.ts'
import type { RestoreRevocation } from '../../store/revocations/restore.ts'
import type { Clock } from './clock.ts'
import { invariant } from './invariant.ts'

interface RevocationMemoryOptions {
  readonly partitions: number
  readonly restore: RestoreRevocation
  readonly clock: Clock
  /** How long a revocation is kept, in milliseconds. Default is 600000, as long as it is logged. */
  readonly retentionMs?: number
  /** Most revocations per partition. Default is 256, less with more than 128 partitions. */
  readonly maxKept?: number
  /** Called for each revocation that had been lost. */
  readonly onRestored: (partition: number) => void
}

const DEFAULT_RETENTION_MS = 600_000
const DEFAULT_MAX_KEPT = 256
const KEPT_BUDGET = 32_768
const RETRY_MS = 500

interface Remembered {
  readonly logged: LoggedEvent
  readonly revocation: LoggedRevocation
  readonly seenAt: number
}

/** What is kept of one partition, and whether a restore of it runs. */
class PartitionMemory {
  /** By target and beginning, oldest first. Of two with one name, the one that reaches further includes the other. */
  readonly kept = new Map<string, Remembered>()
  phase: 'idle' | 'restoring' | 'starting-over' = 'idle'

  keep(remembered: Remembered, maxKept: number, isTooOld: (other: Remembered) => boolean): void {
    const { logged, revocation } = remembered
    const name = `${logged.json} ${revocation.afterUs ?? ''}`
    const before = this.kept.get(name)?.revocation.cutoffUs ?? 0
    if (before > revocation.cutoffUs) return
    this.kept.delete(name)
    this.kept.set(name, remembered)
    for (const [oldest, other] of this.kept) {
      if (this.kept.size <= maxKept && !isTooOld(other)) break
      this.kept.delete(oldest)
    }
    invariant(this.kept.size <= maxKept, 'a node keeps a bounded number of revocations')
    invariant(this.kept.get(name) === remembered, 'the newest revocation is kept')
  }

  /** The partition continues in another history. Returns whether no restore runs that could start over. */
  begin(): boolean {
    const isIdle = this.phase === 'idle'
    this.phase = isIdle ? 'restoring' : 'starting-over'
    return isIdle
  }

  /** A restore has ended or was broken off. Returns whether it starts over. */
  end(): boolean {
    const startsOver = this.phase === 'starting-over'
    this.phase = startsOver ? 'restoring' : 'idle'
    return startsOver
  }
}

export class RevocationMemory {
  readonly #options: RevocationMemoryOptions
  readonly #maxKept: number
  readonly #memories: readonly PartitionMemory[]
  readonly #waits = new Map<() => void, () => void>()
  #isClosed = false

  constructor(options: RevocationMemoryOptions) {
    const { partitions } = options
    const defaultKept = Math.min(DEFAULT_MAX_KEPT, Math.ceil(KEPT_BUDGET / partitions))
    this.#options = options
    this.#maxKept = options.maxKept ?? defaultKept
    this.#memories = Array.from({ length: partitions }, () => new PartitionMemory())
  }

  note(partition: number, logged: LoggedEvent): void {
    const { revocation } = logged
    if (revocation === undefined) return
    const remembered = { logged, revocation, seenAt: this.#options.clock.now() }
    this.#memories[partition]?.keep(remembered, this.#maxKept, (other) => this.#isTooOld(other))
  }

  /** The partition continues in another history: writes again what that history may lack. */
  restore(partition: number): void {
    const memory = this.#memories[partition]
    if (memory?.begin() === true) void this.#restoreAll(partition, memory)
  }

  close(): void {
    this.#isClosed = true
    for (const [resolve, cancel] of this.#waits) {
      cancel()
      resolve()
    }
  }

  #isTooOld({ seenAt }: Remembered): boolean {
    const { clock, retentionMs = DEFAULT_RETENTION_MS } = this.#options
    return clock.now() - seenAt > retentionMs
  }

  async #restoreAll(partition: number, memory: PartitionMemory): Promise<void> {
    do {
      for (const remembered of [...memory.kept.values()]) {
        await this.#restoreOne(partition, remembered)
        if (this.#isClosed || memory.phase === 'starting-over') break
      }
    } while (memory.end() && !this.#isClosed)
  }

  async #restoreOne(partition: number, remembered: Remembered): Promise<void> {
    const { logged, revocation } = remembered
    const { restore, onRestored } = this.#options
    while (!this.#isClosed && !this.#isTooOld(remembered)) {
      try {
        if (await restore(partition, logged.event, revocation)) onRestored(partition)
        return
      } catch {
        // Redis cannot be reached again, which its connection reports.
        await this.#pause()
      }
    }
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(RETRY_MS, () => {
      this.#waits.delete(resolve)
      resolve()
    })
    this.#waits.set(resolve, cancel)
    return promise
  }
}
