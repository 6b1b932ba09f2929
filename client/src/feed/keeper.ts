/**
 * Keeps the cache in touch with the issuer: finds out whether there is a feed, runs the session with it, and knows in
 * which state that leaves the cache. Until the server is known nothing is kept.
 */
import type { Answers, CacheMode } from '../cache/answers.ts'
import type { Effect, Freshness } from '../cache/freshness.ts'
import { publishState } from '../diagnostics.ts'
import type { ClientCounts, ClientState } from '../health.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Discover } from '../service/discovery.ts'
import { createBackoff } from '../time/backoff.ts'
import { callLater, type Timer } from '../time/timer.ts'
import { type FeedSession, openFeedSession } from './session.ts'

/** The cache's connection to the truth. */
export interface FeedKeeper {
  /** Finds the server and connects; repeats until it succeeds or is closed. */
  start(answers: Answers): void
  mode(): CacheMode
  state(): { readonly state: ClientState; readonly since: number }
  /** How long the last lease took from its probe, in milliseconds; `undefined` before the first. */
  lagMs(): number | undefined
  /** Why the server cannot be found or was left; `undefined` once a lease says that all is well again. */
  lastProblem(): string | undefined
  close(): void
}

/** What the keeper is made from. */
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

/** Makes a keeper that has not started. */
export function createFeedKeeper(keeper: FeedKeeperOptions): FeedKeeper {
  const { options, authorization, discover, freshness, counts, now } = keeper
  const { maxStalenessMs: boundMs, environment } = options
  const backoff = createBackoff({
    firstMs: RETRY_FIRST_MS,
    maxMs: RETRY_MAX_MS,
    random: environment.random,
  })
  let mode: CacheMode | 'unknown' = boundMs === 0 ? 'none' : 'unknown'
  let session: FeedSession | undefined
  let retry: Timer | undefined
  let leaseWatch: Timer | undefined
  let isClosed = false
  let problem: string | undefined
  let lag: number | undefined
  let enteredAt = environment.wall()

  function enter(state: ClientState, reason: string): void {
    enteredAt = environment.wall()
    publishState({ state, reason })
  }

  function onEffects(answers: Answers, effects: readonly Effect[], wasLeased: boolean): void {
    answers.apply(effects)
    for (const effect of effects) {
      // Taking the first positions is no reset of anything.
      if (effect.kind === 'reset' && freshness.leaseUntil() > 0) counts.resets += 1
      if (effect.kind === 'leased') {
        lag = Math.ceil(now() - effect.sentAt)
        problem = undefined
        if (!wasLeased) enter('fresh', 'a lease was granted')
        watchLease()
      }
    }
  }

  /** A lease ends by itself; somebody has to notice for those who watch. */
  function watchLease(): void {
    clearTimeout(leaseWatch)
    leaseWatch = callLater(
      () => {
        if (isClosed) return
        if (freshness.isLeased(now())) watchLease()
        else enter('suspended', problem ?? 'the lease ran out')
      },
      Math.max(1, freshness.leaseUntil() - now()),
    )
  }

  function connect(url: string, answers: Answers): void {
    let connections = 0
    session = openFeedSession({
      url,
      authorization,
      WebSocket: options.WebSocket,
      freshness,
      boundMs,
      timeoutMs: options.timeoutMs,
      backoff,
      now,
      onFrame: (frame) => {
        const at = now()
        const wasLeased = freshness.isLeased(at)
        const effects = freshness.apply(frame, at)
        onEffects(answers, effects, wasLeased)
        return effects
      },
      onUp: () => {
        connections += 1
        if (connections > 1) counts.reconnects += 1
      },
      onDown: (reason) => {
        problem = reason
      },
    })
  }

  async function find(answers: Answers): Promise<void> {
    try {
      const { feedEndpoint } = await discover()
      if (isClosed) return
      if (feedEndpoint === undefined) {
        mode = 'ttl'
        enter('ttl', 'the server has no feed')
      } else {
        mode = 'feed'
        connect(feedEndpoint, answers)
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
      if (isClosed) return
      retry = callLater(() => void find(answers), backoff.next())
    }
  }

  function stateNow(): ClientState {
    if (isClosed) return 'closed'
    if (mode === 'none') return 'uncached'
    if (mode === 'ttl') return 'ttl'
    if (mode === 'unknown' || freshness.leaseUntil() === 0) return 'starting'
    return freshness.isLeased(now()) ? 'fresh' : 'suspended'
  }

  return {
    start(answers) {
      if (mode !== 'none') void find(answers)
    },
    mode: () => (mode === 'unknown' ? 'none' : mode),
    state() {
      const state = stateNow()
      if (state !== 'suspended') return { state, since: enteredAt }
      return { state, since: environment.wall() - Math.round(now() - freshness.leaseUntil()) }
    },
    lagMs: () => lag,
    lastProblem: () => problem,
    close() {
      isClosed = true
      clearTimeout(retry)
      clearTimeout(leaseWatch)
      session?.close()
      enter('closed', 'close was called')
    },
  }
}
