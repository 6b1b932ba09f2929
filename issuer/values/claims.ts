/** What may be a subject's own claim, whoever tells it: an operator or the loader's endpoint. */
import { z } from 'zod'
import { type JsonValue, TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import type { Claims } from '../../store/registry/subjects.ts'

/** Members of an introspection answer that no claim may stand in for. */
const RESERVED_CLAIMS: ReadonlySet<string> = new Set([
  'active',
  'iss',
  'sub',
  'aud',
  'exp',
  'iat',
  'nbf',
  'jti',
  'sid',
  'client_id',
  'grant_id',
  'scope',
  'token_type',
  'cnf',
  'act',
  'may_act',
  'exchanged_from',
  'acr',
  'amr',
  'auth_time',
  'authorization_details',
  'roles',
  'context_roles',
  'context_roles_complete',
  'permissions',
  'status',
])
const MAX_CLAIMS_BYTES = 4_096

/** The value of a claim. */
export const claimValue: z.ZodType<JsonValue> = z.json()

/** Refuses claims that cannot be kept. */
export function checkClaims(claims: object, context: z.RefinementCtx): void {
  for (const name of Object.keys(claims)) {
    if (RESERVED_CLAIMS.has(name)) {
      const message = 'is reserved and cannot be a claim'
      context.addIssue({ code: 'custom', path: [name], message })
    }
  }
  const text = JSON.stringify(claims)
  if (TOKEN_PATTERN.test(text)) {
    context.addIssue({ code: 'custom', message: 'must not hold a token' })
  }
  if (Buffer.byteLength(text) > MAX_CLAIMS_BYTES) {
    const message = `claims may take at most ${MAX_CLAIMS_BYTES} bytes`
    context.addIssue({ code: 'custom', message })
  }
}

/** Claims as an object of their own. */
export const claims = z.record(z.string(), claimValue).superRefine(checkClaims)

/** A claim that is null is no claim. */
export function withoutNulls(given: Claims): Claims {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}
