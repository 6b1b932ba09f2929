/**
 * Look-ups on their way to the service: one flight a key, those of the same tick together in one request, a bounded
 * number of requests at once, a bounded number waiting. It knows nothing of caches.
 *
 * Tokens come from strangers: a request that the service refuses as a whole is asked again token by token, so that one
 * token nobody can answer spoils no other.
 *
 * A flight may be joined until its request is sent; after that only by callers who accept an answer read before they
 * asked.
 */

import type { Landed, Reply } from '../cache/reply.ts'
import { ClaimcheckError, isRetryable } from '../errors.ts'
import type { Asked, Introspector } from './introspector.ts'

/** What is asked; the same question has the same key. */
export interface Question extends Asked {
  readonly key: string
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
  readonly introspector: Introspector
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
  /** Asked by itself: the batch it was in was refused. */
  isAlone: boolean
}

/** The service takes bodies of 64 KiB. */
const MAX_BATCH_BYTES = 48 * 1_024
/** The service resolves so many contexts at once, counted for each token. */
const MAX_BATCH_CONTEXTS = 1_000
/** Quotes and a comma. */
const BYTES_AROUND_TEXT = 3

/** Makes the look-ups of a client. */
export function createLookups(options: LookupsOptions): Lookups {
  const { introspector, maxConcurrency, maxQueued, now, pauseBeforeRetry } = options
  const flights = new Map<string, Flight>()
  let waiting: Flight[] = []
  let underway = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    queueMicrotask(() => void depart())
  }

  /** Sends what is waiting, as far as there is room. */
  async function depart(): Promise<void> {
    try {
      // What comes in until the service is known waits with the others, and fails with them.
      const limit = await withRetry(introspector.batchLimit)
      while (waiting.length > 0 && underway < maxConcurrency) void send(nextBatch(limit))
    } catch (error) {
      const failed = waiting
      waiting = []
      for (const flight of failed) fail(flight, error)
    } finally {
      isScheduled = false
    }
  }

  function nextBatch(limit: number): readonly Flight[] {
    const [first] = waiting
    const most = first?.isAlone === true ? 1 : limit
    const batch: Flight[] = []
    const rest: Flight[] = []
    let bytes = 0
    let contexts = 0
    for (const flight of waiting) {
      const { question, isAlone } = flight
      const moreBytes = bytes + bytesOf(question)
      const moreContexts = contexts + countContexts(question)
      const isSmall = moreBytes <= MAX_BATCH_BYTES && moreContexts <= MAX_BATCH_CONTEXTS
      const fits = batch.length < most && (batch.length === 0 || (!isAlone && isSmall))
      if (fits) {
        bytes = moreBytes
        contexts = moreContexts
      }
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
      if (batch.length > 1 && isRefusal(error)) askAlone(batch)
      else for (const flight of batch) fail(flight, error)
    } finally {
      underway -= 1
      if (waiting.length > 0) schedule()
    }
  }

  async function land(batch: readonly Flight[]): Promise<void> {
    const questions = batch.map(({ question }) => question)
    const { askedAt, replies } = await withRetry(async () => {
      const sentAt = now()
      return { askedAt: sentAt, replies: await introspector.ask(questions) }
    })
    batch.forEach((flight, index) => {
      forget(flight)
      flight.resolve({ reply: replies[index] as Reply, askedAt })
    })
  }

  async function withRetry<Result>(attempt: () => Promise<Result>): Promise<Result> {
    try {
      return await attempt()
    } catch (error) {
      if (!isRetryable(error)) throw error
      await pauseBeforeRetry()
      return attempt()
    }
  }

  function askAlone(batch: readonly Flight[]): void {
    for (const flight of batch) flight.isAlone = true
    // They have waited longest.
    waiting = [...batch, ...waiting]
  }

  function fail(flight: Flight, error: unknown): void {
    forget(flight)
    flight.reject(error)
  }

  function forget(flight: Flight): void {
    const { key } = flight.question
    if (flights.get(key) === flight) flights.delete(key)
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
      const flight: Flight = { question, landed, resolve, reject, isSent: false, isAlone: false }
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

/** What a question adds to the body of a batch at most: a context may hold characters that JSON escapes. */
function bytesOf({ token, contexts }: Question): number {
  return token.length + 2 * contexts.length + 2 * BYTES_AROUND_TEXT
}

function countContexts({ contexts }: Question): number {
  return contexts === '' ? 0 : contexts.split(' ').length
}

/** Whether the service refused the request itself, so that a part of it may fare better. */
function isRefusal(error: unknown): boolean {
  return error instanceof ClaimcheckError && error.code === 'ERR_CLAIMCHECK_BAD_RESPONSE'
}
