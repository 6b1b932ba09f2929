/**
 * On-demand migration: before anything is issued for an unknown subject, its data is loaded from the loader endpoint of the
 * existing system, so that subjects need not all be migrated in one night. Each is loaded once; from then on the store has it.
 *
 * A subject has one load at a time: callers in this process share it, and a claim in the store keeps other processes from
 * starting one. While the endpoint is in trouble, it is not asked for a growing time. If a load fails, nothing is issued.
 */
import type { Store } from '../../store/store.ts'
import type { AskLoader } from './loader-endpoint.ts'
import { LoaderError } from './loader-endpoint.ts'

/** Loads subjects from another system. */
export interface SubjectLoader {
  /** @throws {SubjectLoadError} when the subject could not be loaded; a retry may succeed */
  ensureLoaded(sub: string): Promise<void>
}

/** What a loader is made from. Times in milliseconds. */
export interface SubjectLoaderOptions {
  readonly loads: Store['subjectLoads']
  readonly ask: AskLoader
  /** Longest time of one load. */
  readonly timeoutMs: number
  /** Called for each failure, and for loaded roles that the role schema lacks. */
  readonly report: (problem: string, details: object) => void
  /** A monotonic clock. */
  readonly now: () => number
  readonly pause: (ms: number) => Promise<void>
  /** Between 0 and 1. */
  readonly random: () => number
}

/** The subject could not be loaded. */
export class SubjectLoadError extends Error {
  override readonly name = 'SubjectLoadError'
  readonly code = 'ERR_CLAIMCHECK_SUBJECT_LOAD'
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number, options?: ErrorOptions) {
    super('the subject could not be loaded from the existing system', options)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** For an installation without a loader endpoint. */
export const NO_LOADER: SubjectLoader = { ensureLoaded: async () => undefined }

const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000
/** Time for writing a large set of roles after the answer has arrived. */
const WRITING_MS = 20_000
const BUSY_PAUSE_MS = 50

/** Makes a loader. */
export function createSubjectLoader(options: SubjectLoaderOptions): SubjectLoader {
  const { loads, ask, timeoutMs, report, now, pause, random } = options
  const underway = new Map<string, Promise<void>>()
  let failures = 0
  let pausedUntil = Number.NEGATIVE_INFINITY

  function noteOutcome(error: unknown): void {
    if (!(error instanceof LoaderError && error.isOutage)) {
      failures = 0
      return
    }
    const longest = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures)
    failures += 1
    pausedUntil = now() + longest * (0.5 + random() / 2)
  }

  async function askOnce(sub: string) {
    const wait = pausedUntil - now()
    if (wait > 0) throw new SubjectLoadError(Math.ceil(wait / 1_000))
    try {
      const loaded = await ask(sub)
      noteOutcome(undefined)
      return loaded
    } catch (error) {
      noteOutcome(error)
      throw error
    }
  }

  /** Returns false when the claim has expired and another process has taken over. */
  async function completeClaim(sub: string, name: string): Promise<boolean> {
    try {
      const unknownRoles = await loads.complete(sub, name, await askOnce(sub))
      if (unknownRoles === undefined) return false
      if (unknownRoles > 0) report('loaded roles are not in the role schema', { unknownRoles })
      return true
    } catch (error) {
      // Frees the claim for the next load; if the store is away too, that must wait until the claim expires.
      await loads.abandon(sub, name).catch(() => undefined)
      throw error
    }
  }

  async function load(sub: string): Promise<void> {
    const deadline = now() + timeoutMs + WRITING_MS
    for (;;) {
      const claim = await loads.begin(sub, timeoutMs + WRITING_MS)
      if (claim.kind === 'known') return
      if (claim.kind === 'begun') {
        if (await completeClaim(sub, claim.name)) return
        continue
      }
      if (now() >= deadline) throw new SubjectLoadError(1)
      await pause(BUSY_PAUSE_MS)
    }
  }

  async function loadOrExplain(sub: string): Promise<void> {
    try {
      await load(sub)
    } catch (error) {
      if (!(error instanceof LoaderError)) throw error
      report('a subject could not be loaded', { reason: error.message })
      throw new SubjectLoadError(1, { cause: error })
    }
  }

  return {
    ensureLoaded(sub) {
      const known = underway.get(sub)
      if (known !== undefined) return known
      const flight = loadOrExplain(sub).finally(() => underway.delete(sub))
      underway.set(sub, flight)
      return flight
    },
  }
}
