/** What tests do to a store, one line each: register, issue, refresh, revoke, and read the state of a token. */
import { nanoid } from 'nanoid'
import type { InactiveReason } from '../../store/grants/introspect.ts'
import type { IssuedTokens, IssueRefusal, IssueRequest } from '../../store/grants/issue.ts'
import type { IssueSpan } from '../../store/grants/issue-span.ts'
import type { LiveGrant } from '../../store/grants/live-grants.ts'
import type { RefreshOutcome, RefreshRequest } from '../../store/grants/refresh.ts'
import type { ParsedToken } from '../../store/mint/token.ts'
import type { ClientMetadata } from '../../store/registry/clients.ts'
import type { RevocationOutcome } from '../../store/revocations/revoke.ts'
import type { RevocationTarget } from '../../store/revocations/target.ts'
import type { Store } from '../../store/store.ts'
import { type Installation, SELF } from '../fixture/installation.ts'

/** Who did it, in every record of these tests. */
export const BY = 'tester'

/** A subject that no other test uses. */
export const newSub = (): string => `sub-${nanoid(10)}`

/** A subject that no other test uses, in the partition of another one. */
export function newNeighbour({ partitions }: Installation, sub: string): string {
  for (;;) {
    const other = newSub()
    if (partitions.of(other) === partitions.of(sub)) return other
  }
}

/** What a client registers, with everything but the overrides at a default. */
export function metadata(overrides: Partial<ClientMetadata> = {}): ClientMetadata {
  return {
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'read write',
    resources: [],
    introspect: false,
    default_resources: [],
    access_token_lifetime: 3_600,
    refresh_token_lifetime: 86_400,
    refresh_token_idle_lifetime: 43_200,
    ...overrides,
  }
}

/** Registers a client (or changes it) and returns its id. */
export async function register(
  store: Store,
  clientId = `client-${nanoid(10)}`,
  overrides: Partial<ClientMetadata> & { readonly enabled?: boolean } = {},
): Promise<string> {
  const { enabled = true, ...rest } = overrides
  await store.clients.put(clientId, BY, () => ({
    enabled,
    metadata: metadata(rest),
    secrets: [],
  }))
  return clientId
}

/** The options of an issue that tests set. Lifetimes are in seconds. */
export interface IssueOptions {
  readonly sub: string
  readonly clientId: string
  readonly session?: 'none' | 'new' | { readonly join: string }
  readonly refresh?:
    | boolean
    | { readonly lifetimeSeconds: number; readonly idleLifetimeSeconds: number }
  readonly lifetime?: number
  readonly scope?: string
  readonly aud?: readonly string[]
  readonly subjectKind?: IssueRequest['subjectKind']
}

/** Issues, whatever the outcome. */
export function tryIssue(
  store: Store,
  options: IssueOptions,
): Promise<IssuedTokens | IssueRefusal> {
  const { sub, clientId, session = 'none', refresh = false } = options
  return store.tokens.issue({
    authorization: {
      sub,
      clientId,
      scope: options.scope ?? 'read write',
      aud: options.aud ?? [SELF],
      login: {},
    },
    subjectKind: options.subjectKind ?? 'user',
    session: toSession(session),
    accessTokenLifetimeSeconds: options.lifetime ?? 3_600,
    ...(refresh === false
      ? {}
      : {
          refresh:
            refresh === true ? { lifetimeSeconds: 86_400, idleLifetimeSeconds: 43_200 } : refresh,
        }),
  })
}

function toSession(session: IssueOptions['session']): IssueRequest['session'] {
  if (session === 'new') return { mode: 'new', device: { ip: '192.0.2.1', user_agent: 'x "y"' } }
  return typeof session === 'object' ? { mode: 'join', sid: session.join } : { mode: 'none' }
}

/** Issues, and throws when that is refused. */
export async function issue(store: Store, options: IssueOptions): Promise<IssuedTokens> {
  const outcome = await tryIssue(store, options)
  if (outcome.kind !== 'issued') throw new Error(`issue came to ${outcome.kind}`)
  return outcome
}

