/**
 * The position in a partition's history that an answer was read at. It travels in a response header beside active
 * answers, so that the RFC 7662 body stays clean; an inactive answer has none, so that all of them look alike.
 */

/** Response header carrying the stamp of an answer, or a comma list of them for a batch. */
export const FRESHNESS_HEADER = 'Claimcheck-Freshness'

/** Stands in the list of a batch for an answer without a stamp. */
const NO_STAMP = '-'

/** Where in which history an answer was read. */
export interface FreshnessStamp {
  readonly partition: number
  /** One unbroken history of the partition's primary; opaque, compared for equality only. */
  readonly epoch: string
  /** Number of the last change included in the answer. */
  readonly seq: number
  /**
   * What was left, when it was read, until the answer changes by itself because an assignment in it ends: milliseconds by
   * the partition's own clock; absent when nothing does. No event will tell. A span and no time, so that it holds whatever
   * the clocks of others say.
   */
  readonly leftMs?: number
}

/** Writes stamps as the header value, in order; `undefined` marks an answer without one. */
export function formatFreshness(stamps: readonly (FreshnessStamp | undefined)[]): string {
  return stamps.map(formatStamp).join(',')
}

function formatStamp(stamp: FreshnessStamp | undefined): string {
  if (stamp === undefined) return NO_STAMP
  const position = `${stamp.partition}:${stamp.epoch}:${stamp.seq}`
  return stamp.leftMs === undefined ? position : `${position}:${stamp.leftMs}`
}

/**
 * Reads the header value back.
 *
 * @returns one element an answer, or `undefined` when the value is not of this form
 */
export function parseFreshness(value: string): (FreshnessStamp | undefined)[] | undefined {
  const stamps: (FreshnessStamp | undefined)[] = []
  for (const item of value.split(',')) {
    if (item === NO_STAMP) {
      stamps.push(undefined)
      continue
    }
    const match = /^(\d{1,4}):([0-9a-f]{1,40}):(\d{1,15})(?::(\d{1,15}))?$/.exec(item)
    if (match === null) return undefined
    const [, partition, epoch, seq, leftMs] = match
    stamps.push({
      partition: Number(partition),
      epoch: epoch as string,
      seq: Number(seq),
      ...(leftMs === undefined ? {} : { leftMs: Number(leftMs) }),
    })
  }
  return stamps
}
