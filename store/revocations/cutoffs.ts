/** Writes cutoffs: one script per level, which also appends the event. */
import { type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import type { LocatedId } from '../partitions.ts'
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

const COMMON_ARGS = ['base', 'issueSpan', 'details', 'event', 'logRetentionMs', 'channel'] as const
const REVOKED = ['cutoffUs', 'affected', 'epoch', 'seq'] as const

const revokeToken = defineScript('revoke-token', {
  keys: ['head', 'log', 'cutoff'],
  args: [...COMMON_ARGS, 'ownerId', 'tokenHash', 'grant'],
  replies: {
    revoked: [...REVOKED, 'sub'],
    unknown: [],
    foreign: [],
    future: [],
    'too-many-spans': [],
  },
})

const revokeGrant = defineScript('revoke-grant', {
  keys: ['head', 'log', 'grant', 'cutoff'],
  args: [...COMMON_ARGS, 'ownerId', 'grantId'],
  replies: {
    revoked: [...REVOKED, 'sub'],
    unknown: [],
    foreign: [],
    future: [],
    'too-many-spans': [],
  },
})

const revokeSession = defineScript('revoke-session', {
  keys: ['head', 'log', 'session', 'cutoff'],
  args: [...COMMON_ARGS, 'sessionId'],
  replies: { revoked: [...REVOKED, 'sub'], unknown: [], future: [], 'too-many-spans': [] },
})

const writeCutoff = defineScript('write-cutoff', {
  keys: ['head', 'log', 'cutoff', 'index'],
  args: [...COMMON_ARGS, 'cutoffTtlMs', 'indexMode'],
  replies: { revoked: REVOKED, future: [], 'too-many-spans': [] },
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
    partition: number,
    cutoff: string,
    text: CutoffText,
    droppedIndex?: string,
  ): Promise<CutoffReply>
}

/** Makes the writer of a store. */
export function createCutoffWriter({ keys, run, logRetentionMs }: StoreContext): CutoffWriter {
  const logging = { logRetentionMs, channel: keys.channel }
  return {
    token({ partition, hash, local }, text, ownerId = '') {
      const { head, log, base, cutoff } = keys.partition(partition)
      const token = { cutoff: cutoff.token(hash), tokenHash: hash, grant: local, ownerId }
      return revokeToken(run, { head, log, base, ...logging, ...text, ...token })
    },

    grant({ partition, local }, text, ownerId = '') {
      const { head, log, base, grant, cutoff } = keys.partition(partition)
      const own = { grant: grant(local), cutoff: cutoff.grant(local), grantId: local, ownerId }
      return revokeGrant(run, { head, log, base, ...logging, ...text, ...own })
    },

    session({ partition, local }, text) {
      const { head, log, base, session, cutoff } = keys.partition(partition)
      const own = { session: session(local), cutoff: cutoff.session(local), sessionId: local }
      return revokeSession(run, { head, log, base, ...logging, ...text, ...own })
    },

    wide(partition, cutoff, text, droppedIndex) {
      const { head, log, base } = keys.partition(partition)
      return writeCutoff(run, {
        head,
        log,
        cutoff,
        index: droppedIndex ?? head,
        base,
        ...logging,
        ...text,
        cutoffTtlMs: WIDE_CUTOFF_LIFETIME_MS,
        indexMode: droppedIndex === undefined ? 'keep' : 'drop',
      })
    },
  }
}
