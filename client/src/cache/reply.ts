/**
 * Reads an RFC 7662 answer. It must be an object whose `active` is a boolean (§2.2), and `aud`, `scope` and `exp` must have
 * the right types if they are present. An answer that lacks what the cache needs is valid, but not cached.
 */

import type { ActiveToken, FreshnessStamp, IntrospectionResponse } from '../wire/index.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { Sharing } from './sharing.ts'

/** The answer for void tokens; one frozen object for all. */
export const INACTIVE: IntrospectionResponse = Object.freeze({ active: false })

/** One answer of the service. */
export interface Reply {
  readonly answer: IntrospectionResponse
  /** The position at which it was read; `undefined` from servers without a feed. */
  readonly stamp: FreshnessStamp | undefined
  /** Length of its text, for the bound on memory. */
  readonly bytes: number
  /** The server's clock when it answered, in epoch milliseconds; `undefined` without a `Date` header. */
  readonly serverTimeMs: number | undefined
}

/** A reply that has arrived, and when it was asked for. */
export interface Landed {
  readonly reply: Reply
  /** Elapsed milliseconds at which the request was sent. */
  readonly askedAt: number
}

/** Members that are equal in many answers. */
const COMMON = ['iss', 'client_id', 'scope', 'aud', 'acr', 'amr', 'roles'] as const
/** Members whose lists are equal in many answers. */
const COMMON_BY_CONTEXT = ['context_roles', 'permissions'] as const

/**
 * Turns parsed JSON into a frozen answer whose `aud` is always a list; `undefined` when it is not a valid answer.
 *
 * @param sharing stores equal members of different answers once
 */
export function readAnswer(value: unknown, sharing?: Sharing): IntrospectionResponse | undefined {
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
  const answer: Record<string, unknown> = { ...value, aud: audiences }
  if (sharing !== undefined) shareMembers(answer, sharing)
  return deepFreeze(answer) as ActiveToken
}

function shareMembers(answer: Record<string, unknown>, { share }: Sharing): void {
  for (const name of COMMON) {
    if (answer[name] !== undefined) answer[name] = share(answer[name])
  }
  for (const name of COMMON_BY_CONTEXT) {
    const byContext = answer[name]
    if (typeof byContext !== 'object' || byContext === null) continue
    const lists = byContext as Record<string, unknown>
    for (const [context, list] of Object.entries(lists)) lists[context] = share(list)
    answer[name] = share(lists)
  }
}
