/**
 * What has become of a token, for operators: its state, whose it is, and which revocations void it. The only place that
 * tells why; whoever introspects learns that a token is inactive and nothing else.
 */
import type { StoreContext } from '../context.ts'
import type { ParsedToken } from '../mint/token.ts'
import { unknownReply } from '../redis/script-runner.ts'
import type { LocateToken } from './locate-token.ts'
import {
  decodeGrant,
  decodeGrantedToken,
  decodeOwnToken,
  type GrantRecord,
  type TokenRecord,
} from './records.ts'

/** What a token is worth, and why. */
export type ExplainedState =
  | 'active'
  | 'expired'
  | 'revoked'
  | 'suspended'
  | 'client_disabled'
  /** A refresh token that was used: its successor took its place. */
  | 'rotated'
  /** Of our making, but never issued or gone for long. */
  | 'unknown'
  /** Not of our making. */
  | 'not_a_token'

/** A revocation that voids a token. */
export interface VoidingRevocation {
  readonly level: string
  /** Everything issued at or before this is void; epoch microseconds. */
  readonly cutoffUs: number
  /** Except what was issued at or before this. */
  readonly afterUs?: number
  /** When it was made; epoch microseconds. */
  readonly madeAtUs: number
  readonly by?: string
  readonly reason?: string
  /** Names the revocation, when one was asked for. */
  readonly id?: string
  /** The token of its line that it voids: 0 is itself, 1 the one it was exchanged from. */
  readonly generation: number
}

/** All there is to tell. Ids are public ones. */
export interface Explanation {
  readonly state: ExplainedState
  /** Absent for what is not of our making. */
  readonly kind?: 'access' | 'refresh'
  readonly jti?: string
  readonly grantId?: string
  readonly sid?: string
  /** Absent when its record is gone. */
  readonly token?: TokenRecord
  readonly grant?: GrantRecord
  /** The tokens it was exchanged from, the nearest first. */
  readonly exchangedFrom: readonly string[]
  /** The latest first. */
  readonly revocations: readonly VoidingRevocation[]
}

/** Explains tokens. */
export interface TokenExplainer {
  /** @param text whatever was presented */
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
const FIELDS_PER_REVOCATION = 3

/** Makes the explainer of a store. */
export function createTokenExplainer(context: StoreContext, locate: LocateToken): TokenExplainer {
  const { keys, partitions, run } = context

  async function explain(token: ParsedToken): Promise<Explanation> {
    const { partition } = token
    const at = keys.partition(partition)
    const [word, record, grantRecord, ...fields] = (await run(
      'explain-token',
      [at.head, at.clients],
      [at.base, token.kind, token.hash, token.grant],
    )) as readonly string[]
    const state = STATES[word ?? '']
    if (state === undefined) throw unknownReply('explain-token', word)
    const { jti, grantId } = partitions.idsOf(token)
    const known = decode(token, record as string, grantRecord as string)
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
      revocations: toRevocations(fields),
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

function toRevocations(fields: readonly string[]): readonly VoidingRevocation[] {
  const revocations: VoidingRevocation[] = []
  for (let i = 0; i < fields.length; i += FIELDS_PER_REVOCATION) {
    const [generation, level, record] = fields.slice(i) as [string, string, string]
    const [span = '', madeAtUs, details] = record.split('\n', 3)
    const [cutoffUs, afterUs] = span.split('-', 2).reverse()
    const { by, reason, id } = JSON.parse(details ?? '{}') as Partial<VoidingRevocation>
    revocations.push({
      level,
      cutoffUs: Number(cutoffUs),
      madeAtUs: Number(madeAtUs),
      generation: Number(generation),
      ...(afterUs === undefined ? {} : { afterUs: Number(afterUs) }),
      ...(by === undefined ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
      ...(id === undefined ? {} : { id }),
    })
  }
  return revocations.sort((one, other) => other.madeAtUs - one.madeAtUs)
}
