/**
 * Answers and their caching headers. Every answer starts as uncacheable, since most carry a token or a verdict about one;
 * the few public documents (metadata, keys) opt out afterwards.
 *
 * Sends a JSON body that is already text. It goes round Koa's `ctx.body`, which would sniff the text, look the type up
 * and measure the length again; on the introspection path that is a tenth of the budget.
 */
import type { ServerResponse } from 'node:http'

/** The part of a Koa context this needs. */
export interface Replyable {
  readonly res: ServerResponse
  respond?: boolean | undefined
}

/** Answers with `json` verbatim. Headers set before stay; nothing may be written to the response afterwards. */
export function replyJson(
  ctx: Replyable,
  status: number,
  json: string,
  contentType = 'application/json',
): void {
  const { res } = ctx
  ctx.respond = false
  res.statusCode = status
  res.setHeader('Content-Type', contentType)
  res.end(json)
}

/** RFC 6749 §5.1 wants both headers. */
export function setNoStore(res: ServerResponse): void {
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Pragma', 'no-cache')
}

/** For documents that are the same for everybody, such as RFC 8414 metadata. */
export function allowCaching(res: ServerResponse, maxAgeSeconds: number): void {
  res.setHeader('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  res.removeHeader('Pragma')
}
