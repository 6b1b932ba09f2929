/**
 * The audit: who did what to whom, when, from where, with what result. Each kind of writer has its own bounded stream, so
 * that neither busy logins, nor clients that revoke their own tokens, nor imports of roles, nor readers, nor an attack push
 * out the record of an operator's revocation. Reading merges the streams by time.
 *
 * Records name subjects, clients and public ids. They never contain a token or a secret.
 */
import type { AuditRecord } from '../client/src/wire/index.ts'
import type { StoreContext } from './context.ts'
import type { AuditStream } from './keys.ts'
import { defineScript } from './redis/define-script.ts'

/** A stored record. */
interface KeptAuditRecord extends AuditRecord {
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
  /** Where another page ended. */
  readonly cursor?: string | undefined
  readonly matches: (record: AuditRecord) => boolean
}

/** One page; it may be shorter than asked and still have a next one. */
export interface AuditPage {
  readonly records: readonly KeptAuditRecord[]
  /** Goes on from here; absent at the end of what there is now. */
  readonly next?: string
  /** Cursor for records written from now on, in ascending order; absent where it is not known. */
  readonly follow?: string
}

/** Stores and reads records. */
export interface Audit {
  /** @throws {StoreUnavailableError} when it was not stored */
  append(record: AuditRecord): Promise<void>
  read(query: AuditQuery): Promise<AuditPage>
  /** Whether a text could be a cursor. */
  isCursor(text: string): boolean
}

interface StreamLimits {
  readonly name: AuditStream
  /** Names the stream in ids and cursors. */
  readonly letter: string
  readonly maxRecords: number
}

const STREAMS: readonly StreamLimits[] = [
  { name: 'changes', letter: 'c', maxRecords: 1_000_000 },
  { name: 'issues', letter: 'i', maxRecords: 500_000 },
  { name: 'refusals', letter: 'r', maxRecords: 100_000 },
  // What clients do by themselves: revoke and exchange tokens.
  { name: 'own', letter: 'o', maxRecords: 200_000 },
  { name: 'assignments', letter: 'a', maxRecords: 1_000_000 },
  { name: 'reads', letter: 'q', maxRecords: 100_000 },
]

/** The stream of an action; all other actions are changes. */
const STREAM_OF_ACTION: ReadonlyMap<string, AuditStream> = new Map([
  ['token.issue', 'issues'],
  ['token.exchange', 'own'],
  ['role_assignments.apply', 'assignments'],
  ['audit.read', 'reads'],
  ['token.explain', 'reads'],
  ['revocation.forecast', 'reads'],
])

const CHUNK = 500
/** Most records read for one page: a filter that matches little must not keep Redis busy. */
const MAX_LOOKED_AT = 10_000
/** How far each stream was read, by its letter. */
const CURSOR = /^(?:[ciroaq]\d{1,15}-\d{1,15}){1,6}$/
const CURSOR_PART = /([ciroaq])(\d+-\d+)/g

/**
 * How far each stream was read. One position for all would miss records: the streams are written independently.
 */
type Reached = Readonly<Record<string, string>>

const NOWHERE: Reached = Object.fromEntries(STREAMS.map(({ letter }) => [letter, '0-0']))

interface Position {
  readonly ms: number
  readonly n: number
  readonly letter: string
}

interface Found {
  readonly position: Position
  readonly json: string
}

const appendRecord = defineScript('append-audit', {
  keys: 'stream',
  args: 'record retentionMs maxRecords',
  row: 'id',
})

const readRecords = defineScript('read-audit', {
  keys: 'stream',
  args: 'order first last size',
  rows: 'id record',
})

/** Makes the audit of a store. */
export function createAudit(context: StoreContext): Audit {
  const { keys, run, auditRetentionMs } = context
  const limits = new Map(STREAMS.map(({ name, maxRecords }) => [name, maxRecords]))
  return {
    async append(record) {
      const stream = streamOf(record)
      await appendRecord(run, {
        stream: keys.audit(stream),
        record: JSON.stringify(record),
        retentionMs: auditRetentionMs,
        maxRecords: limits.get(stream) ?? 0,
      })
    },

    read: (query) => readPage(context, query),

    isCursor: (text) => CURSOR.test(text),
  }
}

