/** Reads members of answers: what is missing or of another type is nothing, and never `undefined` on the screen. */
import type { Json } from '../service/api.ts'
import { formatDistance, formatMoment } from '../terminal/moment.ts'

/** A text or number as text; '' for anything else. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** Texts of an array, or one text, with spaces between. */
export function listOf(value: unknown): string {
  return Array.isArray(value) ? value.map(textOf).join(' ') : textOf(value)
}

/** A number, if it is one. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** An array of objects, if it is one. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value)
    ? value.filter((item) => typeof item === 'object' && item !== null)
    : []
}

/** An object, if it is one. */
export function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined
}

/** A time in UTC and how far away it is. */
export function momentOf(value: unknown, nowSeconds: number): string {
  const moment = numberOf(value)
  if (moment === undefined) return ''
  return `${formatMoment(moment)} (${formatDistance(moment, nowSeconds)})`
}

/** A time in UTC. */
export function timeOf(value: unknown): string {
  const moment = numberOf(value)
  return moment === undefined ? '' : formatMoment(moment)
}
