/** Waiting for a condition instead of hoping that a time is long enough. */
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 10
const DEFAULT_TIMEOUT_MS = 20_000

/**
 * Resolves with the first truthy answer of the condition; an error it throws counts as "not yet".
 *
 * @throws {Error} with the last error as cause when the time is up
 */
export async function waitFor<Answer>(
  condition: () => Answer | Promise<Answer>,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  do {
    try {
      const answer = await condition()
      if (answer) return answer
    } catch (error) {
      cause = error
    }
    await delay(POLL_MS)
  } while (performance.now() < deadline)
  throw new Error(`condition not met within ${timeoutMs} ms`, { cause })
}
