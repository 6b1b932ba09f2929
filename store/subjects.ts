/**
 * Subjects: status and identity claims, and pages of what is live for one. A subject needs no record to be issued
 * tokens; without one it is active and has no claims.
 */
import type { JsonValue } from '../client/src/wire/index.ts'
import type { StoreContext } from './context.ts'
import { WIDE_CUTOFF_LIFETIME_MS } from './context.ts'
import { type IssueSpan, spanArgument } from './issue-span.ts'
import { type Authorization, decodeGrant, decodeOwnToken } from './records.ts'
import { readRecord } from './script-runner.ts'

/** Whether anything issued to the subject may be active. */
export type SubjectStatus = 'active' | 'suspended'

/** Identity claims of a subject. */
export type Claims = { readonly [claim: string]: JsonValue }

/** A subject as registered. */
export interface Subject {
  readonly sub: string
  readonly status: SubjectStatus
  readonly claims: Claims
}

/** A change of a subject; what is absent stays as it is. */
export interface SubjectChange {
  readonly status?: SubjectStatus
  readonly claims?: Claims
}

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

/** Reads and changes subjects. */
export interface Subjects {
  get(sub: string): Promise<Subject>
  /** Suspending also cuts off everything issued. `by` goes into the record of that cutoff. */
  put(sub: string, by: string, change: SubjectChange): Promise<Subject>
  grants(sub: string, options: PageOptions): Promise<Page<LiveGrant>>
  sessions(sub: string, options: PageOptions): Promise<Page<LiveSession>>
}

/** Makes the subjects of a store. */
export function createSubjects(context: StoreContext): Subjects {
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
    async get(sub) {
      const at = keys.partition(partitions.of(sub))
      const [status, claims] = await readRecord(run, at.subject(sub), 'status', 'claims')
      return toSubject(sub, status ?? 'active', claims ?? '{}')
    },

    async put(sub, by, change) {
      const at = keys.partition(partitions.of(sub))
      const [status, claims] = await run(
        'put-subject',
        [at.head, at.log, at.subject(sub), at.cutoff.subject(sub), at.index(sub)],
        [
          at.base,
          change.status ?? '',
          change.claims === undefined ? '' : JSON.stringify(change.claims),
          JSON.stringify({ by, reason: 'subject suspended' }),
          JSON.stringify({ type: 'subject', sub }),
          context.logRetentionMs,
          keys.channel,
          WIDE_CUTOFF_LIFETIME_MS,
        ],
      )
      return toSubject(sub, status as string, claims as string)
    },

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

function toSubject(sub: string, status: string, claims: string): Subject {
  return { sub, status: status as SubjectStatus, claims: JSON.parse(claims) as Claims }
}
