/** `?cursor=&limit=` of the listing routes. Cursors are opaque: they say where a page ended, and nothing secret. */
import { ProblemError } from '../../http/problem.ts'
import type { RouteContext } from '../../http/request-state.ts'
import type { PageCursor } from '../../store/subjects.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 500
const MAX_CURSOR_LENGTH = 512

/** A request for a page. */
export interface PageRequest {
  readonly cursor: string | undefined
  readonly limit: number
}

/** @throws {ProblemError} 400 for a doubled, unknown or malformed parameter */
export function parsePageRequest(ctx: RouteContext): PageRequest {
  const searchParams = new URLSearchParams(ctx.querystring)
  for (const name of searchParams.keys()) {
    if (name !== 'cursor' && name !== 'limit') throw badQuery('Only cursor and limit may be given.')
    if (searchParams.getAll(name).length > 1)
      throw badQuery(`The parameter ${name} is given twice.`)
  }
  const limit = searchParams.get('limit') ?? String(DEFAULT_LIMIT)
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MAX_LIMIT) {
    throw badQuery(`The limit must be a whole number from 1 to ${MAX_LIMIT}.`)
  }
  const cursor = searchParams.get('cursor') ?? undefined
  if (cursor !== undefined && (cursor === '' || cursor.length > MAX_CURSOR_LENGTH))
    throw badCursor()
  return { cursor, limit: Number(limit) }
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

/** The refusal of a cursor that was not handed out by the same listing. */
export function badCursor(): ProblemError {
  return badQuery('The cursor is not one this listing handed out; start again without it.')
}

function badQuery(detail: string): ProblemError {
  return new ProblemError('invalid-request', detail)
}
