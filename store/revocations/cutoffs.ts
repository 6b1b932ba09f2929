/** Writes cutoffs: one script per level, which also appends the event. */
import { eventInput, type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import type { LocatedId, PartitionNumber } from '../partitions.ts'
import { defineScript } from '../redis/define-script.ts'

/** What to write, as the scripts read it. */
export interface CutoffText {
  /** Which times of issue are meant (lua/include/lattice.lua, requested_span). */
  readonly issueSpan: string
  /** JSON. */
  readonly details: string
  /** JSON. */
  readonly event: string
}

const revokeToken = defineScript('revoke-token', {
  keys: 'head log cutoff',
  args: 'base issueSpan details event logRetentionMs channel ownerId tokenHash grant',
  replies: {
    revoked: 'cutoffUs affected epoch seq sub',
    'unknown foreign future too-many-spans': '',
  },
})

const revokeGrant = defineScript('revoke-grant', {
  keys: 'head log grant cutoff',
  args: 'base issueSpan details event logRetentionMs channel ownerId grantId',
  replies: {
    revoked: 'cutoffUs affected epoch seq sub',
    'unknown foreign future too-many-spans': '',
  },
})

const revokeSession = defineScript('revoke-session', {
  keys: 'head log session cutoff',
  args: 'base issueSpan details event logRetentionMs channel sessionId',
  replies: { revoked: 'cutoffUs affected epoch seq sub', 'unknown future too-many-spans': '' },
})

const writeCutoff = defineScript('write-cutoff', {
  keys: 'head log cutoff index',
  args: 'base issueSpan details event logRetentionMs channel cutoffTtlMs indexMode',
  replies: { revoked: 'cutoffUs affected epoch seq', 'future too-many-spans': '' },
})

/** The outcome of a write. `seq` is '' when nothing changed; `affected` is negative where it was not counted. */
export type CutoffReply =
  | Awaited<ReturnType<typeof revokeToken>>
  | Awaited<ReturnType<typeof writeCutoff>>

/** Writes cutoffs, one function per kind of level. */
export interface CutoffWriter {
  /** @param ownerId refuses unless the token belongs to this client; '' for any */
  token(id: LocatedId, text: CutoffText, ownerId?: string): Promise<CutoffReply>
  /** @param ownerId refuses unless the grant belongs to this client; '' for any */
  grant(id: LocatedId, text: CutoffText, ownerId?: string): Promise<CutoffReply>
  session(id: LocatedId, text: CutoffText): Promise<CutoffReply>
  /** @param droppedIndex the index of the subject, when everything listed in it becomes void */
  wide(
    partition: PartitionNumber,
    cutoff: string,
    text: CutoffText,
    droppedIndex?: string,
  ): Promise<CutoffReply>
}

/** Makes the writer of a store. */
export function createCutoffWriter(context: StoreContext): CutoffWriter {
  const { keys, run } = context
  return {
    token({ partition, hash, local }, text, ownerId = '') {
      const at = keys.partition(partition)
      const own = { cutoff: at.cutoff.token(hash), tokenHash: hash, grant: local, ownerId }
      return revokeToken(run, { ...eventInput(context, at), ...text, ...own })
    },

    grant({ partition, local }, text, ownerId = '') {
      const at = keys.partition(partition)
      const own = {
        grant: at.grant(local),
        cutoff: at.cutoff.grant(local),
        grantId: local,
        ownerId,
      }
      return revokeGrant(run, { ...eventInput(context, at), ...text, ...own })
    },

    session({ partition, local }, text) {
      const at = keys.partition(partition)
      const own = { session: at.session(local), cutoff: at.cutoff.session(local), sessionId: local }
      return revokeSession(run, { ...eventInput(context, at), ...text, ...own })
    },

    wide(partition, cutoff, text, droppedIndex) {
      const at = keys.partition(partition)
      const own = {
        cutoff,
        cutoffTtlMs: WIDE_CUTOFF_LIFETIME_MS,
        index: droppedIndex ?? at.head,
        indexMode: droppedIndex === undefined ? 'keep' : 'drop',
      }
      return writeCutoff(run, { ...eventInput(context, at), ...text, ...own })
    },
  }
}
