/**
 * Explains a token to an operator: its state, its owner, and the revocations that void it. This is the only place that
 * says why: an introspection only says that a token is inactive.
 */
import type { StoreContext } from '../context.ts'
import type { ParsedToken } from '../mint/token.ts'
import type { PublicId } from '../partitions.ts'
import { defineScript, unknownReply } from '../redis/define-script.ts'
import type { LocateToken } from './locate-token.ts'
import {
  decodeGrant,
  decodeGrantedToken,
  decodeOwnToken,
  type GrantRecord,
  type TokenRecord,
} from './records.ts'

/** The state of a token, and the reason for it. */
type ExplainedState =
  | 'active'
  | 'expired'
  | 'revoked'
  | 'suspended'
  | 'client_disabled'
  /** A refresh token that was used: it has a successor. */
  | 'rotated'
  /** A genuine token that was never issued, or whose record is gone. */
  | 'unknown'
  /** Not a token of this installation. */
  | 'not_a_token'

/** A revocation that voids a token. */
export interface VoidingRevocation {
  readonly level: string
  /** Everything issued at or before this is void; epoch microseconds. */
  readonly cutoffUs: number
  /** Except what was issued at or before this. */
  readonly afterUs?: number
  /** When it was written; epoch microseconds. */
  readonly madeAtUs: number
  readonly by?: string
  readonly reason?: string
  /** Id of the revocation, if it was a request for one. */
  readonly id?: string
  /** Which token of the ancestry it voids: 0 is the token itself, 1 the one it was exchanged from. */
  readonly generation: number
}

/** Everything known about a token. */
export interface Explanation {
  readonly state: ExplainedState
  /** Absent if it is not a token. */
  readonly kind?: 'access' | 'refresh'
  readonly jti?: PublicId
  readonly grantId?: PublicId
  readonly sid?: PublicId
  /** Absent when its record is gone. */
  readonly token?: TokenRecord
  readonly grant?: GrantRecord
  /** The tokens it was exchanged from, the nearest first. */
  readonly exchangedFrom: readonly PublicId[]
  /** The latest first. */
  readonly revocations: readonly VoidingRevocation[]
}

/** Explains tokens. */
export interface TokenExplainer {
  /** @param text any text */
  explain(text: string): Promise<Explanation>
}

const STATES: Readonly<Record<string, ExplainedState>> = {
  active: 'active',
  expired: 'expired',
  revoked: 'revoked',
  suspended: 'suspended',
  client: 'client_disabled',
  rotated: 'rotated',
  unknown: 'unknown',
}

const explainToken = defineScript('explain-token', {
  keys: 'head clients',
  args: 'base form tokenHash grant',
  row: 'state record grantRecord',
  rows: 'generation level cutoff',
})

/** Makes the explainer of a store. */
export function createTokenExplainer(context: StoreContext, locate: LocateToken): TokenExplainer {
  const { keys, partitions, run } = context

  async function explain(token: ParsedToken): Promise<Explanation> {
    const { partition } = token
    const at = keys.partition(partition)
    const { record, grantRecord, rows, ...reply } = await explainToken(run, {
      head: at.head,
      clients: at.clients,
      base: at.base,
      form: token.kind,
      tokenHash: token.hash,
      grant: token.grant,
    })
    const state = STATES[reply.state]
    if (state === undefined) throw unknownReply('explain-token', reply.state)
    const { jti, grantId } = partitions.idsOf(token)
    const known = decode(token, record, grantRecord)
    const session = (known.token ?? known.grant)?.authorization.session ?? ''
    const origins = known.token?.exchange?.origins ?? []
    return {
      state,
      kind: token.kind,
      ...(token.kind === 'access' ? { jti } : {}),
      grantId,
      ...(session === '' ? {} : { sid: partitions.toPublicId(partition, session) }),
      ...known,
      exchangedFrom: origins.map((origin) => partitions.idsOf({ partition, ...origin }).jti),
      revocations: rows.map(toRevocation).sort((one, other) => other.madeAtUs - one.madeAtUs),
    }
  }

  return {
    async explain(text) {
      const token = await locate(text)
      if (token !== undefined) return explain(token)
      return { state: 'not_a_token', exchangedFrom: [], revocations: [] }
    },
  }
}

function decode(
  { kind, grant }: ParsedToken,
  record: string,
  grantRecord: string,
): { readonly token?: TokenRecord; readonly grant?: GrantRecord } {
  if (kind === 'refresh') return grantRecord === '' ? {} : { grant: decodeGrant(grantRecord) }
  if (record === '') return {}
  return {
    token: grant === '' ? decodeOwnToken(record) : decodeGrantedToken(record, grantRecord),
  }
}

function toRevocation({
  generation,
  level,
  cutoff,
}: {
  readonly generation: string
  readonly level: string
  readonly cutoff: string
}): VoidingRevocation {
  const [span = '', madeAtUs, details = '{}'] = cutoff.split('\n', 3)
  const [cutoffUs, afterUs] = span.split('-', 2).reverse()
  const { by, reason, id } = JSON.parse(details) as Partial<VoidingRevocation>
  return {
    level,
    cutoffUs: Number(cutoffUs),
    madeAtUs: Number(madeAtUs),
    generation: Number(generation),
    ...(afterUs === undefined ? {} : { afterUs: Number(afterUs) }),
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(id === undefined ? {} : { id }),
  }
}
