/**
 * The revocation lattice: token · grant · session · subject · subject+client · client · all. A revocation is one cutoff
 * per partition involved, or one span above it, never one per token, and is written together with its log entry. It is in
 * force when the call returns. If the call fails, it may be in force or not: repeat it.
 */
import { nanoid } from 'nanoid'
import type { FeedEvent } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { afterUs, cutoffUs, type IssueSpan, spanArgument } from '../grants/issue-span.ts'
import type { LiveGrants } from '../grants/live-grants.ts'
import type { ParsedToken } from '../mint/token.ts'
import type { LocatedId } from '../partitions.ts'
import { askRedis } from '../redis/script-runner.ts'
import {
  type CutoffReply,
  type CutoffText,
  type CutoffWriter,
  createCutoffWriter,
} from './cutoffs.ts'
import { forecast, forecastIfFew, isKnown } from './forecast.ts'
import type { RevocationTarget } from './target.ts'

/** How to revoke. */
interface RevocationRequest extends IssueSpan {
  /** Who did it, and why: kept with the cutoff for as long as it matters. */
  readonly by: string
  readonly reason?: string | undefined
  /** Refuse unless the token or grant belongs to this client. */
  readonly ownedBy?: string
}

/** The outcome of a revocation. */
export type RevocationOutcome =
  | {
      readonly kind: 'revoked'
      /** Names this revocation in its event, its cutoff and the audit. */
      readonly id: string
      /** Everything meant that was issued at or before this time is void; epoch microseconds. */
      readonly cutoffUs: number
      /** Live grants it made void, if they are few enough to count them first. */
      readonly affected: number | undefined
      /** Whether it changed anything; false when an earlier revocation covers it. */
      readonly isNew: boolean
      /** The subject of the token, grant or session. */
      readonly sub?: string
    }
  /** The id is not known: it has expired or never existed. */
  | { readonly kind: 'unknown' }
  /** It does not belong to the client in `ownedBy`. */
  | { readonly kind: 'foreign' }
  /** `issuedBefore` or `issuedAfter` lies in the future. */
  | { readonly kind: 'future' }
  /** One cutoff record holds a limited number of separate spans; a revocation without `issuedAfter` always fits. */
  | { readonly kind: 'too-many-spans' }

/** What a revocation would do. */
type RevocationForecast =
  | {
      readonly kind: 'forecast'
      /** Live grants it would make void. */
      readonly affected: number
      /** Everything meant that was issued at or before this time would be void; epoch microseconds. */
      readonly cutoffUs: number
    }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'future' }

/** Allows for a caller's clock that is slightly fast, as lua/include/cutoff.lua does. */
const FUTURE_TOLERANCE_US = 60e6

/** Revokes, and forecasts what a revocation would do. */
export interface Revocations {
  revoke(target: RevocationTarget, request: RevocationRequest): Promise<RevocationOutcome>
  /** Revokes a presented token: an access token alone, a refresh token with its whole grant. */
  revokePresented(token: ParsedToken, request: RevocationRequest): Promise<RevocationOutcome>
  /** Counts, and changes nothing. Reads every grant involved, so `client` and `all` may take long. */
  forecast(target: RevocationTarget, span?: IssueSpan): Promise<RevocationForecast>
}

type IdentifiedRequest = RevocationRequest & { readonly id: string }

