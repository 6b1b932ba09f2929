/**
 * Keeps the cache in step with the issuer: finds out whether there is a feed, runs the session with it, and knows the state
 * of the cache. Nothing is stored until the server is known.
 */
import type { Answers, CacheMode } from '../cache/answers.ts'
import type { Effect, Freshness } from '../cache/freshness.ts'
import { publishState } from '../diagnostics.ts'
import { messageOf } from '../errors.ts'
import type { ClientCounts, ClientState } from '../health.ts'
import { assertInvariant } from '../invariant.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Discover } from '../service/discovery.ts'
import { type Backoff, createBackoff } from '../time/backoff.ts'
import { callLater, type Timer } from '../time/timer.ts'
import type { ServerFrame } from '../wire/index.ts'
import { FeedSession } from './session.ts'

/** The parts of a keeper. */
export interface FeedKeeperOptions {
  readonly options: ResolvedOptions
  readonly authorization: string
  readonly discover: Discover
  readonly freshness: Freshness
  readonly counts: ClientCounts
  /** Elapsed milliseconds. */
  readonly now: () => number
}

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 5_000

/** Keeps one cache in step. */
export class FeedKeeper {
  readonly #parts: FeedKeeperOptions
  readonly #backoff: Backoff
  #answers: Answers | undefined
  #mode: CacheMode | 'unknown'
  #session: FeedSession | undefined
  #connections = 0
  #retry: Timer | undefined
  #leaseWatch: Timer | undefined
  #isClosed = false
  #problem: string | undefined
  #lagMs: number | undefined
  /** Epoch milliseconds of the last change of state. */
  #enteredAt: number

  constructor(parts: FeedKeeperOptions) {
    const { random, wall } = parts.options.environment
    this.#parts = parts
    this.#backoff = createBackoff({ firstMs: RETRY_FIRST_MS, maxMs: RETRY_MAX_MS, random })
    this.#mode = parts.options.maxStalenessMs === 0 ? 'none' : 'unknown'
    this.#enteredAt = wall()
  }

  /** Finds the server and connects. Repeats until it succeeds or is closed. */
  start(answers: Answers): void {
    // A second start would run two sessions on one protocol.
    assertInvariant(this.#answers === undefined, 'a keeper starts once')
    this.#answers = answers
    if (this.#mode !== 'none') void this.#find()
  }

  /**
   * Drops all state after a fault, as if the client had just been made: nothing is served from the cache until the feed has
   * given new positions and a new lease.
   */
  startOver(error: unknown): void {
    if (this.#isClosed) return
    const { freshness, now } = this.#parts
    const reason = `the cache was dropped because of an internal fault: ${messageOf(error)}`
    freshness.startOver()
    this.#answers?.apply([{ kind: 'reset-all', at: now() }])
    clearTimeout(this.#leaseWatch)
    this.#problem = reason
    this.#enter(this.#stateNow(), reason)
    this.#session?.leave(reason)
  }

  /** How entries stay valid now. */
  mode(): CacheMode {
    return this.#mode === 'unknown' ? 'none' : this.#mode
  }

  /** The state of the cache, and since when in epoch milliseconds. */
  state(): { readonly state: ClientState; readonly since: number } {
    const { freshness, now, options } = this.#parts
    const state = this.#stateNow()
    if (state !== 'suspended') return { state, since: this.#enteredAt }
    const forMs = Math.round(now() - freshness.leaseUntil())
    return { state, since: options.environment.wall() - forMs }
  }

  /** Time from the last answered probe to its lease, in milliseconds; `undefined` before the first. */
  lagMs(): number | undefined {
    return this.#lagMs
  }

  /** Why the server was not found or the connection was given up; `undefined` after the next lease. */
  lastProblem(): string | undefined {
    return this.#problem
  }

  /** Ends the session and all timers. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#retry)
    clearTimeout(this.#leaseWatch)
    this.#session?.close()
    this.#enter('closed', 'close was called')
  }

  #stateNow(): ClientState {
    const { freshness, now } = this.#parts
    if (this.#isClosed) return 'closed'
    if (this.#mode === 'none') return 'uncached'
    if (this.#mode === 'ttl') return 'ttl'
    if (this.#mode === 'unknown' || freshness.leaseUntil() === 0) return 'starting'
    return freshness.isLeased(now()) ? 'fresh' : 'suspended'
  }

  #enter(state: ClientState, reason: string): void {
    this.#enteredAt = this.#parts.options.environment.wall()
    publishState({ state, reason })
  }

  async #find(): Promise<void> {
    try {
      const { feedEndpoint } = await this.#parts.discover()
      if (this.#isClosed) return
      // A client of one server does not become a client of another: entries of both would be mixed.
      assertInvariant(this.#mode === 'unknown', 'the kind of server is determined once')
      if (feedEndpoint === undefined) {
        this.#mode = 'ttl'
        this.#enter('ttl', 'the server has no feed')
      } else {
        this.#session = this.#createSession(feedEndpoint)
        this.#session.open()
        this.#mode = 'feed'
      }
    } catch (error) {
      this.#problem = messageOf(error)
      if (this.#isClosed) return
      this.#retry = callLater(() => void this.#find(), this.#backoff.next())
    }
  }

  #createSession(url: string): FeedSession {
    const { options, authorization, freshness, now } = this.#parts
    return new FeedSession({
      url,
      authorization,
      WebSocket: options.WebSocket,
      freshness,
      boundMs: options.maxStalenessMs,
      timeoutMs: options.timeoutMs,
      backoff: this.#backoff,
      now,
      onFrame: (frame) => this.#receive(frame),
      onUp: () => {
        this.#connections += 1
        if (this.#connections > 1) this.#parts.counts.reconnects += 1
      },
      onDown: (reason) => {
        this.#problem = reason
      },
      onFault: (error) => this.startOver(error),
    })
  }

  #receive(frame: ServerFrame): readonly Effect[] {
    const { freshness, counts, now } = this.#parts
    const at = now()
    const wasLeased = freshness.isLeased(at)
    const effects = freshness.apply(frame, at)
    this.#answers?.apply(effects)
    for (const effect of effects) {
      // The first positions reset nothing.
      if (effect.kind === 'reset' && freshness.leaseUntil() > 0) counts.resets += 1
      if (effect.kind === 'leased') this.#onLease(effect.sentAt, wasLeased)
    }
    return effects
  }

  #onLease(sentAt: number, wasLeased: boolean): void {
    this.#lagMs = Math.ceil(this.#parts.now() - sentAt)
    this.#problem = undefined
    if (!wasLeased) this.#enter('fresh', 'a lease was granted')
    this.#watchLease()
  }

  /** A lease ends without an event. This reports it to observers. */
  #watchLease(): void {
    const { freshness, now } = this.#parts
    const onEnd = (): void => {
      if (this.#isClosed) return
      if (freshness.isLeased(now())) this.#watchLease()
      else this.#enter('suspended', this.#problem ?? 'the lease ran out')
    }
    clearTimeout(this.#leaseWatch)
    this.#leaseWatch = callLater(onEnd, Math.max(1, freshness.leaseUntil() - now()))
  }
}
