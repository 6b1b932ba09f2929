/**
 * A change log that delivers each answer and each message when the test says so, without a network. It can trim, lose what
 * it publishes, and fail over to a history that lacks the end of the old one. An answer has the state of the moment in which
 * the question is *served*, which lies between question and answer.
 */
import type { FeedEvent } from '../../client/src/wire/index.ts'
import type { ChangeListener, ChangeLog, LogPage } from '../../store/change-log.ts'
import { StoreUnavailableError } from '../../store/errors.ts'

/** One change that was acknowledged. */
export interface Acknowledged {
  readonly partition: number
  readonly epoch: string
  readonly seq: number
}

/** One thing that is to happen in the network. */
interface NetworkStep {
  /** Published messages may vanish; questions and answers end in an error at worst. */
  readonly isMessage: boolean
  run(): void
}

export interface SimulatedLog {
  readonly log: ChangeLog
  /** In no order; the test picks. */
  readonly pending: NetworkStep[]
  /** Every change of the present histories. */
  acknowledged(): readonly Acknowledged[]
  change(partition: number): void
  trim(partition: number, keep: number): void
  /** Another primary takes over, without the last `lost` changes. */
  failOver(partition: number, lost: number): void
  setReachable(value: boolean): void
}

interface SimulatedPartition {
  epoch: number
  seq: number
  floor: number
}

const PAGE = 3

export function createSimulatedLog(count: number): SimulatedLog {
  const partitions = Array.from(
    { length: count },
    (): SimulatedPartition => ({ epoch: 1, seq: 0, floor: 0 }),
  )
  const pending: NetworkStep[] = []
  const step = (run: () => void) => void pending.push({ isMessage: false, run })
  let listener: ChangeListener | undefined
  let isReachable = true

  const eventOf = (partition: number, epoch: number, seq: number) => {
    const event: FeedEvent = { type: 'subject', sub: `${partition}/${epoch}/${seq}` }
    return { seq, event, json: JSON.stringify(event) }
  }

  function page(partition: number, epoch: string, from: number): LogPage {
    const at = partitions[partition] as SimulatedPartition
    const canGoOn = epoch === String(at.epoch) && from >= at.floor && from < at.seq
    const length = canGoOn ? Math.min(PAGE, at.seq - from) : 0
    const events = Array.from({ length }, (_, n) => eventOf(partition, at.epoch, from + 1 + n))
    return { epoch: String(at.epoch), seq: at.seq, floor: at.floor, events }
  }

  /** Two steps of the network: the question arrives and is served, the answer comes back. */
  function ask<Answer>(serve: () => Answer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    step(() => {
      if (!isReachable) return step(() => reject(new StoreUnavailableError('down')))
      const answer = serve()
      step(() => resolve(answer))
    })
    return promise
  }

  return {
    pending,
    log: {
      partitions: count,
      // Each partition is served at a different moment, as on a Cluster.
      heads: () => Promise.all(partitions.map((_, n) => ask(() => page(n, '', 0)))),
      read: (partition, epoch, from) => ask(() => page(partition, epoch, from)),
      subscribe(subscriber) {
        listener = subscriber
        return { close: () => undefined }
      },
    },
    acknowledged: () =>
      partitions.flatMap(({ epoch, seq }, partition) =>
        Array.from({ length: seq }, (_, n) => ({ partition, epoch: String(epoch), seq: n + 1 })),
      ),
    change(partition) {
      const at = partitions[partition] as SimulatedPartition
      at.seq++
      const message = {
        partition,
        epoch: String(at.epoch),
        ...eventOf(partition, at.epoch, at.seq),
      }
      pending.push({ isMessage: true, run: () => listener?.published(message) })
    },
    trim(partition, keep) {
      const at = partitions[partition] as SimulatedPartition
      at.floor = Math.max(at.floor, at.seq - keep)
    },
    failOver(partition, lost) {
      const at = partitions[partition] as SimulatedPartition
      at.epoch++
      at.seq = Math.max(0, at.seq - lost)
      at.floor = Math.min(at.floor, at.seq)
    },
    setReachable(value) {
      isReachable = value
    },
  }
}