/** Makes the revocations of a store. */
export function createRevocations(context: StoreContext, liveGrants: LiveGrants): Revocations {
  const cutoffs = createCutoffWriter(context)

  return {
    async revoke(target, request) {
      const identified = withId(request)
      const few = await forecastIfFew(context, liveGrants, target, request)
      const reply = await write(context, cutoffs, target, identified)
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
          ? writeToken(context, cutoffs, { partition, hash, local: grant }, identified)
          : writeGrant(context, cutoffs, { partition, hash: '', local: grant }, identified)
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

/** Writes the cutoff of a target; `undefined` when its id cannot be one of this level. */
function write(
  context: StoreContext,
  cutoffs: CutoffWriter,
  target: RevocationTarget,
  request: IdentifiedRequest,
): Promise<CutoffReply> | undefined {
  const { partitions } = context
  switch (target.level) {
    case 'token': {
      const id = partitions.parsePublicId(target.jti)
      return id === undefined || id.hash === ''
        ? undefined
        : writeToken(context, cutoffs, id, request)
    }
    case 'grant': {
      const id = partitions.parsePublicId(target.grantId)
      if (id === undefined) return undefined
      // A token that is a grant lends the grant its id.
      if (id.local === '') return writeToken(context, cutoffs, id, request)
      return id.hash === '' ? writeGrant(context, cutoffs, id, request) : undefined
    }
    case 'session': {
      const id = partitions.parsePublicId(target.sid)
      if (id === undefined || id.hash !== '') return undefined
      const sid = partitions.toPublicId(id.partition, id.local)
      return cutoffs.session(id, textOf(request, { type: 'session', sid }))
    }
    case 'subject':
      return writeSubject(context, cutoffs, target.sub, request)
    case 'subject+client':
      return writeSubjectClient(context, cutoffs, target, request)
    case 'client':
      return writeEverywhere(context, cutoffs, target.clientId, request)
    case 'all':
      return writeEverywhere(context, cutoffs, undefined, request)
  }
}

function writeToken(
  { partitions }: StoreContext,
  cutoffs: CutoffWriter,
  id: LocatedId,
  request: IdentifiedRequest,
): Promise<CutoffReply> {
  const { jti } = partitions.idsOf({ ...id, grant: id.local })
  return cutoffs.token(id, textOf(request, { type: 'token', jti }), request.ownedBy)
}

function writeGrant(
  { partitions }: StoreContext,
  cutoffs: CutoffWriter,
  id: LocatedId,
  request: IdentifiedRequest,
): Promise<CutoffReply> {
  const grantId = partitions.toPublicId(id.partition, id.local)
  return cutoffs.grant(id, textOf(request, { type: 'grant', grant_id: grantId }), request.ownedBy)
}

function writeSubject(
  { keys, partitions }: StoreContext,
  cutoffs: CutoffWriter,
  sub: string,
  request: IdentifiedRequest,
): Promise<CutoffReply> {
  const partition = partitions.of(sub)
  const at = keys.partition(partition)
  const text = textOf(request, { type: 'subject', sub })
  const droppedIndex = text.issueSpan === '' ? at.index(sub) : undefined
  return cutoffs.wide(partition, at.cutoff.subject(sub), text, droppedIndex)
}

function writeSubjectClient(
  { keys, partitions }: StoreContext,
  cutoffs: CutoffWriter,
  { sub, clientId }: { readonly sub: string; readonly clientId: string },
  request: IdentifiedRequest,
): Promise<CutoffReply> {
  const partition = partitions.of(sub)
  const cutoff = keys.partition(partition).cutoff.subjectClient(sub, clientId)
  const text = textOf(request, { type: 'subject_client', sub, client_id: clientId })
  return cutoffs.wide(partition, cutoff, text)
}

/** Writes the cutoff of a client, or of everything, in every partition. */
async function writeEverywhere(
  { keys, partitions }: StoreContext,
  cutoffs: CutoffWriter,
  clientId: string | undefined,
  request: IdentifiedRequest,
): Promise<CutoffReply> {
  const event: FeedEvent =
    clientId === undefined ? { type: 'all' } : { type: 'client', client_id: clientId }
  const text = textOf(request, event)
  const writeIn = (partition: number) => {
    const { cutoff } = keys.partition(partition)
    const key = clientId === undefined ? cutoff.all : cutoff.client(clientId)
    return cutoffs.wide(partition, key, text)
  }
  const [firstPartition = 0, ...otherPartitions] = partitions.all
  // The first partition alone, so that a refused request has changed nothing elsewhere.
  const first = await writeIn(firstPartition)
  if (first.outcome !== 'revoked') return first
  const others = await Promise.all(otherPartitions.map(writeIn))
  const refused = others.find(({ outcome }) => outcome !== 'revoked')
  // A repeat after an outage may change something in some partitions only.
  return refused ?? [first, ...others].find(changedSomething) ?? first
}

function textOf(request: IdentifiedRequest, event: FeedEvent): CutoffText {
  const { id, by, reason } = request
  return {
    issueSpan: spanArgument(request),
    details: JSON.stringify({ id, by, ...(reason === undefined ? {} : { reason }) }),
    event: JSON.stringify(event),
  }
}

function withId(request: RevocationRequest): IdentifiedRequest {
  return { ...request, id: `rv_${nanoid()}` }
}

function changedSomething(reply: CutoffReply): boolean {
  return reply.outcome === 'revoked' && reply.seq !== ''
}

function toOutcome(id: string, reply: CutoffReply): RevocationOutcome {
  if (reply.outcome !== 'revoked') return { kind: reply.outcome }
  const affected = Number(reply.affected)
  return {
    kind: 'revoked',
    id,
    cutoffUs: Number(reply.cutoffUs),
    affected: affected < 0 ? undefined : affected,
    isNew: changedSomething(reply),
    ...('sub' in reply ? { sub: reply.sub } : {}),
  }
}