async function readPage(context: StoreContext, query: AuditQuery): Promise<AuditPage> {
  const records: KeptAuditRecord[] = []
  const isFirst = query.cursor === undefined
  let reached = parseCursor(query.cursor ?? '')
  let follow: string | undefined
  const page = (isEnd: boolean): AuditPage => ({
    records,
    ...(isEnd ? {} : { next: cursorOf(reached) }),
    ...followOf(query, isEnd, isFirst ? follow : undefined, reached),
  })
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; ) {
    const { found, heads, isWhole } = await readBehind(context, query, reached)
    follow ??= cursorOf(heads)
    for (const { position, json } of found) {
      if (records.length === query.size) return page(false)
      reached = { ...reached, [position.letter]: idIn({ position }) }
      const record = JSON.parse(json) as AuditRecord
      if (query.matches(record)) records.push(keep(record, position))
    }
    if (isWhole) return page(true)
    lookedAt += found.length
  }
  return page(false)
}

/** The records behind a position in all streams, up to the point to which all of them were read. */
async function readBehind(context: StoreContext, query: AuditQuery, reached: Reached) {
  const parts = await Promise.all(
    STREAMS.map((stream) => readStream(context, stream, query, reached)),
  )
  const inOrder = (one: Found, other: Found) =>
    query.order === 'asc'
      ? compare(one.position, other.position)
      : compare(other.position, one.position)
  const ends = parts.flatMap(({ isWhole, found }) => (isWhole ? [] : found.slice(-1)))
  const nearest = ends.toSorted(inOrder)[0]
  const found = parts.flatMap((part) => part.found).sort(inOrder)
  /** The newest of each stream, when reading back from there. */
  const heads = Object.fromEntries(
    STREAMS.map(({ letter }, index) => [letter, idIn(parts[index]?.found[0])]),
  )
  return nearest === undefined
    ? { found, heads, isWhole: true }
    : { found: found.filter((one) => inOrder(one, nearest) <= 0), heads, isWhole: false }
}

/** One chunk of a stream behind a position; `isWhole` when there is no more. */
async function readStream(
  { keys, run }: StoreContext,
  { name, letter }: StreamLimits,
  { order, since, until }: AuditQuery,
  reached: Reached,
) {
  const oldest = since === undefined ? '-' : String(Math.ceil(since * 1_000))
  const newest = until === undefined ? '+' : String(Math.floor(until * 1_000))
  const [begin, last] = order === 'asc' ? [oldest, newest] : [newest, oldest]
  const first = laterOf(begin, reached[letter], order)
  const { rows } = await readRecords(run, {
    stream: keys.audit(name),
    order,
    first,
    last,
    size: CHUNK,
  })
  const found = rows.map(({ id, record }): Found => {
    const [ms = 0, n = 0] = id.split('-').map(Number)
    return { position: { ms, n, letter }, json: record }
  })
  return { found, isWhole: found.length < CHUNK }
}

function streamOf({ action, result, actor }: AuditRecord): AuditStream {
  if (result === 'refused') return 'refusals'
  // Without an actor it was the client itself.
  if (action === 'revocation.create' && actor === undefined) return 'own'
  return STREAM_OF_ACTION.get(action) ?? 'changes'
}

function keep(record: AuditRecord, position: Position): KeptAuditRecord {
  return { id: idOf(position), at: position.ms / 1_000, ...record }
}

function idOf({ ms, n, letter }: Position): string {
  return `${ms}-${n}${letter}`
}

function parseCursor(cursor: string): Reached {
  return Object.fromEntries(
    [...cursor.matchAll(CURSOR_PART)].map(([, letter = '', id = '']) => [letter, id]),
  )
}

function cursorOf(reached: Reached): string {
  return Object.entries(reached)
    .map(([letter, id]) => letter + id)
    .join('')
}

/** Reading upwards, new records come behind the end; reading downwards, behind the beginning of the first page. */
function followOf(
  { order }: AuditQuery,
  isEnd: boolean,
  heads: string | undefined,
  reached: Reached,
): Pick<AuditPage, 'follow'> {
  if (order === 'desc') return heads === undefined ? {} : { follow: heads }
  return isEnd ? { follow: cursorOf({ ...NOWHERE, ...reached }) } : {}
}

/** The id of a record inside its stream; without a record, the id before all others. */
function idIn(found: Pick<Found, 'position'> | undefined): string {
  return found === undefined ? '0-0' : `${found.position.ms}-${found.position.n}`
}

/** Ids of different streams are independent; the letter of the stream orders two records with the same one. */
function compare(one: Position, other: Position): number {
  return one.ms - other.ms || one.n - other.n || one.letter.localeCompare(other.letter)
}

/** A range begins behind the position reached, or at its own bound if that is further on. */
function laterOf(bound: string, reached: string | undefined, order: 'asc' | 'desc'): string {
  if (reached === undefined) return bound
  const behind = `(${reached}`
  if (bound === '-' || bound === '+') return behind
  const isFurther =
    order === 'asc'
      ? Number.parseInt(reached, 10) < Number(bound)
      : Number.parseInt(reached, 10) > Number(bound)
  return isFurther ? bound : behind
}
