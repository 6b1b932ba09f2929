/**
 * Look-ups on their way to the service: one flight a key, those of the same tick together in one request, a bounded
 * number of requests at once, a bounded number waiting. It knows nothing of caches.
 *
 * A flight may be joined until its request is sent; after that only by callers who accept an answer read before they
 * asked.
 */
import { ClaimcheckError, isRetryable } from './errors.ts'
import { type Introspect, MAX_BATCH } from './introspector.ts'
import type { Reply } from './reply.ts'

/** What is asked: a token, and the contexts to resolve roles in (space-separated, '' for none). */
export interface Question {
  readonly key: string
  readonly token: string
  readonly contexts: string
}

/** An answer, and when it was asked for. */
export interface Landed {
  readonly reply: Reply
  /** Elapsed milliseconds at which the request was sent. */
  readonly askedAt: number
}

/** Asks, shares and bounds. */
export interface Lookups {
  /**
   * @param live whether the answer must have been read after this call
   * @throws {ClaimcheckError} when there is no answer, or no room to wait for one
   */
  ask(question: Question, live: boolean): Promise<Landed>
  /** Look-ups waiting or in flight. */
  readonly pending: number
}

/** How look-ups are bounded. Times in milliseconds. */
export interface LookupsOptions {
  readonly introspect: Introspect
  readonly maxConcurrency: number
  readonly maxQueued: number
  /** Elapsed milliseconds. */
  readonly now: () => number
  /** Resolves a little later: spreads second attempts. */
  readonly pauseBeforeRetry: () => Promise<void>
}

interface Flight {
  readonly question: Question
  readonly landed: Promise<Landed>
  readonly resolve: (landed: Landed) => void
  readonly reject: (error: unknown) => void
  isSent: boolean
}

/** Makes the look-ups of a client. */
export function createLookups(options: LookupsOptions): Lookups {
  const { introspect, maxConcurrency, maxQueued, now, pauseBeforeRetry } = options
  const flights = new Map<string, Flight>()
  let waiting: Flight[] = []
  let underway = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    queueMicrotask(() => {
      isScheduled = false
      while (waiting.length > 0 && underway < maxConcurrency) void send(nextBatch())
    })
  }

  function nextBatch(): readonly Flight[] {
    const contexts = waiting[0]?.question.contexts
    const batch: Flight[] = []
    const rest: Flight[] = []
    for (const flight of waiting) {
      const fits = batch.length < MAX_BATCH && flight.question.contexts === contexts
      ;(fits ? batch : rest).push(flight)
    }
    waiting = rest
    return batch
  }

  async function send(batch: readonly Flight[]): Promise<void> {
    underway += 1
    for (const flight of batch) flight.isSent = true
    try {
      await land(batch)
    } catch (error) {
      for (const flight of batch) flight.reject(error)
    } finally {
      underway -= 1
      for (const flight of batch) {
        if (flights.get(flight.question.key) === flight) flights.delete(flight.question.key)
      }
      if (waiting.length > 0) schedule()
    }
  }

  async function land(batch: readonly Flight[]): Promise<void> {
    const tokens = batch.map(({ question }) => question.token)
    const contexts = batch[0]?.question.contexts ?? ''
    let askedAt = now()
    let replies: readonly Reply[]
    try {
      replies = await introspect(tokens, contexts)
    } catch (error) {
      if (!isRetryable(error)) throw error
      await pauseBeforeRetry()
      askedAt = now()
      replies = await introspect(tokens, contexts)
    }
    batch.forEach((flight, index) => {
      flight.resolve({ reply: replies[index] as Reply, askedAt })
    })
  }

  return {
    ask(question, live) {
      const known = flights.get(question.key)
      if (known !== undefined && (!live || !known.isSent)) return known.landed
      if (waiting.length >= maxQueued) {
        return Promise.reject(
          new ClaimcheckError(
            'ERR_CLAIMCHECK_OVERLOADED',
            `${maxQueued} look-ups are waiting already`,
          ),
        )
      }
      const { promise: landed, resolve, reject } = Promise.withResolvers<Landed>()
      const flight: Flight = { question, landed, resolve, reject, isSent: false }
      flights.set(question.key, flight)
      waiting.push(flight)
      schedule()
      return landed
    },

    get pending() {
      return flights.size
    },
  }
}
