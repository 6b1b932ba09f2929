/**
 * Putting in what another system knows about a subject, once: under a claim, so that one loader at a time does it and one
 * that was held up writes nothing over what came later. Nothing here asks the other system.
 */
import { type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { unknownReply } from '../redis/script-runner.ts'
import type { Claims, SubjectStatus } from './subjects.ts'

/** What is known about a subject elsewhere. */
export interface LoadedSubject {
  readonly status: SubjectStatus
  readonly claims: Claims
  readonly roles: readonly LoadedRole[]
}

/** An assignment as it is known elsewhere. */
export interface LoadedRole {
  readonly context: string
  readonly role: string
  /** Epoch seconds. */
  readonly expiresAt?: number
}

/** Claims and carries out loads. */
export interface SubjectLoads {
  /**
   * Claims a load. `known`: status or claims are known here, there is nothing to load. `busy`: somebody else is at it.
   *
   * @param lifetimeMs after which another may claim it
   */
  begin(
    sub: string,
    lifetimeMs: number,
  ): Promise<
    { readonly kind: 'known' | 'busy' } | { readonly kind: 'begun'; readonly name: string }
  >
  /** Gives a claim up, so that the next one need not wait for its end. */
  abandon(sub: string, name: string): Promise<void>
  /**
   * Puts in what was learned. What an operator has put or assigned meanwhile stays.
   *
   * @returns how many roles the schema does not have; `undefined` when the claim was lost
   */
  complete(sub: string, name: string, loaded: LoadedSubject): Promise<number | undefined>
}

/** Assignments of one script call: about a millisecond of Redis. */
const ROLES_PER_CALL = 100

/** Makes the loads of a store. */
export function createSubjectLoads(context: StoreContext): SubjectLoads {
  const { keys, partitions, run } = context
  const common = [context.logRetentionMs, keys.channel] as const

  /** Counts roles unknown to the schema; `undefined` when the claim was lost. */
  async function loadRoles(sub: string, name: string, roles: readonly LoadedRole[]) {
    const at = keys.partition(partitions.of(sub))
    const places = [at.head, at.log, at.holders, at.ending, at.roleCounts, at.schema]
    let unknown = 0
    for (let start = 0; start < roles.length; start += ROLES_PER_CALL) {
      const part = roles.slice(start, start + ROLES_PER_CALL)
      const fields = part.flatMap((one) => [one.context, one.role, one.expiresAt ?? ''])
      const [outcome, count] = await run(
        'load-assignments',
        [...places, at.subject(sub)],
        [at.base, ...common, name, sub, ...fields],
      )
      if (outcome === 'lost') return undefined
      if (outcome !== 'loaded') throw unknownReply('load-assignments', outcome)
      unknown += Number(count)
    }
    return unknown
  }

  async function claim(sub: string, name: string, lifetimeMs: number) {
    const at = keys.partition(partitions.of(sub))
    const [outcome] = await run('begin-load', [at.head, at.subject(sub)], [name, lifetimeMs])
    if (outcome === 'begun' || outcome === 'known' || outcome === 'busy') return outcome
    throw unknownReply('begin-load', outcome)
  }

  return {
    async begin(sub, lifetimeMs) {
      const name = partitions.newLocalId()
      const kind = await claim(sub, name, lifetimeMs)
      return kind === 'begun' ? { kind, name } : { kind }
    },

    async abandon(sub, name) {
      await claim(sub, name, 0)
    },

    async complete(sub, name, { status, claims, roles }) {
      const unknown = await loadRoles(sub, name, roles)
      if (unknown === undefined) return undefined
      const at = keys.partition(partitions.of(sub))
      const [outcome] = await run(
        'finish-load',
        [at.head, at.log, at.subject(sub), at.cutoff.subject(sub), at.index(sub)],
        [
          at.base,
          ...common,
          name,
          JSON.stringify({ type: 'subject', sub }),
          status,
          JSON.stringify(claims),
          JSON.stringify({ by: 'load', reason: 'subject suspended' }),
          WIDE_CUTOFF_LIFETIME_MS,
        ],
      )
      if (outcome === 'lost') return undefined
      if (outcome !== 'finished') throw unknownReply('finish-load', outcome)
      return unknown
    },
  }
}
