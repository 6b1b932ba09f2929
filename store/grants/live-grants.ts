/** The live grants and sessions of a subject, in pages. */
import type { StoreContext } from '../context.ts'
import type { PublicId } from '../partitions.ts'
import { defineScript } from '../redis/define-script.ts'
import { type IssueSpan, spanArgument } from './issue-span.ts'
import { type Authorization, decodeGrant, decodeOwnToken } from './records.ts'

/** A live grant. Times in epoch seconds. */
export interface LiveGrant {
  readonly grantId: PublicId
  readonly authorization: Authorization
  readonly sid: PublicId | undefined
  readonly issuedAt: number
  readonly expiresAt: number
  /** Whether it can mint more tokens. */
  readonly refresh: boolean
}

/** A live session. Times in epoch seconds. */
export interface LiveSession {
  readonly sid: PublicId
  readonly startedAt: number
  readonly expiresAt: number
  /** The device as the application described it. */
  readonly device: SessionDevice
}

/** How an application describes the device of a login. */
export interface SessionDevice {
  readonly ip?: string
  readonly user_agent?: string
}

/** One page; it may be shorter than asked and still have a next one. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Goes on from here; absent at the end. */
  readonly next?: PageCursor
}

/** Where a page ended. */
export interface PageCursor {
  readonly score: string
  readonly member: string
}

/** A revocation of the subject's tokens, of all clients or of one. */
export interface WideRequest extends IssueSpan {
  readonly clientId?: string | undefined
}

/** Which page, and which entries of it. */
interface PageOptions {
  readonly cursor?: PageCursor | undefined
  readonly size: number
  /** Only entries that this revocation would void, directly or through a token they were exchanged from. */
  readonly wouldVoid?: WideRequest | undefined
}

/** Pages of what is live. */
export interface LiveGrants {
  grants(sub: string, options: PageOptions): Promise<Page<LiveGrant>>
  sessions(sub: string, options: PageOptions): Promise<Page<LiveSession>>
}

const listGrants = defineScript('list-grants', {
  keys: 'head index',
  args: 'base kind fromScore fromMember size issueSpan clientId',
  row: 'nextScore nextMember',
  rows: 'member expiresAt record form',
})

type ListedEntry = Awaited<ReturnType<typeof listGrants>>['rows'][number]

/** Makes the pages of a store. */
export function createLiveGrants(context: StoreContext): LiveGrants {
  const { keys, partitions, run } = context

  async function page<Item>(
    sub: string,
    kind: 'grants' | 'sessions',
    options: PageOptions,
    decode: (entry: ListedEntry) => Item,
  ): Promise<Page<Item>> {
    const at = keys.partition(partitions.of(sub))
    const { nextScore, nextMember, rows } = await listGrants(run, {
      head: at.head,
      index: at.index(sub),
      base: at.base,
      kind,
      fromScore: options.cursor?.score ?? '',
      fromMember: options.cursor?.member ?? '',
      size: options.size,
      issueSpan: spanArgument(options.wouldVoid ?? {}),
      clientId: options.wouldVoid?.clientId ?? '',
    })
    const items = rows.map(decode)
    return nextScore === '' ? { items } : { items, next: { score: nextScore, member: nextMember } }
  }

  return {
    grants(sub, options) {
      const partition = partitions.of(sub)
      return page(sub, 'grants', options, ({ member, expiresAt, record, form }) => {
        const grant = form === 'grant' ? decodeGrant(record) : decodeOwnToken(record)
        const { session } = grant.authorization
        return {
          grantId: partitions.toPublicId(partition, member),
          authorization: grant.authorization,
          sid: session === '' ? undefined : partitions.toPublicId(partition, session),
          issuedAt: Math.floor(grant.issuedAtUs / 1e6),
          expiresAt: Number(expiresAt),
          refresh: form === 'grant',
        }
      })
    },

    sessions(sub, options) {
      const partition = partitions.of(sub)
      return page(sub, 'sessions', options, ({ member, expiresAt, record }) => {
        const [, startedUs, device = ''] = record.split('\n', 3)
        return {
          sid: partitions.toPublicId(partition, member),
          startedAt: Math.floor(Number(startedUs) / 1e6),
          expiresAt: Number(expiresAt),
          device: device === '' ? {} : (JSON.parse(device) as SessionDevice),
        }
      })
    },
  }
}
