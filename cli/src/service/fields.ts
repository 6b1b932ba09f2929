/** Reads members of answers. A missing member, or one of another type, is shown as nothing, never as `undefined`. */

import { isObject } from '../input/json-object.ts'
import { formatDistance, formatMoment } from '../terminal/moment.ts'
import type { Json } from './api.ts'

/** A string, number or boolean as text; '' for anything else. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** A value of any type as text; an object as JSON. */
export function valueText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : textOf(value)
}

/** The texts of an array with spaces between, or one text. */
export function listOf(value: unknown): string {
  return Array.isArray(value) ? value.map(textOf).join(' ') : textOf(value)
}

/** The value if it is a number. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** The objects of an array; [] for anything else. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value)
    ? value.filter((item) => typeof item === 'object' && item !== null)
    : []
}

/** The value if it is an object. */
export function objectOf(value: unknown): Json | undefined {
  return isObject(value) ? value : undefined
}

/** A time in UTC and its distance from now. */
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
