/**
 * Look-ups on their way to the service. Equal questions share one look-up, those of the same tick travel in one request, and
 * both the requests under way and the look-ups waiting are bounded. Knows nothing of caches.
 *
 * Tokens come from strangers. When the service refuses a batch, its tokens are asked about one by one, so that one
 * unacceptable token does not fail the others.
 *
 * A look-up may be joined until its request is sent; after that only by callers who accept an answer that was read before
 * they asked.
 */

import type { Landed, Reply } from '../cache/reply.ts'
import { ClaimcheckError, isRetryable } from '../errors.ts'
import { assertInvariant } from '../invariant.ts'
import type { Asked, Introspector } from './introspector.ts'

/** What is asked; equal questions have the same key. */
export interface Question extends Asked {
  readonly key: string
}

/** How look-ups are bounded. Times in milliseconds. */
export interface LookupsOptions {
  readonly introspector: Introspector
  /** Most requests under way. */
  readonly maxConcurrency: number
  /** Most look-ups waiting to be sent. */
  readonly maxQueued: number
  /** Elapsed milliseconds. */
  readonly now: () => number
  /** Resolves a little later, by a different time for each client. */
  readonly pauseBeforeRetry: () => Promise<void>
}

interface Flight {
  readonly question: Question
  readonly landed: Promise<Landed>
  readonly resolve: (landed: Landed) => void
  readonly reject: (error: unknown) => void
  isSent: boolean
  /** Sent without others, because the batch it was in was refused. */
  isAlone: boolean
}

/** The service accepts bodies of 64 KiB. */
const MAX_BATCH_BYTES = 48 * 1_024
/** The service resolves at most so many contexts in one request, counted once for each token. */
const MAX_BATCH_CONTEXTS = 1_000
/** Quotes and a comma. */
const BYTES_AROUND_TEXT = 3

/** The look-ups of one client. */
export class Lookups {
  readonly #options: LookupsOptions
  /** All that wait or are under way, by key; of several with the same key, the youngest. */
  readonly #flights = new Map<string, Flight>()
  #waiting: Flight[] = []
  /** Requests under way. */
  #underway = 0
  #isScheduled = false

  constructor(options: LookupsOptions) {
    this.#options = options
  }

  /** Look-ups that wait or are under way. */
  get pending(): number {
    return this.#flights.size
  }

  /**
   * Asks the service, or joins a look-up that asks the same.
   *
   * @param live whether the answer must have been read after this call
   * @throws {ClaimcheckError} when there is no answer, or too many look-ups wait
   */
  ask(question: Question, live: boolean): Promise<Landed> {
    const known = this.#flights.get(question.key)
    if (known !== undefined && (!live || !known.isSent)) return known.landed
    const { maxQueued } = this.#options
    if (this.#waiting.length >= maxQueued) {
      const message = `${maxQueued} look-ups are already waiting`
      return Promise.reject(new ClaimcheckError('ERR_CLAIMCHECK_OVERLOADED', message))
    }
    const { promise: landed, resolve, reject } = Promise.withResolvers<Landed>()
    const flight: Flight = { question, landed, resolve, reject, isSent: false, isAlone: false }
    this.#flights.set(question.key, flight)
    this.#waiting.push(flight)
    this.#schedule()
    return landed
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => void this.#depart())
  }

  /** Sends what is waiting, as far as there is room. */
  async #depart(): Promise<void> {
    try {
      // Look-ups that come in until the service is known wait with the others, and fail with them.
      const limit = await this.#withRetry(this.#options.introspector.batchLimit)
      while (this.#waiting.length > 0 && this.#underway < this.#options.maxConcurrency) {
        const { batch, rest } = nextBatch(this.#waiting, limit)
        this.#waiting = rest
        void this.#send(batch)
      }
    } catch (error) {
      const failed = this.#waiting
      this.#waiting = []
      this.#fail(failed, error)
    } finally {
      this.#isScheduled = false
    }
  }

  async #send(batch: readonly Flight[]): Promise<void> {
    this.#underway += 1
    for (const flight of batch) flight.isSent = true
    try {
      await this.#land(batch)
    } catch (error) {
      if (batch.length > 1 && isRefusal(error)) this.#sendAlone(batch)
      else this.#fail(batch, error)
    } finally {
      this.#underway -= 1
      if (this.#waiting.length > 0) this.#schedule()
    }
  }

  async #land(batch: readonly Flight[]): Promise<void> {
    const { introspector, maxConcurrency, now } = this.#options
    // This is the bound on the load of the service.
    assertInvariant(this.#underway <= maxConcurrency, 'requests under way are within their bound')
    const questions = batch.map(({ question }) => question)
    const { askedAt, replies } = await this.#withRetry(async () => {
      const sentAt = now()
      return { askedAt: sentAt, replies: await introspector.ask(questions) }
    })
    // Replies belong to questions by their order: one too few would give a token the facts of another.
    assertInvariant(replies.length === batch.length, 'each question of a batch has one reply')
    batch.forEach((flight, index) => {
      this.#forget(flight)
      flight.resolve({ reply: replies[index] as Reply, askedAt })
    })
  }

  async #withRetry<Result>(attempt: () => Promise<Result>): Promise<Result> {
    try {
      return await attempt()
    } catch (error) {
      if (!isRetryable(error)) throw error
      await this.#options.pauseBeforeRetry()
      return attempt()
    }
  }

  #sendAlone(batch: readonly Flight[]): void {
    for (const flight of batch) flight.isAlone = true
    // They go first, because they have waited longest.
    this.#waiting = [...batch, ...this.#waiting]
  }

  #fail(flights: readonly Flight[], error: unknown): void {
    for (const flight of flights) {
      this.#forget(flight)
      flight.reject(error)
    }
  }

  #forget(flight: Flight): void {
    const { key } = flight.question
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

/** Divides what is waiting into the next request and the rest. Their order is kept. */
function nextBatch(waiting: readonly Flight[], limit: number) {
  const most = waiting[0]?.isAlone === true ? 1 : limit
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
  return { batch, rest }
}

/** What a question adds to the body of a batch at most: a context may contain characters that JSON escapes. */
function bytesOf({ token, contexts }: Question): number {
  return token.length + 2 * contexts.length + 2 * BYTES_AROUND_TEXT
}

function countContexts({ contexts }: Question): number {
  return contexts === '' ? 0 : contexts.split(' ').length
}

/** Whether the service refused the request itself, so that parts of it may succeed. */
function isRefusal(error: unknown): boolean {
  return error instanceof ClaimcheckError && error.code === 'ERR_CLAIMCHECK_BAD_RESPONSE'
}
