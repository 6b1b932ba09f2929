/**
 * Reads the parameters of a token exchange (RFC 8693 §2.1) and checks their syntax. Whether the tokens are valid and the request
 * is allowed is checked later. The parameters `context` and `role` are extensions of Claimcheck.
 */
import { isContext, isRole } from '../../../client/src/wire/index.ts'
import type { Form } from '../../../http/body/form.ts'
import { invalidRequest } from '../../../http/errors/oauth-error.ts'

/** The only type of token that is accepted and issued (RFC 8693 §3). */
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

/** Most contexts one token may be limited to. */
export const MAX_VIEW_CONTEXTS = 20

/** A well-formed request. */
export interface ExchangeParameters {
  readonly subjectToken: string
  readonly actorToken: string | undefined
  readonly scope: string | undefined
  /** As sent, unchecked. */
  readonly resources: readonly string[]
  readonly audiences: readonly string[]
  /** Without duplicates; empty when none was named. */
  readonly contexts: readonly string[]
  /** Given only together with contexts. */
  readonly role: string | undefined
}

/** @throws {OAuthError} `invalid_request` saying which parameter is wrong */
export function readExchangeParameters({ values, lists }: Form): ExchangeParameters {
  const subjectToken = required(values, 'subject_token')
  assertAccessToken('subject_token_type', required(values, 'subject_token_type'))
  const requestedType = values.get('requested_token_type')
  if (requestedType !== undefined) assertAccessToken('requested_token_type', requestedType)
  const contexts = readContexts(values.get('context'))
  return {
    subjectToken,
    actorToken: readActorToken(values),
    scope: values.get('scope'),
    resources: lists.get('resource') ?? [],
    audiences: lists.get('audience') ?? [],
    contexts,
    role: readRole(values.get('role'), contexts),
  }
}

function required(values: Form['values'], name: string): string {
  const value = values.get(name)
  if (value === undefined) throw invalidRequest(`the parameter ${name} is required`)
  return value
}

function assertAccessToken(name: string, type: string): void {
  if (type !== ACCESS_TOKEN_TYPE) throw invalidRequest(`the ${name} must be ${ACCESS_TOKEN_TYPE}`)
}

function readActorToken(values: Form['values']): string | undefined {
  const token = values.get('actor_token')
  const type = values.get('actor_token_type')
  if ((token === undefined) !== (type === undefined)) {
    throw invalidRequest('actor_token and actor_token_type must be sent together')
  }
  if (type !== undefined) assertAccessToken('actor_token_type', type)
  return token
}

function readContexts(text: string | undefined): readonly string[] {
  if (text === undefined) return []
  const contexts = text.split(' ')
  if (contexts.length > MAX_VIEW_CONTEXTS) {
    throw invalidRequest(`the parameter context may name at most ${MAX_VIEW_CONTEXTS} contexts`)
  }
  if (!contexts.every(isContext)) {
    throw invalidRequest(
      'the parameter context must be contexts such as course:123, separated by single spaces',
    )
  }
  return [...new Set(contexts)]
}

function readRole(role: string | undefined, contexts: readonly string[]): string | undefined {
  if (role === undefined) return undefined
  if (!isRole(role)) throw invalidRequest('the parameter role must be one role')
  if (contexts.length === 0) throw invalidRequest('the parameter role needs the parameter context')
  return role
}
