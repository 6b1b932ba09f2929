/**
 * The revocation lattice: token · grant · session · subject · subject+client · client · all. A revocation is one cutoff
 * per partition involved, or one span above it, never one per token, written together with its log entry. It has happened
 * when the call returns; a call that fails has promised nothing and is repeated.
 */
import { nanoid } from 'nanoid'
import type { FeedEvent } from '../../client/src/wire/index.ts'
import { type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { afterUs, cutoffUs, type IssueSpan, spanArgument } from '../grants/issue-span.ts'
import type { LiveGrants } from '../grants/live-grants.ts'
import type { ParsedToken } from '../mint/token.ts'
import type { LocatedId } from '../partitions.ts'
import { askRedis, type ScriptReply, unknownReply } from '../redis/script-runner.ts'
import { forecast, forecastIfFew, isKnown } from './forecast.ts'
import type { RevocationTarget } from './target.ts'

/** How to revoke. */
export interface RevocationRequest extends IssueSpan {
  /** Who did it, and why: kept with the cutoff for as long as it matters. */
  readonly by: string
  readonly reason?: string | undefined
  /** Refuse unless the token or grant belongs to this client. */
  readonly ownedBy?: string
}

/** What a revocation comes to. */
export type RevocationOutcome =
  | {
      readonly kind: 'revoked'
      /** Names this revocation wherever it is told of. */
      readonly id: string
      /** Everything meant that was issued at or before this time is void; epoch microseconds. */
      readonly cutoffUs: number
      /** Live grants it made void, where they are few enough to count on the way. */
      readonly affected: number | undefined
      /** Whether it changed anything; not so when an earlier one reached as far. */
      readonly isNew: boolean
      /** Whose it was, of a token, a grant or a session. */
      readonly sub?: string
    }
  /** Nothing of that id is known: it has expired or never was. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'foreign' }
  /** `issuedBefore` or `issuedAfter` lies in the future. */
  | { readonly kind: 'future' }
  /** Of one thing only so many spans apart from each other can be void; a plain cutoff always can. */
  | { readonly kind: 'too-many-spans' }

/** What a revocation would come to. */
export type RevocationForecast =
  | {
      readonly kind: 'forecast'
      /** Live grants it would make void. */
      readonly affected: number
      /** Everything meant that was issued at or before this time would be void; epoch microseconds. */
      readonly cutoffUs: number
    }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'future' }

/** A slightly fast clock of the caller is no mistake; lua/include/cutoff.lua allows as much. */
const FUTURE_TOLERANCE_US = 60e6

/** Revokes, and tells beforehand what that would do. */
export interface Revocations {
  revoke(target: RevocationTarget, request: RevocationRequest): Promise<RevocationOutcome>
  /** Revokes what a token stands for: an access token alone, a refresh token with its whole grant. */
  revokePresented(token: ParsedToken, request: RevocationRequest): Promise<RevocationOutcome>
  /** Counts, and changes nothing. Reads every grant involved: takes time in proportion for `client` and `all`. */
  forecast(target: RevocationTarget, span?: IssueSpan): Promise<RevocationForecast>
}

type IdentifiedRequest = RevocationRequest & { readonly id: string }

