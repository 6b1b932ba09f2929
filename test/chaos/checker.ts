/**
 * Knows every token and every revocation of a schedule, and looks at every decision about them. All times are monotonic
 * milliseconds of this process: when a call began, when it had returned.
 *
 * A token is *void* from the moment a revocation that covers it was acknowledged, if it had been issued before that
 * revocation was asked for. It is *suspect* as soon as one was asked for that may cover it, whatever became of it: a
 * call that failed may have been carried out. What is suspect and not void may be answered either way.
 *
 *   late          accepted although void before the decision began, less the staleness bound for a bounded one (P1, P3)
 *   overstated    accepted although void before the time up to which the decision claims to include everything
 *   wrongly void  called void although not suspect (P6)
 */
import type { RevocationTarget } from '../../store/revocations/target.ts'

/** A token, and what revocations can name it by. */
export interface IssuedToken {
  readonly text: string
  readonly sub: string
  readonly clientId: string
  readonly sid: string
  readonly grantId: string
  /** Before the call that issued it. */
  readonly askedAt: number
  /** After that call. */
  readonly issuedAt: number
}

/** A token as the checker sees it. */
export interface WatchedToken extends IssuedToken {
  readonly isSuspect: boolean
  /** When a revocation that covers it was first acknowledged. */
  readonly voidAt: number | undefined
}

/** What a client said about a token. */
export interface Observation {
  readonly token: WatchedToken
  /** 503 stands for every "nobody can know". */
  readonly verdict: 'accepted' | 'void' | 'unavailable' | 'other'
  readonly kind: 'bounded' | 'live' | 'peek'
  readonly source: string
  readonly startedAt: number
  /** Up to when it claims to include every change. */
  readonly asOf: number | undefined
  readonly boundMs: number
  readonly by: string
}

/** What names a token in a revocation; a single token is named by its own text. */
export type Target = Exclude<RevocationTarget, { level: 'token' }> | TokenTarget

interface TokenTarget {
  readonly level: 'token'
  readonly token: string
}

/** A revocation that has been asked for. */
interface RevocationCall {
  acknowledged(): void
}

/** Sees everything. */
export interface Checker {
  readonly tokens: readonly WatchedToken[]
  /** What was seen of each outcome, such as `accepted cache`. */
  readonly counts: ReadonlyMap<string, number>
  /** Empty, if all is well. */
  readonly violations: readonly string[]
  /** The latest acceptance of a void token, as a part of the bound; at most 1 if all is well. */
  readonly worstOfBound: number
  issued(token: IssuedToken): WatchedToken
  /** To be called before the request is sent. */
  revoking(target: Target): RevocationCall
  observe(observation: Observation): void
}

interface Revocation {
  readonly target: Target
  readonly askedAt: number
  /** Infinity until acknowledged: a failed call may be carried out at any later time. */
  endedAt: number
}

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] }

const MAX_VIOLATIONS = 20
/** A decision's `asOf` is a rounded time of a clock that ticks in milliseconds. */
const AS_OF_GRANULARITY_MS = 2

/** Starts with nothing issued. */
export function createChecker(): Checker {
  const tokens: Writable<WatchedToken>[] = []
  const revocations: Revocation[] = []
  const violations: string[] = []
  const counts = new Map<string, number>()
  let worstOfBound = 0

  function count(name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }

  function complain(what: string, seen: Observation, details: string): void {
    if (violations.length >= MAX_VIOLATIONS) return
    const { token, by, kind, source, boundMs } = seen
    const n = tokens.indexOf(token as Writable<WatchedToken>)
    violations.push(
      `${what}: token ${n} by ${by} (${kind}, ${source}, bound ${boundMs} ms): ${details}`,
    )
  }

  function judgeAccepted(seen: Observation): void {
    const { token, startedAt, asOf, boundMs, kind } = seen
    const { voidAt } = token
    if (voidAt === undefined) return
    const lateMs = startedAt - voidAt
    if (kind !== 'live') worstOfBound = Math.max(worstOfBound, lateMs / boundMs)
    if (voidAt < startedAt - (kind === 'live' ? 0 : boundMs)) {
      complain('late', seen, `revoked ${lateMs.toFixed(1)} ms before it was asked about`)
    }
    if (asOf !== undefined && voidAt < asOf - AS_OF_GRANULARITY_MS) {
      complain('overstated', seen, `revoked ${(asOf - voidAt).toFixed(1)} ms before its asOf`)
    }
  }

  return {
    tokens,
    violations,
    counts,
    get worstOfBound() {
      return worstOfBound
    },

    issued(issued) {
      const isSuspect = revocations.some(
        ({ target, endedAt }) => covers(target, issued) && endedAt >= issued.askedAt,
      )
      const token = { ...issued, isSuspect, voidAt: undefined }
      tokens.push(token)
      return token
    },

    revoking(target) {
      const revocation = { target, askedAt: performance.now(), endedAt: Number.POSITIVE_INFINITY }
      revocations.push(revocation)
      for (const token of tokens) if (covers(target, token)) token.isSuspect = true
      return {
        acknowledged() {
          revocation.endedAt = performance.now()
          for (const token of tokens) {
            if (covers(target, token) && token.issuedAt < revocation.askedAt) {
              token.voidAt ??= revocation.endedAt
            }
          }
        },
      }
    },

    observe(seen) {
      count(`${seen.verdict} ${seen.source}`)
      if (seen.verdict === 'accepted') judgeAccepted(seen)
      if (seen.verdict === 'void' && !seen.token.isSuspect) complain('wrongly void', seen, '')
      if (seen.verdict === 'other') complain('unexpected', seen, '')
    },
  }
}

function covers(target: Target, token: IssuedToken): boolean {
  switch (target.level) {
    case 'token':
      return target.token === token.text
    case 'grant':
      return target.grantId === token.grantId
    case 'session':
      return target.sid === token.sid
    case 'subject':
      return target.sub === token.sub
    case 'subject+client':
      return target.sub === token.sub && target.clientId === token.clientId
    case 'client':
      return target.clientId === token.clientId
    case 'all':
      return true
  }
}
