/** `?cursor=&limit=` of the listing routes. Cursors are opaque: they say where a page ended, and nothing secret. */
import type { ProblemError } from '../../http/errors/problem.ts'
import type { RouteContext } from '../../http/pipeline/request-context.ts'
import type { PageCursor } from '../../store/grants/live-grants.ts'
import { badQuery, readQuery } from './query.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 500
/** The longest role and the longest subject, encoded. */
const MAX_CURSOR_LENGTH = 1_200

/** A request for a page. */
export interface PageRequest<Filter extends string = never> {
  readonly cursor: string | undefined
  readonly limit: number
  readonly filters: Readonly<Partial<Record<Filter, string>>>
}

/**
 * Reads `cursor`, `limit` and what else the listing takes.
 *
 * @throws {ProblemError} 400 for a doubled, unknown or malformed parameter
 */
export function parsePageRequest<Filter extends string = never>(
  ctx: Pick<RouteContext, 'querystring'>,
  filterNames: readonly Filter[] = [],
): PageRequest<Filter> {
  const query: Readonly<Record<string, string | undefined>> = readQuery(ctx, [
    ...filterNames,
    'cursor',
    'limit',
  ])
  const { cursor, limit = String(DEFAULT_LIMIT), ...filters } = query
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MAX_LIMIT) {
    throw badQuery(`The limit must be a whole number from 1 to ${MAX_LIMIT}.`)
  }
  if (cursor !== undefined && (cursor === '' || cursor.length > MAX_CURSOR_LENGTH))
    throw badCursor()
  return { cursor, limit: Number(limit), filters: filters as Partial<Record<Filter, string>> }
}

/** Writes where a page of a subject's index ended. */
export function encodeCursor({ score, member }: PageCursor): string {
  return Buffer.from(`${score} ${member}`).toString('base64url')
}

/** Reads it back; none is the start. @throws {ProblemError} 400 when it is not one of ours */
export function decodeCursor(cursor: string | undefined): PageCursor | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const [, score, member] = /^(-?\d{1,12}) ([A-Za-z0-9_-]{1,64})$/.exec(text) ?? []
  if (score === undefined || member === undefined) throw badCursor()
  return { score, member }
}

/** Writes where a page ended, as a text of our own. */
export function encodeText(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** Reads such a text back. @throws {ProblemError} 400 when it cannot be one of ours */
export function decodeText(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  // Both decoders make do with anything; what does not come out the same was not ours.
  if (encodeText(text) !== cursor) throw badCursor()
  return text
}

/** The refusal of a cursor that was not handed out by the same listing. */
export function badCursor(): ProblemError {
  return badQuery('The cursor is not one this listing handed out; start again without it.')
}