/** Issues with a refresh token. */
export async function issueGrant(
  store: Store,
  options: IssueOptions,
): Promise<IssuedTokens & { readonly refreshToken: string }> {
  const issued = await issue(store, { refresh: true, ...options })
  return { ...issued, refreshToken: issued.refreshToken as string }
}

/** Takes a token of our own apart. */
export async function locate(store: Store, token: string): Promise<ParsedToken> {
  const located = await store.locate(token)
  if (located === undefined) throw new Error('not a token of ours')
  return located
}

/** Refreshes, whatever the outcome. */
export async function refresh(
  store: Store,
  presented: string,
  clientId: string,
  overrides: Partial<RefreshRequest> = {},
): Promise<RefreshOutcome> {
  return store.grants.refresh({
    presented,
    token: await locate(store, presented),
    clientId,
    accessTokenLifetimeSeconds: 3_600,
    idleLifetimeSeconds: 43_200,
    ...overrides,
  })
}

/** A refresh that came to tokens. */
export type Refreshed = Extract<RefreshOutcome, { kind: 'refreshed' }>

/** Refreshes, and throws when that is refused. */
export async function refreshed(...request: Parameters<typeof refresh>): Promise<Refreshed> {
  const outcome = await refresh(...request)
  if (outcome.kind !== 'refreshed') throw new Error(`refresh came to ${outcome.kind}`)
  return outcome
}

/** Revokes, whatever the outcome. A number is the time before which it must have been issued, in epoch seconds. */
export function revoke(
  store: Store,
  target: RevocationTarget,
  issued: number | IssueSpan = {},
): Promise<RevocationOutcome> {
  const span = typeof issued === 'number' ? { issuedBefore: issued } : issued
  return store.revocations.revoke(target, { by: BY, reason: 'test', ...span })
}

/** What a token is worth: `active`, or why it is not. */
export async function stateOf(store: Store, token: string): Promise<'active' | InactiveReason> {
  const { state } = await store.tokens.introspect(token, '')
  return state.kind === 'active' ? 'active' : state.reason
}

/** When an active token was issued, in epoch microseconds. */
export async function issuedAtUs(store: Store, token: string): Promise<number> {
  const { state } = await store.tokens.introspect(token, '')
  if (state.kind !== 'active') throw new Error(`the token is ${state.reason}`)
  return state.record.issuedAtUs
}

/** All live grants of a subject, page by page. */
export async function liveGrants(store: Store, sub: string, size = 100): Promise<LiveGrant[]> {
  const grants: LiveGrant[] = []
  let page = await store.liveGrants.grants(sub, { size })
  for (;;) {
    grants.push(...page.items)
    if (page.next === undefined) return grants
    page = await store.liveGrants.grants(sub, { size, cursor: page.next })
  }
}

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly id: string
  readonly atUs: number
  readonly event: unknown
  /** Cutoff and details of a revocation, in one text. */
  readonly revocation?: string
}

/** The log of a partition. */
export async function readLog(
  { redis, keys }: Installation,
  partition: number,
): Promise<LoggedEvent[]> {
  const entries = await redis.xrange(keys.partition(partition).log, '-', '+')
  return entries.map(([id, [, at, , event, , revocation]]) => ({
    id: id as string,
    atUs: Number(at),
    event: JSON.parse(event as string) as unknown,
    ...(revocation === undefined ? {} : { revocation }),
  }))
}

/** Number of the last change in a partition. */
export async function seqOf({ redis, keys }: Installation, partition: number): Promise<number> {
  return Number((await redis.hget(keys.partition(partition).head, 'seq')) ?? 0)
}

/** Moves the clock of a partition forward to a time, as if time had passed. */
export async function moveClock(
  { redis, keys }: Installation,
  partition: number,
  toUs: number,
): Promise<void> {
  await redis.hset(keys.partition(partition).head, 'clock', toUs.toFixed(0))
}

/** Takes the clocks back to the present, and deletes what was written at later times. */
export async function settleClocks({ redis, keys, partitions }: Installation): Promise<void> {
  const all = Array.from({ length: partitions.count }, (_, n) => keys.partition(n))
  await Promise.all(
    all.flatMap(({ head, log, cutoff }) => [
      redis.hdel(head, 'clock'),
      redis.del(log),
      redis.del(cutoff.all),
    ]),
  )
}
