/**
 * Reads an RFC 7662 answer and what stands beside it. The minimum is exact: an object whose `active` is a boolean
 * (§2.2), and `aud`, `scope` and `exp`, where there are any, are what decisions take them for. What the cache needs beyond
 * that may be missing, the answer is then not cached.
 */
import type { ActiveToken, FreshnessStamp, IntrospectionResponse } from './wire/index.ts'

/** What void tokens look like; one frozen object for all. */
export const INACTIVE: IntrospectionResponse = Object.freeze({ active: false })

/** One answer of the service. */
export interface Reply {
  readonly answer: IntrospectionResponse
  /** Where it was read; `undefined` from servers without a feed. */
  readonly stamp: FreshnessStamp | undefined
  /** Approximate size, for the bound on memory. */
  readonly bytes: number
  /** The server's clock when it answered, in epoch milliseconds; `undefined` if it did not tell. */
  readonly serverTimeMs: number | undefined
}

/** Turns parsed JSON into a frozen answer whose `aud` is always a list; `undefined` when it is none. */
export function readAnswer(value: unknown): IntrospectionResponse | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { active } = value as { readonly active?: unknown }
  if (active === false) return INACTIVE
  if (active !== true) return undefined
  const { scope, exp, aud = [] } = value as Readonly<Record<string, unknown>>
  if (scope !== undefined && typeof scope !== 'string') return undefined
  if (exp !== undefined && !Number.isFinite(exp)) return undefined
  const audiences = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(audiences) || !audiences.every((one) => typeof one === 'string')) {
    return undefined
  }
  return deepFreeze({ ...value, aud: audiences }) as ActiveToken
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
