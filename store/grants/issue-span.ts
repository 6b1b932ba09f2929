/**
 * Which times of issue a revocation means: after one time, before another, each of them optional. Writes them as the
 * scripts read them (lua/include/lattice.lua, requested_span).
 */

/** Times in epoch seconds, fractions allowed. */
export interface IssueSpan {
  /** Only what was issued later than this; absent means from the beginning. */
  readonly issuedAfter?: number | undefined
  /** Only what was issued before this; absent means until now. */
  readonly issuedBefore?: number | undefined
}

/** "Issued before" excludes that very moment, a cutoff includes it: hence one microsecond less. */
export function cutoffUs({ issuedBefore }: IssueSpan): number | undefined {
  return issuedBefore === undefined ? undefined : Math.max(0, Math.round(issuedBefore * 1e6) - 1)
}

/** The last time of issue that is not meant; `undefined` when all are. */
export function afterUs({ issuedAfter }: IssueSpan): number | undefined {
  return issuedAfter === undefined ? undefined : Math.max(0, Math.round(issuedAfter * 1e6))
}

/** `''` (until now) · `<cutoff µs>` · `<after µs>-` · `<after µs>-<cutoff µs>`. */
export function spanArgument(span: IssueSpan): string {
  const cutoff = cutoffUs(span)?.toFixed(0) ?? ''
  const after = afterUs(span)
  return after === undefined ? cutoff : `${after.toFixed(0)}-${cutoff}`
}

/** Whether something issued at this time is meant. */
export function isWithin(span: IssueSpan, issuedAtUs: number): boolean {
  return (
    issuedAtUs > (afterUs(span) ?? 0) && issuedAtUs <= (cutoffUs(span) ?? Number.POSITIVE_INFINITY)
  )
}
