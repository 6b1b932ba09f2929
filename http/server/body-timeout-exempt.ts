/**
 * Requests whose body may take any time, as long as it keeps arriving. The listener's limit on a whole request does not apply
 * to them; the code that exempts one limits its pauses instead (`body/chunks.ts`).
 */
import type { IncomingMessage } from 'node:http'

const requests = new WeakSet<IncomingMessage>()

/** Exempts a request from the limit on its total time. */
export function exemptFromBodyTimeout(req: IncomingMessage): void {
  requests.add(req)
}

/** Whether the request is exempt. Once it has arrived, the usual limit applies to the next one on its connection. */
export function isExemptFromBodyTimeout(req: IncomingMessage): boolean {
  return requests.has(req) && !req.complete
}
