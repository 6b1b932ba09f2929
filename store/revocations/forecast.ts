/**
 * Counts the live grants a revocation would void. The count is exact and reads the subjects' indexes page by page.
 * Revocations use it only for a subject with few grants; introspections never do.
 */
import type { StoreContext } from '../context.ts'
import { introspectToken } from '../grants/introspect.ts'
import { type IssueSpan, isWithin } from '../grants/issue-span.ts'
import type { LiveGrant, LiveGrants, PageCursor, WideRequest } from '../grants/live-grants.ts'
import { readRecord } from '../redis/read-record.ts'
import { scanKeys } from '../redis/scan.ts'
import { askRedis } from '../redis/script-runner.ts'
import type { RevocationTarget } from './target.ts'

const PAGE_SIZE = 500

/** Most grants of a subject that a revocation counts before it writes its cutoff. */
const FEW = 50

/** The count for a revocation that is about to happen, if it costs next to nothing; else `undefined`. */
export async function forecastIfFew(
  context: StoreContext,
  liveGrants: LiveGrants,
  target: RevocationTarget,
  span: IssueSpan,
): Promise<number | undefined> {
  const sub = await subjectOf(context, target)
  if (sub === undefined) return undefined
  const { index } = context.keys.partition(context.partitions.of(sub))
  const indexed = await askRedis(() => context.redis.zcard(index(sub)))
  return indexed > FEW ? undefined : forecast(context, liveGrants, target, span)
}

/** Whether the token, grant or session of a target is known; wider targets always are. */
export async function isKnown(context: StoreContext, target: RevocationTarget): Promise<boolean> {
  if (target.level === 'session')
    return (await ownerOf(context, target.sid, 'session')) !== undefined
  if (target.level !== 'token' && target.level !== 'grant') return true
  const id = target.level === 'token' ? target.jti : target.grantId
  if (target.level === 'grant' && (await ownerOf(context, id, 'grant')) !== undefined) return true
  return isTokenKnown(context, id)
}

async function isTokenKnown(context: StoreContext, jti: string): Promise<boolean> {
  const { keys, partitions, run } = context
  const id = partitions.parsePublicId(jti)
  if (id === undefined || id.hash === '') return false
  const at = keys.partition(id.partition)
  const [record] =
    id.local === ''
      ? await readRecord(run, at.token(id.hash))
      : await readRecord(run, at.tokens(id.local), id.hash)
  return typeof record === 'string'
}

/** The subject whose grants to count; `undefined` for one token or grant, and for many subjects. */
async function subjectOf(
  context: StoreContext,
  target: RevocationTarget,
): Promise<string | undefined> {
  switch (target.level) {
    case 'subject':
    case 'subject+client':
      return target.sub
    case 'session':
      return ownerOf(context, target.sid, 'session')
    default:
      return undefined
  }
}

/** @param span which times of issue; `{}` counts everything that is live now */
export async function forecast(
  context: StoreContext,
  liveGrants: LiveGrants,
  target: RevocationTarget,
  span: IssueSpan,
): Promise<number> {
  const count = (
    sub: string,
    matches: (grant: LiveGrant) => boolean = () => true,
    clientId?: string,
  ) => countGrants(liveGrants, sub, { ...span, clientId }, matches)
  switch (target.level) {
    case 'subject':
      return count(target.sub)
    case 'subject+client':
      return count(target.sub, undefined, target.clientId)
    case 'client':
      return countEverywhere(context, (sub) => count(sub, undefined, target.clientId))
    case 'all':
      return countEverywhere(context, (sub) => count(sub))
    case 'session':
      return countOfOwner(context, target.sid, 'session', span, (sub) =>
        count(sub, (grant) => grant.sid === target.sid),
      )
    case 'grant':
      return countOfOwner(context, target.grantId, 'grant', span, (sub) =>
        count(sub, (grant) => grant.grantId === target.grantId),
      )
    case 'token':
      return countToken(context, target.jti, span)
  }
}

async function countGrants(
  liveGrants: LiveGrants,
  sub: string,
  wouldVoid: WideRequest,
  matches: (grant: LiveGrant) => boolean,
): Promise<number> {
  let counted = 0
  let cursor: PageCursor | undefined
  do {
    const page = await liveGrants.grants(sub, { size: PAGE_SIZE, cursor, wouldVoid })
    counted += page.items.filter(matches).length
    cursor = page.next
  } while (cursor !== undefined)
  return counted
}

async function countEverywhere(
  context: StoreContext,
  countOf: (sub: string) => Promise<number>,
): Promise<number> {
  const { redis, keys } = context
  let counted = 0
  for await (const found of scanKeys(redis, keys.indexPattern)) {
    const subs = [...found].flatMap((key) => keys.parseIndex(key)?.sub ?? [])
    for (const part of await Promise.all(subs.map(countOf))) counted += part
  }
  return counted
}

async function countOfOwner(
  context: StoreContext,
  publicId: string,
  kind: 'session' | 'grant',
  span: IssueSpan,
  countOf: (sub: string) => Promise<number>,
): Promise<number> {
  const sub = await ownerOf(context, publicId, kind)
  if (sub !== undefined) return countOf(sub)
  return kind === 'grant' ? countToken(context, publicId, span) : 0
}

// The first line of a session or grant record is its subject.
async function ownerOf(
  context: StoreContext,
  publicId: string,
  kind: 'session' | 'grant',
): Promise<string | undefined> {
  const { keys, partitions } = context
  const id = partitions.parsePublicId(publicId)
  if (id === undefined) return undefined
  const at = keys.partition(id.partition)
  const key = kind === 'session' ? at.session(id.local) : at.grant(id.local)
  const [record] = await readRecord(context.run, key)
  return typeof record === 'string' ? record.slice(0, record.indexOf('\n')) : undefined
}

async function countToken(context: StoreContext, jti: string, span: IssueSpan): Promise<number> {
  const id = context.partitions.parsePublicId(jti)
  if (id === undefined || id.hash === '') return 0
  const at = context.keys.partition(id.partition)
  const { summary, tokenRecord } = await introspectToken(context.run, {
    head: at.head,
    clients: at.clients,
    base: at.base,
    tokenHash: id.hash,
    grant: id.local,
    callerId: '',
    rolesAsked: 'none',
    contexts: [],
  })
  if (!summary.startsWith('active ')) return 0
  return isWithin(span, Number.parseInt(tokenRecord, 10)) ? 1 : 0
}
