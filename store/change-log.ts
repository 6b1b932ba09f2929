/**
 * The log of changes as its readers see it: the position of each partition, the events behind a position, and a stream of
 * published events. Only `heads` and `read` are certain, because a primary answers them at the moment of asking. Published
 * events may be lost, repeated or late: a reader must check that they continue the sequence.
 */

import type { FeedEvent } from '../client/src/wire/index.ts'
import type { StoreContext } from './context.ts'
import type { PartitionNumber } from './partitions.ts'
import { defineScript } from './redis/define-script.ts'
import type { OpenSubscription, Subscription } from './redis/subscription.ts'

/** The position of the log of a partition. */
export interface LogHead {
  /** The history the answering primary is in. */
  readonly epoch: string
  /** Number of the last change. */
  readonly seq: number
  /** The oldest position one can go on from; older events have been dropped. */
  readonly floor: number
}

/** The cutoff of an event. */
export interface LoggedRevocation {
  /** Everything issued at or before this time is void; epoch microseconds. */
  readonly cutoffUs: number
  /** Except what was issued at or before this time. */
  readonly afterUs?: number
  /** Who made the revocation and why, as JSON. */
  readonly details: string
}

/** One change, parsed and as text. */
export interface LoggedEvent {
  readonly seq: number
  readonly event: FeedEvent
  readonly json: string
  /** Absent when the change voided nothing. */
  readonly revocation?: LoggedRevocation
}

/** A part of the log. It has no events when one cannot go on from the position asked for. */
export interface LogPage extends LogHead {
  readonly events: readonly LoggedEvent[]
}

/** A change as it was published. */
export interface PublishedEvent extends LoggedEvent {
  readonly partition: number
  readonly epoch: string
}

/** A listener to published events. */
export interface ChangeListener {
  published(event: PublishedEvent): void
  /** Called when listening begins, or begins again after events may have been missed. */
  subscribed(): void
}

/** Reads the log. */
export interface ChangeLog {
  /** Number of partitions; `heads` returns them in their order. */
  readonly partitions: number
  /**
   * Asks the primaries of all partitions, in one round trip each.
   *
   * @throws {StoreUnavailableError} when one of them does not answer
   */
  heads(): Promise<readonly LogHead[]>
  /** Reads the events behind `from`, at most {@link PAGE_EVENTS}; with '' as epoch reads the position alone. */
  read(partition: PartitionNumber, epoch: string, from: number): Promise<LogPage>
  /** Listens until closed, also across failures of Redis. */
  subscribe(listener: ChangeListener): Subscription
}

/** Most events of one page. */
const PAGE_EVENTS = 256

/** Replaces a logged event that cannot be parsed: to readers, an unknown type affects everything. */
const UNREADABLE = {
  event: { type: 'unreadable' } as unknown as FeedEvent, // a type that no version knows
  json: '{"type":"unreadable"}',
}

const PUBLISHED = /^([A-Za-z0-9_-]{1,2}) ([0-9a-f]{1,40}) (\d{1,15}) (\{.*)$/s
const REVOCATION = /^(?:(\d{1,16})-)?(\d{1,16}) (\{.*\})$/

const readLog = defineScript('read-log', {
  keys: 'head log',
  args: 'followedEpoch fromSeq size',
  row: 'epoch seq floor',
  rows: 'seq description',
})

/** Makes the log of a store. */
export function createChangeLog(
  { run, keys, partitions }: StoreContext,
  openSubscription: OpenSubscription,
): ChangeLog {
  const numbers = new Map(partitions.all.map((partition) => [partitions.tag(partition), partition]))

  async function read(partition: PartitionNumber, epoch: string, from: number): Promise<LogPage> {
    const { head, log } = keys.partition(partition)
    const input = { head, log, followedEpoch: epoch, fromSeq: from, size: PAGE_EVENTS }
    const { rows, ...position } = await readLog(run, input)
    return {
      epoch: position.epoch,
      seq: Number(position.seq),
      floor: Number(position.floor),
      // An event that cannot be parsed has happened all the same.
      events: rows.map(({ seq, description }) => ({
        seq: Number(seq),
        ...(parseDescription(description) ?? UNREADABLE),
      })),
    }
  }

  return {
    partitions: partitions.count,
    read,
    heads: () => Promise.all(partitions.all.map((partition) => read(partition, '', 0))),
    subscribe: ({ published, subscribed }) =>
      openSubscription(keys.channel, {
        subscribed,
        message(text) {
          const event = parsePublished(text, numbers)
          if (event !== undefined) published(event)
        },
      }),
  }
}

/** Parses `<tag> <epoch> <seq> <description>`; `undefined` for anything else, since others may publish to the channel. */
function parsePublished(
  text: string,
  numbers: ReadonlyMap<string, number>,
): PublishedEvent | undefined {
  const [, tag = '', epoch = '', seq, description = ''] = PUBLISHED.exec(text) ?? []
  const partition = numbers.get(tag)
  const described = parseDescription(description)
  if (partition === undefined || described === undefined) return undefined
  return { partition, epoch, seq: Number(seq), ...described }
}

/** Parses `<event>`, and of a revocation the second line `<cutoff µs> <details>` or `<after µs>-<cutoff µs> <details>`. */
function parseDescription(text: string): Omit<LoggedEvent, 'seq'> | undefined {
  const [json = '', second = ''] = text.split('\n', 2)
  const event = parseEvent(json)
  if (event === undefined) return undefined
  const [, afterUs, cutoffUs, details = ''] = REVOCATION.exec(second) ?? []
  if (cutoffUs === undefined) return { event, json }
  const revocation = { cutoffUs: Number(cutoffUs), details }
  if (afterUs === undefined) return { event, json, revocation }
  return { event, json, revocation: { ...revocation, afterUs: Number(afterUs) } }
}

function parseEvent(json: string): FeedEvent | undefined {
  try {
    const event: unknown = JSON.parse(json)
    const type = typeof event === 'object' && event !== null && (event as FeedEvent).type
    return typeof type === 'string' ? (event as FeedEvent) : undefined
  } catch {
    // Not JSON: the callers decide what an unreadable event means.
    return undefined
  }
}
