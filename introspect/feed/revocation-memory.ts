/**
 * The revocations a node has seen lately, to be written again when a partition goes on in another history: a failover
 * may have lost the last of them, and must not bring tokens back.
 *
 * Bounded by age and, per partition, by number: the newest are those that a failover loses. Per partition one replay
 * runs at a time, one revocation after the other; one that fails is tried again until it is too old. A further change of
 * epoch meanwhile starts it again from the beginning.
 */
import type { LoggedEvent, LoggedRevocation } from '../../store/change-log.ts'
import type { RestoreRevocation } from '../../store/revocations/restore.ts'
import type { Clock } from './clock.ts'

export interface RevocationMemoryOptions {
  readonly partitions: number
  readonly restore: RestoreRevocation
  readonly clock: Clock
  /** How long a revocation is remembered, in milliseconds. Default is 600000, as long as it is logged. */
  readonly retentionMs?: number
  /** Most revocations of a partition. Default is 256, less with more than 128 partitions. */
  readonly maxKept?: number
  /** Told of each revocation that had been lost. */
  readonly onRestored: (partition: number) => void
}

export interface RevocationMemory {
  note(partition: number, logged: LoggedEvent): void
  /** The partition goes on in another history: writes what this one may lack. */
  restore(partition: number): void
  close(): void
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

export function createRevocationMemory(options: RevocationMemoryOptions): RevocationMemory {
  const { partitions, restore, clock, onRestored } = options
  const retentionMs = options.retentionMs ?? DEFAULT_RETENTION_MS
  const maxKept = options.maxKept ?? Math.min(DEFAULT_MAX_KEPT, Math.ceil(KEPT_BUDGET / partitions))
  /** By what they name and since when, oldest first: of two such the one that reaches further says it all. */
  const memories = Array.from({ length: partitions }, () => new Map<string, Remembered>())
  /** Partitions whose restore has to begin, or to begin again. */
  const due = new Set<number>()
  const running = new Set<number>()
  const waits = new Map<() => void, () => void>()
  let isClosed = false

  const isTooOld = ({ seenAt }: Remembered) => clock.now() - seenAt > retentionMs

  function note(partition: number, logged: LoggedEvent): void {
    const { revocation } = logged
    const memory = memories[partition]
    if (revocation === undefined || memory === undefined) return
    const name = `${logged.json} ${revocation.afterUs ?? ''}`
    const before = memory.get(name)?.revocation.cutoffUs ?? 0
    if (before > revocation.cutoffUs) return
    memory.delete(name)
    memory.set(name, { logged, revocation, seenAt: clock.now() })
    for (const [oldest, remembered] of memory) {
      if (memory.size <= maxKept && !isTooOld(remembered)) break
      memory.delete(oldest)
    }
  }

  async function work(partition: number): Promise<void> {
    running.add(partition)
    while (due.delete(partition) && !isClosed) {
      for (const remembered of [...(memories[partition]?.values() ?? [])]) {
        await restoreOne(partition, remembered)
        if (isClosed || due.has(partition)) break
      }
    }
    running.delete(partition)
  }

  async function restoreOne(partition: number, remembered: Remembered): Promise<void> {
    const { logged, revocation } = remembered
    while (!isClosed && !isTooOld(remembered)) {
      try {
        if (await restore(partition, logged.event, revocation)) onRestored(partition)
        return
      } catch {
        // Redis is away again, which its connection reports.
        await pause()
      }
    }
  }

  function pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = clock.after(RETRY_MS, () => {
      waits.delete(resolve)
      resolve()
    })
    waits.set(resolve, cancel)
    return promise
  }

  return {
    note,
    restore(partition) {
      due.add(partition)
      if (!running.has(partition)) void work(partition)
    },
    close() {
      isClosed = true
      for (const [resolve, cancel] of waits) {
        cancel()
        resolve()
      }
    },
  }
}
