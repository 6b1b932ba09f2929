/** Repeats requests while the network or the server fails, with growing random waits. Ctrl-C ends a wait. */
import { type CliError, EXIT, interruption } from '../exit.ts'
import type { HttpAnswer } from './http-call.ts'

/** Sends until the answer is not a passing failure, three times at most. */
export type Retry = (send: () => Promise<HttpAnswer>) => Promise<HttpAnswer>

const ATTEMPTS = 3
const FIRST_WAIT_MS = 150
const MAX_WAIT_MS = 5_000
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Makes the retry of an API. */
export function createRetry(random: () => number, interrupted: AbortSignal): Retry {
  const wait = (ms: number) => pause(Math.min(ms, MAX_WAIT_MS), interrupted)
  const backoffMs = (attempt: number) => random() * FIRST_WAIT_MS * 2 ** attempt
  return async (send) => {
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= ATTEMPTS
      try {
        const answer = await send()
        if (isLast || !TRANSIENT_STATUSES.has(answer.status)) return answer
        await wait(retryAfterMs(answer) ?? backoffMs(attempt))
      } catch (error) {
        if (isLast || (error as CliError).exitCode !== EXIT.unreachable) throw error
        await wait(backoffMs(attempt))
      }
    }
  }
}

/** Waits. @throws {CliError} 130 after Ctrl-C */
export async function pause(ms: number, interrupted: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const stop = () => resolve()
  interrupted.addEventListener('abort', stop, { once: true })
  if (interrupted.aborted) stop()
  await promise
  clearTimeout(timer)
  interrupted.removeEventListener('abort', stop)
  if (interrupted.aborted) throw interruption()
}

function retryAfterMs({ headers }: HttpAnswer): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}
