/** The rules for a subject's claims, whether they come from an operator or from the loader endpoint. */
import { z } from 'zod'
import { type JsonValue, TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import type { Claims } from '../../store/registry/subjects.ts'

/** Members of an introspection response that no claim may replace. */
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

/** Adds an issue for each reason why claims cannot be stored. */
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
    const message = `must not take more than ${MAX_CLAIMS_BYTES} bytes`
    context.addIssue({ code: 'custom', message })
  }
}

/** Claims as a separate object. */
export const claims = z.record(z.string(), claimValue).superRefine(checkClaims)

/** Without the claims that are null, which means that they are absent. */
export function withoutNulls(given: Claims): Claims {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}
