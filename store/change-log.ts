/**
 * The log of changes as its readers see it: where each partition stands, what follows a position, and a stream of hints
 * as changes happen. Only what `heads` and `read` say is certain, because a primary says it at the moment of asking;
 * published events may be lost, repeated or late, and whoever uses them checks that they continue a sequence.
 */
import type { FeedEvent } from '../client/src/wire/index.ts'
import type { StoreContext } from './context.ts'
import { StoreReplyError } from './errors.ts'
import type { OpenSubscription, Subscription } from './redis/subscription.ts'

/** Where the log of a partition stands. */
export interface LogHead {
  /** The history the answering primary is in. */
  readonly epoch: string
  /** Number of the last change. */
  readonly seq: number
  /** The oldest position one can go on from; later than that, older changes have been dropped. */
  readonly floor: number
}

/** The cutoff that an event tells of. */
export interface LoggedRevocation {
  /** Everything issued at or before this time is void; epoch microseconds. */
  readonly cutoffUs: number
  /** Except what was issued at or before this time. */
  readonly afterUs?: number
  /** Who did it and why, as JSON. */
  readonly details: string
}

/** One change, parsed and as the text it was written as. */
export interface LoggedEvent {
  readonly seq: number
  readonly event: FeedEvent
  readonly json: string
  /** Absent when the change made nothing void. */
  readonly revocation?: LoggedRevocation
}

/** A piece of the log. It holds no events when one cannot go on from the position asked. */
export interface LogPage extends LogHead {
  readonly events: readonly LoggedEvent[]
}

/** A change as it was published. */
export interface PublishedEvent extends LoggedEvent {
  readonly partition: number
  readonly epoch: string
}

/** Who listens to published events. */
export interface ChangeListener {
  published(event: PublishedEvent): void
  /** Listening from now on, possibly after a time of missing everything. */
  subscribed(): void
}

/** Reads the log. */
export interface ChangeLog {
  /** Number of partitions; heads come in their order. */
  readonly partitions: number
  /**
   * Asks the primaries of all partitions, in one round trip each.
   *
   * @throws {StoreUnavailableError} when one of them does not answer
   */
  heads(): Promise<readonly LogHead[]>
  /** Reads what follows `from`, at most {@link PAGE_EVENTS} events; '' as epoch reads the head alone. */
  read(partition: number, epoch: string, from: number): Promise<LogPage>
  /** Listens until closed, through whatever happens to Redis. */
  subscribe(listener: ChangeListener): Subscription
}

/** Most events of one page. */
export const PAGE_EVENTS = 256

/** Stands for a logged event that cannot be read: readers take an unknown type as touching everything. */
const UNREADABLE = {
  event: { type: 'unreadable' } as unknown as FeedEvent, // a type that no version knows
  json: '{"type":"unreadable"}',
}

const PUBLISHED = /^([A-Za-z0-9_-]{1,2}) ([0-9a-f]{1,40}) (\d{1,15}) (\{.*)$/s
const REVOCATION = /^(?:(\d{1,16})-)?(\d{1,16}) (\{.*\})$/

/** Makes the log of a store. */
export function createChangeLog(
  { run, keys, partitions }: StoreContext,
  openSubscription: OpenSubscription,
): ChangeLog {
  const numbers = new Map(
    Array.from({ length: partitions.count }, (_, n) => [partitions.tag(n), n] as const),
  )

  async function read(partition: number, epoch: string, from: number): Promise<LogPage> {
    const { head, log } = keys.partition(partition)
    const [answeringEpoch, seq, floor, ...entries] = await run(
      'read-log',
      [head, log],
      [epoch, from, PAGE_EVENTS],
    )
    if (
      typeof answeringEpoch !== 'string' ||
      typeof seq !== 'number' ||
      typeof floor !== 'number'
    ) {
      throw new StoreReplyError('read-log answered no head')
    }
    return { epoch: answeringEpoch, seq, floor, events: toEvents(entries) }
  }

  return {
    partitions: partitions.count,
    read,
    heads: () =>
      Promise.all(
        Array.from({ length: partitions.count }, (_, partition) => read(partition, '', 0)),
      ),
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

function toEvents(entries: readonly (string | number)[]): LoggedEvent[] {
  const events: LoggedEvent[] = []
  for (let i = 0; i < entries.length; i += 2) {
    // The change has happened, whatever its description is worth.
    const described = parseDescription(String(entries[i + 1])) ?? UNREADABLE
    events.push({ seq: Number(entries[i]), ...described })
  }
  return events
}

/** Reads `<tag> <epoch> <seq> <description>`; `undefined` for anything else, as anybody may publish anything. */
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

/** Reads `<event>`, and in a second line `<cutoff µs> <details>` or `<after µs>-<cutoff µs> <details>` if it is a revocation. */
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
    // Not JSON: the callers know what an unreadable event means.
    return undefined
  }
}