/** Makes the revocations of a store. */
export function createRevocations(context: StoreContext, liveGrants: LiveGrants): Revocations {
  const { keys, partitions, run } = context

  function common(request: IdentifiedRequest, event: FeedEvent): string[] {
    const { id, by, reason } = request
    return [
      spanArgument(request),
      JSON.stringify({ id, by, ...(reason === undefined ? {} : { reason }) }),
      JSON.stringify(event),
      String(context.logRetentionMs),
      keys.channel,
    ]
  }

  function revokeToken(id: LocatedId, request: IdentifiedRequest): Promise<ScriptReply> {
    const at = keys.partition(id.partition)
    const jti = partitions.toPublicId(id.partition, id.local + id.hash)
    return run(
      'revoke-token',
      [at.head, at.log, at.cutoff.token(id.hash)],
      [
        at.base,
        ...common(request, { type: 'token', jti }),
        request.ownedBy ?? '',
        id.hash,
        id.local,
      ],
    )
  }

  function revokeGrant(id: LocatedId, request: IdentifiedRequest): Promise<ScriptReply> {
    const at = keys.partition(id.partition)
    const grantId = partitions.toPublicId(id.partition, id.local)
    return run(
      'revoke-grant',
      [at.head, at.log, at.grant(id.local), at.cutoff.grant(id.local)],
      [
        at.base,
        ...common(request, { type: 'grant', grant_id: grantId }),
        request.ownedBy ?? '',
        id.local,
      ],
    )
  }

  function revokeSession(id: LocatedId, request: IdentifiedRequest): Promise<ScriptReply> {
    const at = keys.partition(id.partition)
    const event: FeedEvent = { type: 'session', sid: partitions.toPublicId(id.partition, id.local) }
    return run(
      'revoke-session',
      [at.head, at.log, at.session(id.local), at.cutoff.session(id.local)],
      [at.base, ...common(request, event), id.local],
    )
  }

  function revokeSubject(sub: string, clientId: string | undefined, request: IdentifiedRequest) {
    const at = keys.partition(partitions.of(sub))
    const event: FeedEvent =
      clientId === undefined
        ? { type: 'subject', sub }
        : { type: 'subject_client', sub, client_id: clientId }
    const cutoff =
      clientId === undefined ? at.cutoff.subject(sub) : at.cutoff.subjectClient(sub, clientId)
    const drop = clientId === undefined && spanArgument(request) === ''
    return run(
      'write-cutoff',
      [at.head, at.log, cutoff, at.index(sub)],
      [at.base, ...common(request, event), WIDE_CUTOFF_LIFETIME_MS, drop ? 'drop' : 'keep'],
    )
  }

  // The first partition answers alone, so that a request that will be refused has touched nothing else.
  async function revokeEverywhere(clientId: string | undefined, request: IdentifiedRequest) {
    const event: FeedEvent =
      clientId === undefined ? { type: 'all' } : { type: 'client', client_id: clientId }
    const write = (partition: number): Promise<ScriptReply> => {
      const at = keys.partition(partition)
      const cutoff = clientId === undefined ? at.cutoff.all : at.cutoff.client(clientId)
      return run(
        'write-cutoff',
        [at.head, at.log, cutoff, at.head],
        [at.base, ...common(request, event), WIDE_CUTOFF_LIFETIME_MS, 'keep'],
      )
    }
    const first = await write(0)
    if (first[0] !== 'revoked') return first
    const others = await Promise.all(
      Array.from({ length: partitions.count - 1 }, (_, n) => write(n + 1)),
    )
    const refused = others.find(([outcome]) => outcome !== 'revoked')
    // A repeat after an outage may change something in some partitions only.
    return refused ?? (changedAny(first) ? first : (others.find(changedAny) ?? first))
  }

  function dispatch(
    target: RevocationTarget,
    request: IdentifiedRequest,
  ): Promise<ScriptReply> | undefined {
    switch (target.level) {
      case 'token': {
        const id = partitions.parsePublicId(target.jti)
        return id === undefined || id.hash === '' ? undefined : revokeToken(id, request)
      }
      case 'grant': {
        const id = partitions.parsePublicId(target.grantId)
        if (id === undefined) return undefined
        // A token that is a grant of its own lends the grant its id.
        if (id.local === '') return revokeToken(id, request)
        return id.hash === '' ? revokeGrant(id, request) : undefined
      }
      case 'session': {
        const id = partitions.parsePublicId(target.sid)
        return id === undefined || id.hash !== '' ? undefined : revokeSession(id, request)
      }
      case 'subject':
        return revokeSubject(target.sub, undefined, request)
      case 'subject+client':
        return revokeSubject(target.sub, target.clientId, request)
      case 'client':
        return revokeEverywhere(target.clientId, request)
      case 'all':
        return revokeEverywhere(undefined, request)
    }
  }

  return {
    async revoke(target, request) {
      const identified = withId(request)
      const few = await forecastIfFew(context, liveGrants, target, request)
      const reply = await dispatch(target, identified)
      if (reply === undefined) return { kind: 'unknown' }
      const outcome = toOutcome(identified.id, reply)
      return outcome.kind === 'revoked'
        ? { ...outcome, affected: outcome.affected ?? few }
        : outcome
    },

    async revokePresented({ kind, partition, hash, grant }, request) {
      const identified = withId(request)
      const reply =
        kind === 'access'
          ? revokeToken({ partition, hash, local: grant }, identified)
          : revokeGrant({ partition, hash: '', local: grant }, identified)
      return toOutcome(identified.id, await reply)
    },

    async forecast(target, span = {}) {
      const cutoff = cutoffUs(span)
      const latest = Math.max(cutoff ?? 0, afterUs(span) ?? 0)
      const [seconds, microseconds] = await askRedis(() => context.redis.time())
      const nowUs = Number(seconds) * 1e6 + Number(microseconds)
      if (latest > nowUs + FUTURE_TOLERANCE_US) return { kind: 'future' }
      if (!(await isKnown(context, target))) return { kind: 'unknown' }
      const affected = await forecast(context, liveGrants, target, span)
      return { kind: 'forecast', affected, cutoffUs: Math.min(cutoff ?? nowUs, nowUs) }
    },
  }
}

function withId(request: RevocationRequest): IdentifiedRequest {
  return { ...request, id: `rv_${nanoid()}` }
}

/** The position of the event it told, which is '' where there was nothing to tell. */
function changedAny([, , , , seq]: ScriptReply): boolean {
  return seq !== ''
}

function toOutcome(id: string, reply: ScriptReply): RevocationOutcome {
  const [kind, cutoff, affected, , , sub] = reply
  switch (kind) {
    case 'revoked':
      return {
        kind,
        id,
        cutoffUs: Number(cutoff),
        affected: Number(affected) < 0 ? undefined : Number(affected),
        isNew: changedAny(reply),
        ...(sub === undefined ? {} : { sub: sub as string }),
      }
    case 'unknown':
    case 'foreign':
    case 'future':
    case 'too-many-spans':
      return { kind }
    default:
      throw unknownReply('write-cutoff', kind)
  }
}
