/** `?cursor=&limit=` of listings. A cursor says where a page ended; it is opaque to callers and contains nothing secret. */
import type { ProblemError } from '../../http/errors/problem.ts'
import type { RouteContext } from '../../http/pipeline/request-context.ts'
import type { PageCursor } from '../../store/grants/live-grants.ts'
import { badQuery, readQuery } from './query.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 500
/** Room for the longest role and the longest subject, encoded. */
const MAX_CURSOR_LENGTH = 1_200

/** A request for a page. */
export interface PageRequest<Filter extends string = never> {
  readonly cursor: string | undefined
  readonly limit: number
  readonly filters: Readonly<Partial<Record<Filter, string>>>
}

/**
 * Reads `cursor`, `limit` and the filters of the listing.
 *
 * @throws {ProblemError} 400 for a repeated, unknown or malformed parameter
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

/** The cursor after a page of a subject's index. */
export function encodeCursor({ score, member }: PageCursor): string {
  return Buffer.from(`${score} ${member}`).toString('base64url')
}

/** Reads such a cursor; undefined means the first page. @throws {ProblemError} 400 when it is not one */
export function decodeCursor(cursor: string | undefined): PageCursor | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const [, score, member] = /^(-?\d{1,12}) ([A-Za-z0-9_-]{1,64})$/.exec(text) ?? []
  if (score === undefined || member === undefined) throw badCursor()
  return { score, member }
}

/** The cursor of a listing that pages by a text. */
export function encodeText(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** Reads the text of such a cursor. @throws {ProblemError} 400 when it is not one */
export function decodeText(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  // Both decoders accept anything; a cursor that does not encode back to itself is not one.
  if (encodeText(text) !== cursor) throw badCursor()
  return text
}

/** The refusal of a cursor that this listing did not return. */
export function badCursor(): ProblemError {
  return badQuery('This listing did not return this cursor. Start again without it.')
}
