/**
 * Requests whose body may take as long as it keeps coming. The listener's limit on a whole request passes them over;
 * whoever gives one this leave watches over pauses instead (`body-chunks.ts`).
 */
import type { IncomingMessage } from 'node:http'

const requests = new WeakSet<IncomingMessage>()

/** Exempts a request from the limit on its whole length in time. */
export function exemptFromBodyTimeout(req: IncomingMessage): void {
  requests.add(req)
}

/** Whether the request may take its time; once it has arrived, the next one on its connection has the usual limit. */
export function isExemptFromBodyTimeout(req: IncomingMessage): boolean {
  return requests.has(req) && !req.complete
}
