/**
 * Times as people type and read them: ISO 8601 with a zone, epoch seconds, or a span such as `2h`. A time without a zone is
 * refused, because a wrong guess would revoke the wrong tokens.
 */

/** Which way a span points from now. */
export type SpanDirection = 'ago' | 'ahead'

const SPAN = /^\+?(\d{1,9})(s|m|h|d|w)$/
const EPOCH_SECONDS = /^\d{1,10}(?:\.\d{1,6})?$/
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/i
const ISO_WITHOUT_ZONE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$/
/** The server's limit: a greater number is milliseconds by mistake. */
const MAX_EPOCH_SECONDS = 9_007_199_254

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
}

/**
 * Reads a typed time.
 *
 * @returns epoch seconds
 * @throws {RangeError} whose message says what to type instead
 */
export function parseMoment(text: string, nowSeconds: number, span: SpanDirection): number {
  const [, count, unit] = SPAN.exec(text) ?? []
  if (count !== undefined && unit !== undefined) {
    const seconds = Number(count) * (UNIT_SECONDS[unit] ?? 0)
    const moment = Math.floor(nowSeconds) + (span === 'ago' ? -seconds : seconds)
    if (moment < 0 || moment > MAX_EPOCH_SECONDS) throw new RangeError('That is too far away.')
    return moment
  }
  if (EPOCH_SECONDS.test(text)) {
    const moment = Number(text)
    if (moment <= MAX_EPOCH_SECONDS) return moment
    throw new RangeError('Epoch times are given in seconds, not milliseconds.')
  }
  if (/^\d{11,}$/.test(text))
    throw new RangeError('Epoch times are given in seconds, not milliseconds.')
  if (ISO_WITHOUT_ZONE.test(text)) {
    throw new RangeError('A time needs a zone: add Z for UTC, or an offset such as +02:00.')
  }
  const moment = isoSeconds(text)
  if (moment !== undefined) return moment
  throw new RangeError('Give 2h (s, m, h, d, w), 2026-05-01T03:00:00Z or epoch seconds.')
}

function isoSeconds(text: string): number | undefined {
  const [, year, month, day] = ISO.exec(text) ?? []
  if (year === undefined || month === undefined || day === undefined) return undefined
  // Date.parse reads the 31st of February as the 3rd of March.
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  const milliseconds = Date.parse(text.replace(' ', 'T').toUpperCase())
  if (Number(day) > daysInMonth || Number.isNaN(milliseconds) || milliseconds < 0) return undefined
  return milliseconds / 1_000
}

/** A time in UTC, to the second. It can be typed as an option value. */
export function formatMoment(epochSeconds: number): string {
  const milliseconds = Math.floor(epochSeconds) * 1_000
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) return 'an unknown time'
  return new Date(milliseconds).toISOString().replace('.000', '')
}

/** How long ago, or how far ahead, such as `3 min ago`. */
export function formatDistance(epochSeconds: number, nowSeconds: number): string {
  const distance = Math.round(nowSeconds - epochSeconds)
  const text = formatSpan(Math.abs(distance))
  if (Math.abs(distance) < 1) return 'now'
  return distance > 0 ? `${text} ago` : `in ${text}`
}

/** A span of seconds such as `3 min` or `2 d`. */
export function formatSpan(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
