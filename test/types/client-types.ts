/**
 * The library's public types. Compiled by `npm run check`, never run: what must be refused is marked, and a mark without an
 * error is an error.
 */
import {
  type ActiveToken,
  type Actor,
  ClaimcheckError,
  type ClaimcheckErrorCode,
  type Client,
  type ClientHealth,
  type ClientOptions,
  createClient,
  type Decision,
  type ExchangedFrom,
  type InactiveToken,
  type IntrospectionResponse,
  type JsonValue,
  type Refusal,
} from '../../client/src/index.ts'

type Equals<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for a type that is `true`. */
function assertType<_Claim extends true>(): void {}

declare const claims: Client
declare const token: string

export async function authorizing(): Promise<void> {
  const decision = await claims.authorize(token, {})
  assertType<Equals<typeof decision, Decision>>()
  await claims.authorize(undefined, { scope: 'a b', audience: 'https://a.test' })
  await claims.authorize(token, { role: 'teacher', context: 'course:1' })
  await claims.authorize(token, { permission: 'grade:write', context: '*' }, { freshness: 'live' })
  await claims.authorize(token, { role: 'a', permission: 'b', context: 'c:1' }, { allowStaleMs: 1 })
  await claims.authorize(token, { role: 'admin', context: 'course:1', parents: ['school:2'] })
  await claims.isAuthorized(token, { permission: 'a', context: 'course:1', parents: ['school:2'] })
  await claims.authorize(token, { context: 'course:1' })
  // @ts-expect-error a role is held somewhere
  await claims.authorize(token, { role: 'teacher' })
  // @ts-expect-error a permission is held somewhere
  await claims.authorize(token, { permission: 'grade:write' })
  // @ts-expect-error both are
  await claims.isAuthorized(token, { role: 'teacher', permission: 'grade:write' })
  // @ts-expect-error parents stand above a context
  await claims.authorize(token, { role: 'admin', parents: ['school:2'] })
  // @ts-expect-error and count for a role or permission alone
  await claims.authorize(token, { context: 'course:1', parents: ['school:2'] })
  // @ts-expect-error even without anything
  await claims.isAuthorized(token, { parents: ['school:2'] })
  // @ts-expect-error they are a list
  await claims.authorize(token, { role: 'admin', context: 'course:1', parents: 'school:2' })
  // @ts-expect-error the context belongs to the demands
  await claims.authorize(token, {}, { contexts: ['course:1'] })
  // @ts-expect-error there is no such freshness
  await claims.authorize(token, {}, { freshness: 'fresh' })
  // @ts-expect-error a misspelt demand
  await claims.authorize(token, { scopes: 'a' })
}

export function deciding(decision: Decision): string {
  // @ts-expect-error facts are there only after asking
  decision.claims
  if (decision.ok === true) {
    assertType<Equals<typeof decision.claims, ActiveToken>>()
    assertType<Equals<typeof decision.source, 'cache' | 'live' | 'stale'>>()
    assertType<Equals<typeof decision.asOf, number>>()
    // @ts-expect-error facts are shared by all who ask
    decision.claims.sub = 'mallory'
    assertType<Equals<typeof decision.claims.act, Actor | undefined>>()
    assertType<
      Equals<typeof decision.claims.exchanged_from, readonly ExchangedFrom[] | undefined>
    >()
    return decision.claims.sub
  }
  assertType<Equals<typeof decision, Refusal>>()
  assertType<Equals<typeof decision.status, 401 | 403 | 503>>()
  return decision.wwwAuthenticate ?? String(decision.retryAfterSeconds)
}

export async function lookingUp(): Promise<JsonValue | undefined> {
  assertType<Equals<ReturnType<Client['peek']>, IntrospectionResponse | undefined>>()
  assertType<Equals<IntrospectionResponse, ActiveToken | InactiveToken>>()
  assertType<Equals<Awaited<ReturnType<Client['isAuthenticated']>>, boolean>>()
  assertType<Equals<ReturnType<Client['health']>, ClientHealth>>()
  const answer = await claims.introspect(token, { contexts: ['course:1'], freshness: 'live' })
  // @ts-expect-error an inactive token says nothing else
  answer.sub
  // @ts-expect-error introspection takes a token, not its absence
  await claims.introspect(undefined)
  return answer.active === true ? answer.department : undefined
}

export function making(): Client {
  const options: ClientOptions = { issuer: 'https://a.test', clientId: 'b', clientSecret: 'c' }
  // @ts-expect-error no secret
  createClient({ issuer: 'https://a.test', clientId: 'b' })
  // @ts-expect-error a misspelt option
  createClient({ ...options, maxStaleness: 5 })
  // @ts-expect-error a duration is a number of milliseconds
  createClient({ ...options, maxStalenessMs: '5s' })
  return createClient(options)
}

export function failing(error: unknown): ClaimcheckErrorCode | undefined {
  if (!(error instanceof ClaimcheckError)) return undefined
  // @ts-expect-error there is no such code
  if (error.code === 'ERR_CLAIMCHECK_REFUSED') return undefined
  return error.code
}
