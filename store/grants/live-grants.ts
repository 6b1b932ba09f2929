/**
 * What is live for one subject, in pages: its grants and its sessions.
 */
import type { StoreContext } from '../context.ts'
import { type IssueSpan, spanArgument } from './issue-span.ts'
import { type Authorization, decodeGrant, decodeOwnToken } from './records.ts'

/** A live grant. Times in epoch seconds. */
export interface LiveGrant {
  readonly grantId: string
  readonly authorization: Authorization
  readonly sid: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
  /** Whether it can mint more tokens. */
  readonly refresh: boolean
}

/** A live session. Times in epoch seconds. */
export interface LiveSession {
  readonly sid: string
  readonly startedAt: number
  readonly expiresAt: number
  /** The device as the application described it. */
  readonly device: SessionDevice
}

/** What an application tells about the device of a login. */
export interface SessionDevice {
  readonly ip?: string
  readonly user_agent?: string
}

/** One page; a page may be shorter than asked and still have a next one. */
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

/** A revocation of a subject's tokens, or of those of one client. */
export interface WideRequest extends IssueSpan {
  readonly clientId?: string | undefined
}

/** Which entries of a page to count: what a cutoff would void. */
export interface PageOptions {
  readonly cursor?: PageCursor | undefined
  readonly size: number
  /** Only entries that such a revocation would void, themselves or through a token they were exchanged from. */
  readonly wouldVoid?: WideRequest | undefined
}

/** Pages of what is live. */
export interface LiveGrants {
  grants(sub: string, options: PageOptions): Promise<Page<LiveGrant>>
  sessions(sub: string, options: PageOptions): Promise<Page<LiveSession>>
}

/** Makes the pages of a store. */
export function createLiveGrants(context: StoreContext): LiveGrants {
  const { keys, partitions, run } = context

  async function page<Item>(
    sub: string,
    kind: 'grants' | 'sessions',
    options: PageOptions,
    decode: (member: string, expiresAt: number, record: string, form: string) => Item,
  ): Promise<Page<Item>> {
    const at = keys.partition(partitions.of(sub))
    const cursor = options.cursor
    const reply = await run(
      'list-grants',
      [at.head, at.index(sub)],
      [
        at.base,
        kind,
        cursor?.score ?? '',
        cursor?.member ?? '',
        options.size,
        spanArgument(options.wouldVoid ?? {}),
        options.wouldVoid?.clientId ?? '',
      ],
    )
    const [score, member, ...entries] = reply as string[]
    const items: Item[] = []
    for (let i = 0; i < entries.length; i += 4) {
      const [id, expiresAt, record, form] = entries.slice(i, i + 4) as [
        string,
        string,
        string,
        string,
      ]
      items.push(decode(id, Number(expiresAt), record, form))
    }
    return score === ''
      ? { items }
      : { items, next: { score: score as string, member: member as string } }
  }

  return {
    grants(sub, options) {
      const partition = partitions.of(sub)
      return page(sub, 'grants', options, (id, expiresAt, record, form) => {
        const grant = form === 'grant' ? decodeGrant(record) : decodeOwnToken(record)
        const { session } = grant.authorization
        return {
          grantId: partitions.toPublicId(partition, id),
          authorization: grant.authorization,
          sid: session === '' ? undefined : partitions.toPublicId(partition, session),
          issuedAt: Math.floor(grant.issuedAtUs / 1e6),
          expiresAt,
          refresh: form === 'grant',
        }
      })
    },

    sessions(sub, options) {
      const partition = partitions.of(sub)
      return page(sub, 'sessions', options, (id, expiresAt, record) => {
        const [, startedUs, device] = record.split('\n', 3)
        return {
          sid: partitions.toPublicId(partition, id),
          startedAt: Math.floor(Number(startedUs) / 1e6),
          expiresAt,
          device: JSON.parse(device === '' ? '{}' : (device as string)) as SessionDevice,
        }
      })
    },
  }
}
