/**
 * On-demand load: a subject that nothing is known about is asked for at the loader's endpoint before anything is issued for
 * it, so that nobody has to move all subjects in one night. Asked once: from then on the truth is here.
 *
 * One load a subject at a time, in this process by sharing, among processes by a claim in the store. While the endpoint is
 * in trouble it is left alone for a while that grows. A load that fails is an outage of its caller: nothing is issued on
 * half the facts.
 */
import type { Store } from '../../store/store.ts'
import type { AskLoader } from './loader-endpoint.ts'
import { LoaderError } from './loader-endpoint.ts'

/** Makes sure that what another system knows about a subject has been put in. */
export interface SubjectLoader {
  /**
   * @throws {SubjectLoadError} when it could not be; later it may
   */
  ensureLoaded(sub: string): Promise<void>
}

/** What a loader is made from. Times in milliseconds. */
export interface SubjectLoaderOptions {
  readonly loads: Store['subjectLoads']
  readonly ask: AskLoader
  /** Longest that one load may take. */
  readonly timeoutMs: number
  /** Told of each failure, and of roles the schema does not have. */
  readonly report: (problem: string, details: object) => void
  /** Never runs back. */
  readonly now: () => number
  readonly pause: (ms: number) => Promise<void>
  /** Between 0 and 1. */
  readonly random: () => number
}

/** The subject's facts could not be had. */
export class SubjectLoadError extends Error {
  override readonly name = 'SubjectLoadError'
  readonly code = 'ERR_CLAIMCHECK_SUBJECT_LOAD'
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number, options?: ErrorOptions) {
    super('what is known about the subject elsewhere could not be loaded', options)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** No other system to ask. */
export const NO_LOADER: SubjectLoader = { ensureLoaded: async () => undefined }

const FIRST_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 10_000
/** Writing a large set takes a while after the answer is there. */
const WRITING_MS = 20_000
const BUSY_PAUSE_MS = 50

/** Makes a loader. */
export function createSubjectLoader(options: SubjectLoaderOptions): SubjectLoader {
  const { loads, ask, timeoutMs, report, now, pause, random } = options
  const underway = new Map<string, Promise<void>>()
  let failures = 0
  let leaveAloneUntil = Number.NEGATIVE_INFINITY

  function noteOutcome(error: unknown): void {
    if (!(error instanceof LoaderError && error.isOutage)) {
      failures = 0
      return
    }
    const most = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures)
    failures += 1
    leaveAloneUntil = now() + most * (0.5 + random() / 2)
  }

  async function askOnce(sub: string) {
    const wait = leaveAloneUntil - now()
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

  /** Returns false when the claim was lost: somebody else is at it by now. */
  async function carryOut(sub: string, name: string): Promise<boolean> {
    try {
      const unknownRoles = await loads.complete(sub, name, await askOnce(sub))
      if (unknownRoles === undefined) return false
      if (unknownRoles > 0) report('loaded roles are not in the role schema', { unknownRoles })
      return true
    } catch (error) {
      // The next one need not wait for the end of our claim; without the store it has to.
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
        if (await carryOut(sub, claim.name)) return
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
