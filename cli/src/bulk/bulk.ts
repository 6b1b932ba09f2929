/**
 * Sends any number of lines to a route that answers line by line. They travel in requests of bounded size, one after the
 * other and in order; what a request has finished when the connection breaks is known by its `through` lines, and the
 * rest is sent again. Everything sent may be repeated, so an answer that was lost does no harm.
 *
 * Nothing of a window counts before its `through` line: after a break its lines are answered again.
 */

import { type CliError, EXIT, interruption, unreachable } from '../exit.ts'
import type { Api, Json } from '../service/api.ts'
import { pause } from '../service/retry.ts'

/** One line to be sent. */
export interface BulkItem {
  /** JSON without a line end. */
  readonly json: string
  /** Its number in the source, for people. */
  readonly number: number
  /** Bytes of the source up to behind it. */
  readonly end: number
}

/** Called in order as the work is done. */
export interface BulkEvents {
  /** The server's answer about an item. */
  readonly answered: (item: BulkItem, answer: Json) => Promise<void> | void
  /** Everything up to and with this item is done; `counts` are the server's of what was done since the last call. */
  readonly through: (
    item: BulkItem,
    counts: Readonly<Record<string, number>>,
  ) => Promise<void> | void
}

/** What to send where. */
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

/** Does the work. @throws {CliError} when it cannot go on; what `through` was told stays done */
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
      const mayPass = (error as CliError).exitCode === EXIT.unreachable
      if (!mayPass || attempt >= ATTEMPTS_WITHOUT_PROGRESS) throw error
      const ceiling = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt)
      await pause(work.random() * ceiling, work.interrupted)
    }
  }
}

interface Shipment {
  readonly items: readonly BulkItem[]
  /** So many of the items are done. */
  readonly advance: (count: number) => void
}

async function sendOnce(
  api: Api,
  { path, query }: BulkWork,
  events: BulkEvents,
  { items, advance }: Shipment,
): Promise<void> {
  const body = items.map(({ json }) => `${json}\n`).join('')
  let waiting: { readonly line: number; readonly answer: Json }[] = []
  let earlier: Readonly<Record<string, number>> = {}
  const settle = async (through: number, counts: Readonly<Record<string, number>>) => {
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
  throw unreachable('the answer broke off before its end', 'Repeating is safe.')
}

function cutShort({ error, detail }: Json): CliError {
  const reason = typeof detail === 'string' ? detail : String(error ?? 'no reason is given')
  return unreachable(`the issuer could not go on: ${reason}`, 'Repeating is safe.')
}

const NO_COUNTS: ReadonlySet<string> = new Set(['line', 'through', 'lines', 'errors_omitted'])

function countsOf(answer: Json): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(answer).filter(
      (entry): entry is [string, number] =>
        typeof entry[1] === 'number' && !NO_COUNTS.has(entry[0]),
    ),
  )
}

function differences(
  now: Readonly<Record<string, number>>,
  earlier: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
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
