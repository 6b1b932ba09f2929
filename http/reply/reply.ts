/**
 * Sends answers and sets their caching headers. Every answer starts as uncacheable, since most contain a token or say whether
 * one is active; public documents such as the metadata allow caching afterwards.
 *
 * JSON is sent without Koa's `ctx.body`, which would inspect the text, look up its type and measure its length: a tenth of the
 * time of an introspection.
 */
import type { ServerResponse } from 'node:http'

/** The part of a Koa context this needs. */
export interface Replyable {
  readonly res: ServerResponse
  respond?: boolean | undefined
}

/** Answers with `json` as it is. Headers set before are kept; nothing may be sent afterwards. */
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

/** RFC 6749 §5.1 requires both headers. */
export function setNoStore(res: ServerResponse): void {
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Pragma', 'no-cache')
}

/** For documents that are the same for everybody, such as RFC 8414 metadata. */
export function allowCaching(res: ServerResponse, maxAgeSeconds: number): void {
  res.setHeader('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  res.removeHeader('Pragma')
}
