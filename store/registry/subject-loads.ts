/**
 * Writes what another system knows about a subject, once. A claim lets one loader at a time write, and a delayed loader
 * overwrites nothing newer. This file does not ask the other system.
 */
import { eventInput, type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { defineScript } from '../redis/define-script.ts'
import type { Claims, SubjectStatus } from './subjects.ts'

/** What the other system knows about a subject. */
export interface LoadedSubject {
  readonly status: SubjectStatus
  readonly claims: Claims
  readonly roles: readonly LoadedRole[]
}

/** An assignment as the other system knows it. */
interface LoadedRole {
  readonly context: string
  readonly role: string
  /** Epoch seconds. */
  readonly expiresAt?: number
}

/** Claims and carries out loads. */
export interface SubjectLoads {
  /**
   * Claims a load. `known`: status or claims are known here, there is nothing to load. `busy`: another loader has the claim.
   *
   * @param lifetimeMs after this time another loader may claim it
   */
  begin(
    sub: string,
    lifetimeMs: number,
  ): Promise<
    { readonly kind: 'known' | 'busy' } | { readonly kind: 'begun'; readonly name: string }
  >
  /** Gives a claim up, so that the next loader need not wait for its end. */
  abandon(sub: string, name: string): Promise<void>
  /**
   * Writes what was loaded. What an operator has put or assigned meanwhile stays.
   *
   * @returns how many roles the schema does not have; `undefined` when the claim was lost
   */
  complete(sub: string, name: string, loaded: LoadedSubject): Promise<number | undefined>
}

/** Assignments of one script call: about a millisecond of Redis. */
const ROLES_PER_CALL = 100

const beginLoad = defineScript('begin-load', {
  keys: 'head subject',
  args: 'loadName claimMs',
  replies: { 'known busy begun': '' },
})

const loadAssignments = defineScript('load-assignments', {
  keys: 'head log holders ending roleCounts schema subject',
  args: 'base logRetentionMs channel loadName sub ...assignments',
  replies: { lost: '', loaded: 'unknownRoles' },
})

const finishLoad = defineScript('finish-load', {
  keys: 'head log subject cutoff index',
  args: 'base logRetentionMs channel loadName event status claims cutoffDetails cutoffTtlMs',
  replies: { 'lost finished': '' },
})

/** Makes the loads of a store. */
export function createSubjectLoads(context: StoreContext): SubjectLoads {
  const { keys, partitions, run } = context

  /** Counts roles unknown to the schema; `undefined` when the claim was lost. */
  async function loadRoles(sub: string, loadName: string, roles: readonly LoadedRole[]) {
    const at = keys.partition(partitions.of(sub))
    let unknown = 0
    for (let start = 0; start < roles.length; start += ROLES_PER_CALL) {
      const part = roles.slice(start, start + ROLES_PER_CALL)
      const reply = await loadAssignments(run, {
        ...eventInput(context, at),
        holders: at.holders,
        ending: at.ending,
        roleCounts: at.roleCounts,
        schema: at.schema,
        subject: at.subject(sub),
        loadName,
        sub,
        assignments: part.flatMap((one) => [one.context, one.role, one.expiresAt ?? '']),
      })
      if (reply.outcome === 'lost') return undefined
      unknown += Number(reply.unknownRoles)
    }
    return unknown
  }

  function claim(sub: string, loadName: string, claimMs: number) {
    const at = keys.partition(partitions.of(sub))
    return beginLoad(run, { head: at.head, subject: at.subject(sub), loadName, claimMs })
  }

  return {
    async begin(sub, lifetimeMs) {
      const name = partitions.newLocalId()
      const { outcome: kind } = await claim(sub, name, lifetimeMs)
      return kind === 'begun' ? { kind, name } : { kind }
    },

    async abandon(sub, name) {
      await claim(sub, name, 0)
    },

    async complete(sub, name, { status, claims, roles }) {
      const unknown = await loadRoles(sub, name, roles)
      if (unknown === undefined) return undefined
      const at = keys.partition(partitions.of(sub))
      const { outcome } = await finishLoad(run, {
        ...eventInput(context, at),
        subject: at.subject(sub),
        cutoff: at.cutoff.subject(sub),
        index: at.index(sub),
        loadName: name,
        event: JSON.stringify({ type: 'subject', sub }),
        status,
        claims: JSON.stringify(claims),
        cutoffDetails: JSON.stringify({ by: 'load', reason: 'subject suspended' }),
        cutoffTtlMs: WIDE_CUTOFF_LIFETIME_MS,
      })
      return outcome === 'lost' ? undefined : unknown
    },
  }
}
