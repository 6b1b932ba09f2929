/**
 * Counts the live grants a revocation would make void. Exact, page by page over the subjects' indexes; only for
 * forecasts, never on the way of a revocation or an introspection.
 */
import { Cluster, type Redis } from 'ioredis'
import type { StoreContext } from '../context.ts'
import { type IssueSpan, isWithin } from '../grants/issue-span.ts'
import type { LiveGrant, LiveGrants, PageCursor, WideRequest } from '../grants/live-grants.ts'
import { askRedis, readRecord } from '../redis/script-runner.ts'
import type { RevocationTarget } from './target.ts'

const PAGE_SIZE = 500
const SCAN_COUNT = 1_000

/** Most grants of a subject that are counted on the way of a revocation. */
const FEW = 50

/** The same for a revocation that is about to happen: only where it costs next to nothing, else `undefined`. */
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

/** Whether a token, grant or session is there to be revoked; wider targets always are. */
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

/** The subject of a target whose grants need counting; `undefined` where none or many subjects are meant. */
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

/** @param span which times of issue; `{}` counts whatever is live now */
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
  const primaries: readonly Redis[] = redis instanceof Cluster ? redis.nodes('master') : [redis]
  let counted = 0
  for (const primary of primaries) {
    let cursor = '0'
    do {
      const [next, found] = await askRedis(() =>
        primary.scan(cursor, 'MATCH', keys.indexPattern, 'COUNT', SCAN_COUNT),
      )
      const subs = [...new Set(found)].flatMap((key) => keys.parseIndex(key)?.sub ?? [])
      for (const part of await Promise.all(subs.map(countOf))) counted += part
      cursor = next
    } while (cursor !== '0')
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
  const [head, , record] = await context.run(
    'introspect-token',
    [at.head, at.clients],
    [at.base, id.hash, id.local, '', 'none'],
  )
  if (!String(head).startsWith('active ')) return 0
  const issuedAtUs = Number((record as string).split('\n', 1)[0])
  return isWithin(span, issuedAtUs) ? 1 : 0
}
