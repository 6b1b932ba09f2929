/**
 * Sends any number of lines to a route that answers line by line, in order, in requests of bounded size. When a connection
 * breaks, the `through` lines received so far say what is done, and the rest is sent again. All lines are idempotent, so a
 * lost answer does no harm.
 *
 * Answers are held back until their `through` line: after a break the lines behind it are answered again.
 */

import { type CliError, EXIT, interruption, unreachable } from '../exit.ts'
import type { Api, Json } from '../service/api.ts'
import { pause } from '../service/retry.ts'

/** Numbers by name. */
export type Counts = Readonly<Record<string, number>>

/** One line to send. */
export interface BulkItem {
  /** JSON without a line end. */
  readonly json: string
  /** Its number in the source. */
  readonly number: number
  /** Bytes of the source up to its end. */
  readonly end: number
}

/** Called in order as the work goes on. */
export interface BulkEvents {
  /** The server has answered about an item. */
  readonly answered: (item: BulkItem, answer: Json) => Promise<void> | void
  /** Everything up to and including this item is done. `counts` are the server's counts since the last call. */
  readonly through: (item: BulkItem, counts: Counts) => Promise<void> | void
}

/** What to send, and where. */
export interface BulkWork {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly items: AsyncIterable<BulkItem>
  readonly random: () => number
  readonly interrupted: AbortSignal
}

const MAX_LINES = 20_000
const MAX_BYTES = 4 * 1_048_576
const ATTEMPTS_WITHOUT_PROGRESS = 8
const FIRST_WAIT_MS = 100
const MAX_WAIT_MS = 5_000

/** Sends everything. @throws {CliError} when it cannot continue; what `through` has reported stays done */
export async function runBulk(api: Api, work: BulkWork, events: BulkEvents): Promise<void> {
  for await (const batch of batchesOf(work.items)) await sendBatch(api, work, events, batch)
}

async function sendBatch(
  api: Api,
  work: BulkWork,
  events: BulkEvents,
  batch: readonly BulkItem[],
): Promise<void> {
  let left = batch
  let attempt = 0
  while (left.length > 0) {
    if (work.interrupted.aborted) throw interruption()
    const before = left
    const advance = (count: number) => {
      left = before.slice(count)
      if (count > 0) attempt = 0
    }
    try {
      await sendOnce(api, work, events, { items: before, advance })
    } catch (error) {
      attempt += 1
      const isTransient = (error as CliError).exitCode === EXIT.unreachable
      if (!isTransient || attempt >= ATTEMPTS_WITHOUT_PROGRESS) throw error
      const ceiling = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt)
      await pause(work.random() * ceiling, work.interrupted)
    }
  }
}

interface Batch {
  readonly items: readonly BulkItem[]
  /** Reports how many of the items are done. */
  readonly advance: (count: number) => void
}

async function sendOnce(
  api: Api,
  { path, query }: BulkWork,
  events: BulkEvents,
  { items, advance }: Batch,
): Promise<void> {
  const body = items.map(({ json }) => `${json}\n`).join('')
  let waiting: { readonly line: number; readonly answer: Json }[] = []
  let earlier: Counts = {}
  const settle = async (through: number, counts: Counts) => {
    const last = items[through - 1]
    if (last === undefined) return
    for (const { line, answer } of waiting) {
      const item = items[line - 1]
      if (item !== undefined && line <= through) await events.answered(item, answer)
    }
    waiting = waiting.filter(({ line }) => line > through)
    advance(through)
    await events.through(last, differences(counts, earlier))
    earlier = counts
  }
  for await (const answer of await api.adminLines(path, query, body)) {
    const { line, through, done } = answer
    if (typeof line === 'number') waiting.push({ line, answer })
    else if (done === true) return settle(items.length, countsOf(answer))
    else if (typeof through === 'number') await settle(through, countsOf(answer))
    if (done === false) throw cutShort(answer)
  }
  throw unreachable('the answer broke off before its end', 'It is safe to repeat the command.')
}

function cutShort({ error, detail }: Json): CliError {
  const reason = typeof detail === 'string' ? detail : String(error ?? 'it gives no reason')
  return unreachable(
    `the issuer could not continue: ${reason}`,
    'It is safe to repeat the command.',
  )
}

const NO_COUNTS: ReadonlySet<string> = new Set(['line', 'through', 'lines', 'errors_omitted'])

function countsOf(answer: Json): Counts {
  return Object.fromEntries(
    Object.entries(answer).filter(
      (entry): entry is [string, number] =>
        typeof entry[1] === 'number' && !NO_COUNTS.has(entry[0]),
    ),
  )
}

function differences(now: Counts, earlier: Counts): Counts {
  return Object.fromEntries(
    Object.entries(now).map(([name, value]) => [name, value - (earlier[name] ?? 0)]),
  )
}

async function* batchesOf(items: AsyncIterable<BulkItem>): AsyncGenerator<readonly BulkItem[]> {
  let batch: BulkItem[] = []
  let bytes = 0
  for await (const item of items) {
    batch.push(item)
    bytes += item.json.length
    if (batch.length < MAX_LINES && bytes < MAX_BYTES) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}
