/**
 * The error body of AuthZEN (§10.1.2): a message alone, as a JSON string. What the message is, the OAuth exit has decided;
 * this only writes it down in another way.
 */
import { setNoStore } from './no-store.ts'
import type { OAuthError } from './oauth-error.ts'
import { type Replyable, replyJson } from './reply.ts'

/** Writes the message; the caller has made sure that nothing was sent yet. */
export function sendErrorMessage(ctx: Replyable, error: OAuthError): void {
  setNoStore(ctx.res)
  for (const [name, value] of Object.entries(error.headers)) ctx.res.setHeader(name, value)
  replyJson(ctx, error.status, JSON.stringify(error.description))
}
