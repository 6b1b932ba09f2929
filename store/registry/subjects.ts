/**
 * Subjects: status and identity claims. A subject needs no record to be issued tokens; without one it is active and has no
 * claims.
 */
import type { JsonValue } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { readRecord } from '../redis/script-runner.ts'

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

/** Reads and changes subjects. */
export interface Subjects {
  get(sub: string): Promise<Subject>
  /** Suspending also cuts off everything issued. `by` goes into the record of that cutoff. */
  put(sub: string, by: string, change: SubjectChange): Promise<Subject>
}

/** Makes the subjects of a store. */
export function createSubjects(context: StoreContext): Subjects {
  const { keys, partitions, run } = context

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
  }
}

function toSubject(sub: string, status: string, claims: string): Subject {
  return { sub, status: status as SubjectStatus, claims: JSON.parse(claims) as Claims }
}
