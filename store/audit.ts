/**
 * The audit: who did what to whom, when, from where, with what result. Three streams with a bound each, so that neither a
 * busy login nor an attack can push the record of a revocation out. Reading merges them by time.
 *
 * Records name subjects, clients and public ids; no token and no secret ever stands in one.
 */
import type { StoreContext } from './context.ts'
import type { AuditStream } from './keys.ts'

/** What happened. */
export interface AuditRecord {
  readonly action: string
  readonly result: 'done' | 'refused'
  /** Subject of the operator's token. */
  readonly actor?: string
  /** The client that was used. */
  readonly actor_client?: string
  /** On whom. */
  readonly subject?: string
  readonly client?: string
  /** What else names the thing: level, jti, grant, session, context, role … */
  readonly target?: Readonly<Record<string, string | number | boolean>>
  readonly error?: string
  readonly reason?: string
  /** The caller's address. */
  readonly source?: string
  readonly request_id?: string
  /** How many events this record stands for; absent for one. */
  readonly count?: number
}

/** A record as it was kept. */
export interface KeptAuditRecord extends AuditRecord {
  readonly id: string
  /** Epoch seconds, with milliseconds. */
  readonly at: number
}

/** Which records. Times in epoch seconds. */
export interface AuditQuery {
  readonly order: 'asc' | 'desc'
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly size: number
  /** Id of the last record looked at. */
  readonly cursor?: string | undefined
  readonly matches: (record: AuditRecord) => boolean
}

/** One page; it may be shorter than asked and still have a next one. */
export interface AuditPage {
  readonly records: readonly KeptAuditRecord[]
  /** Goes on from here; absent at the end (of what there is now, in ascending order). */
  readonly next?: string
}

/** Keeps and tells records. */
export interface Audit {
  /** @throws {StoreUnavailableError} when it was not kept */
  append(record: AuditRecord): Promise<void>
  read(query: AuditQuery): Promise<AuditPage>
  /** Whether a text could be the id of a record. */
  isId(text: string): boolean
}

/** A stream: its letter in ids, and how many records it holds. */
const STREAMS: Readonly<Record<AuditStream, { readonly letter: string; readonly most: number }>> = {
  changes: { letter: 'c', most: 1_000_000 },
  issues: { letter: 'i', most: 500_000 },
  refusals: { letter: 'r', most: 100_000 },
}

const CHUNK = 500
/** Records looked at for one page, at most: a filter that matches little must not hold Redis up. */
const MAX_LOOKED_AT = 10_000
const ID = /^(\d{1,15})-(\d{1,15})([cir])$/

interface Position {
  readonly ms: number
  readonly n: number
  readonly letter: string
}

interface Found {
  readonly position: Position
  readonly json: string
}

/** Makes the audit of a store. */
export function createAudit({ keys, run, auditRetentionMs }: StoreContext): Audit {
  const streams = Object.entries(STREAMS) as [AuditStream, (typeof STREAMS)[AuditStream]][]

  /** One chunk of a stream behind a position; `isWhole` when there is no more. */
  async function readStream(
    [stream, { letter }]: (typeof streams)[number],
    { order, since, until }: AuditQuery,
    after: Position | undefined,
  ) {
    const oldest = since === undefined ? '-' : String(Math.ceil(since * 1_000))
    const newest = until === undefined ? '+' : String(Math.floor(until * 1_000))
    const [first, last] = order === 'asc' ? [oldest, newest] : [newest, oldest]
    const begin = after === undefined ? first : beginAfter(after, letter, order)
    const reply = (await run(
      'read-audit',
      [keys.audit(stream)],
      [order, begin, last, CHUNK],
    )) as readonly string[]
    const found: Found[] = []
    for (let i = 0; i < reply.length; i += 2) {
      const [ms, n] = (reply[i] as string).split('-').map(Number) as [number, number]
      found.push({ position: { ms, n, letter }, json: reply[i + 1] as string })
    }
    return { found, isWhole: found.length < CHUNK }
  }

  /** What follows a position in all streams, as far as all of them were read. */
  async function readBehind(query: AuditQuery, after: Position | undefined) {
    const parts = await Promise.all(streams.map((stream) => readStream(stream, query, after)))
    const inOrder = (one: Found, other: Found) =>
      query.order === 'asc'
        ? compare(one.position, other.position)
        : compare(other.position, one.position)
    const ends = parts.filter(({ isWhole }) => !isWhole).map(({ found }) => found.at(-1) as Found)
    const nearest = ends.toSorted(inOrder)[0]
    const found = parts.flatMap((part) => part.found).sort(inOrder)
    return nearest === undefined
      ? { found, isWhole: true }
      : { found: found.filter((one) => inOrder(one, nearest) <= 0), isWhole: false }
  }

  return {
    async append(record) {
      const stream = streamOf(record)
      const { most } = STREAMS[stream]
      await run(
        'append-audit',
        [keys.audit(stream)],
        [JSON.stringify(record), auditRetentionMs, most],
      )
    },

    async read(query) {
      const records: KeptAuditRecord[] = []
      let after = query.cursor === undefined ? undefined : parseId(query.cursor)
      for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; ) {
        const { found, isWhole } = await readBehind(query, after)
        for (const { position, json } of found) {
          if (records.length === query.size) return pageOf(records, after)
          after = position
          const record = JSON.parse(json) as AuditRecord
          if (query.matches(record)) records.push(keep(record, position))
        }
        if (isWhole) return { records }
        lookedAt += found.length
      }
      return pageOf(records, after)
    },

    isId: (text) => ID.test(text),
  }
}

function streamOf({ action, result }: AuditRecord): AuditStream {
  if (result === 'refused') return 'refusals'
  return action === 'token.issue' ? 'issues' : 'changes'
}

function pageOf(records: readonly KeptAuditRecord[], after: Position | undefined): AuditPage {
  return after === undefined ? { records } : { records, next: idOf(after) }
}

function keep(record: AuditRecord, position: Position): KeptAuditRecord {
  return { id: idOf(position), at: position.ms / 1_000, ...record }
}

function idOf({ ms, n, letter }: Position): string {
  return `${ms}-${n}${letter}`
}

function parseId(id: string): Position | undefined {
  const [, ms, n, letter] = ID.exec(id) ?? []
  return letter === undefined ? undefined : { ms: Number(ms), n: Number(n), letter }
}

/** Streams count for themselves; of two records of one moment the letter of their streams decides. */
function compare(one: Position, other: Position): number {
  return one.ms - other.ms || one.n - other.n || one.letter.localeCompare(other.letter)
}

function beginAfter({ ms, n, letter }: Position, own: string, order: 'asc' | 'desc'): string {
  const isBehind = order === 'asc' ? own > letter : own < letter
  return isBehind ? `${ms}-${n}` : `(${ms}-${n}`
}
