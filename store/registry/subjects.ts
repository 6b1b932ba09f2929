/**
 * Subjects: status and identity claims. A subject needs no record to be issued tokens; without one it is active and has no
 * claims.
 */
import type { JsonValue } from '../../client/src/wire/index.ts'
import { eventInput, type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { defineScript } from '../redis/define-script.ts'
import { readRecord } from '../redis/read-record.ts'

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

/** A change of a subject; an absent member stays as it is. */
interface SubjectChange {
  readonly status?: SubjectStatus
  readonly claims?: Claims
}

/** Reads and changes subjects. */
export interface Subjects {
  get(sub: string): Promise<Subject>
  /** Suspending also revokes everything issued. `by` goes into the record of that cutoff. */
  put(sub: string, by: string, change: SubjectChange): Promise<Subject>
}

const putSubject = defineScript('put-subject', {
  keys: 'head log subject cutoff index',
  args: 'base status claims cutoffDetails event logRetentionMs channel cutoffTtlMs',
  row: 'status claims',
})

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
      const { status, claims } = await putSubject(run, {
        ...eventInput(context, at),
        subject: at.subject(sub),
        cutoff: at.cutoff.subject(sub),
        index: at.index(sub),
        status: change.status ?? '',
        claims: change.claims === undefined ? '' : JSON.stringify(change.claims),
        cutoffDetails: JSON.stringify({ by, reason: 'subject suspended' }),
        event: JSON.stringify({ type: 'subject', sub }),
        cutoffTtlMs: WIDE_CUTOFF_LIFETIME_MS,
      })
      return toSubject(sub, status, claims)
    },
  }
}

function toSubject(sub: string, status: string, claims: string): Subject {
  return { sub, status: status as SubjectStatus, claims: JSON.parse(claims) as Claims }
}
