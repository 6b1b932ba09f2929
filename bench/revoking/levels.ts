/** The levels of the lattice: what of a holder is revoked at each, and which cutoffs that writes. */
import { createKeys, type PartitionKeys } from '../../store/keys.ts'
import { hashToken } from '../../store/mint/token.ts'
import { PARTITIONS } from '../partitions.ts'
import type { Holder } from './holder.ts'

/** What to revoke. */
export interface Target {
  /** For POST /admin/v1/revocations. */
  readonly body: object
  /** How many live tokens hang on it, and some of them. */
  readonly held: number
  readonly tokens: readonly string[]
  /** Keys of what a revocation writes. */
  readonly cutoffs: readonly string[]
}

/** The names, from the narrowest to the widest. */
export const LEVELS = [
  'token',
  'grant',
  'session',
  'subject',
  'subject+client',
  'client',
  'all',
] as const

/** One of them. */
export type Level = (typeof LEVELS)[number]

const keys = createKeys('cc', PARTITIONS)
const everywhere = Array.from({ length: PARTITIONS.count }, (_, n) => keys.partition(n))

/** What of a holder is revoked at a level. */
export function targetOf(level: Level, holder: Holder): Target {
  const { sub, clientId, sid, grantId, held, ofGrant, tokens, grantTokens } = holder
  const { cutoff } = partitionOf(sub)
  const all = { held, tokens }
  switch (level) {
    case 'token': {
      const token = tokens[0] as string
      return { body: { token }, held, tokens: [token], cutoffs: [cutoff.token(hashToken(token))] }
    }
    case 'grant':
      return {
        body: { grant: grantId },
        held: ofGrant,
        tokens: grantTokens,
        cutoffs: [cutoff.grant(localOf(grantId))],
      }
    case 'session':
      return { ...all, body: { session: sid }, cutoffs: [cutoff.session(localOf(sid))] }
    case 'subject':
      return { ...all, body: { subject: sub }, cutoffs: [cutoff.subject(sub)] }
    case 'subject+client':
      return {
        ...all,
        body: { subject: sub, client: clientId },
        cutoffs: [cutoff.subjectClient(sub, clientId)],
      }
    case 'client':
      return {
        ...all,
        body: { client: clientId },
        cutoffs: everywhere.map(({ cutoff }) => cutoff.client(clientId)),
      }
    case 'all':
      return { ...all, body: { all: true }, cutoffs: everywhere.map(({ cutoff }) => cutoff.all) }
  }
}

/** Where a subject stands. */
export function partitionOf(sub: string): PartitionKeys {
  return keys.partition(PARTITIONS.of(sub))
}

function localOf(publicId: string): string {
  return PARTITIONS.parsePublicId(publicId)?.local as string
}
