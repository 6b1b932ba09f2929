/**
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
