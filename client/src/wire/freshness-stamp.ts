/**
 * The position in a partition's history at which an answer was read. It is sent in a response header, so that the body is
 * plain RFC 7662. An inactive answer has no stamp, so that all inactive answers look alike.
 */

/** Response header with the stamp of an answer, or with a comma-separated list of stamps for a batch. */
export const FRESHNESS_HEADER = 'Claimcheck-Freshness'

/** An answer without a stamp, in the list of a batch. */
const NO_STAMP = '-'

/** The position at which an answer was read. */
export interface FreshnessStamp {
  /** Number of the partition, from 0. */
  readonly partition: number
  /** Identifies one unbroken history of the partition's primary. Opaque: compare it for equality only. */
  readonly epoch: string
  /** Number of the last change included in the answer. */
  readonly seq: number
  /**
   * Time until the answer changes because an assignment in it ends, in milliseconds by the clock of the partition; absent when
   * no assignment ends. No event reports that change. It is a duration, so that it does not depend on other clocks.
   */
  readonly leftMs?: number
}

/** Formats stamps as the header value, in order. `undefined` stands for an answer without a stamp. */
export function formatFreshness(stamps: readonly (FreshnessStamp | undefined)[]): string {
  return stamps.map(formatStamp).join(',')
}

function formatStamp(stamp: FreshnessStamp | undefined): string {
  if (stamp === undefined) return NO_STAMP
  const position = `${stamp.partition}:${stamp.epoch}:${stamp.seq}`
  return stamp.leftMs === undefined ? position : `${position}:${stamp.leftMs}`
}

/**
 * Parses the header value.
 *
 * @returns one element for each answer, or `undefined` when the value is malformed
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
