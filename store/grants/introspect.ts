/**
 * What a token is worth right now, and to whom it belongs: one script, one round trip, from the primary. The caller's
 * registration comes with the same reply, so that authenticating it costs nothing and is never stale.
 */
import type { ExchangedFrom, FreshnessStamp } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { clientField } from '../keys.ts'
import type { ParsedToken } from '../mint/token.ts'
import { readRecord, unknownReply } from '../redis/script-runner.ts'
import { type Client, parseClient } from '../registry/clients.ts'
import type { Claims } from '../registry/subjects.ts'
import { type ContextQuestion, type ResolvedRoles, resolveRoles } from '../roles/resolve.ts'
import type { RoleSchemas } from '../roles/role-schema.ts'
import type { LocateToken } from './locate-token.ts'
import { decodeGrantedToken, decodeOwnToken, type TokenRecord } from './records.ts'

/** Why a token is not active. For operators and logs; a resource server never learns it. */
export type InactiveReason =
  /** Not of our making, or a refresh token where only access tokens count. */
  | 'junk'
  | 'refresh-token'
  /** Never issued, or expired so long ago that its record is gone. */
  | 'unknown'
  | 'expired'
  | 'revoked'
  /** Its subject is suspended. */
  | 'suspended'
  /** Its client is disabled or deleted. */
  | 'client'

/** The state of a token at one position of its partition's history. */
export type TokenState =
  | { readonly kind: 'inactive'; readonly reason: InactiveReason }
  | ActiveState

/** A live token and what it resolves to. Ids are public ones. */
export interface ActiveState {
  readonly kind: 'active'
  readonly record: TokenRecord
  readonly jti: string
  readonly grantId: string
  readonly sid: string | undefined
  readonly claims: Claims
  /** Absent when roles were not asked for. */
  readonly roles?: ResolvedRoles
  /** The tokens it was exchanged from, the nearest first; empty for all others. */
  readonly exchangedFrom: readonly ExchangedFrom[]
  readonly stamp: FreshnessStamp
}

/** Which roles to resolve beside: `none`, or those in `all` contexts that fit an answer, or in these. */
export type RoleQuestion = 'none' | ContextQuestion

/** The state of a token, and the registration of whoever asks. */
export interface Introspection {
  readonly state: TokenState
  /** `undefined` when no client of that id is registered. */
  readonly caller: Client | undefined
}

/** Answers for tokens. */
export interface TokenReader {
  /**
   * @param token whatever was presented; any text
   * @param callerId the client that claims to ask, not yet authenticated; '' when the caller is the service itself
   * @param roles contexts are told apart by name, so each once and without `*`
   * @throws {StoreUnavailableError} when the truth cannot be had
   */
  introspect(token: string, callerId: string, roles?: RoleQuestion): Promise<Introspection>
}

const INACTIVE = {
  junk: inactive('junk'),
  'refresh-token': inactive('refresh-token'),
  unknown: inactive('unknown'),
  expired: inactive('expired'),
  revoked: inactive('revoked'),
  suspended: inactive('suspended'),
  client: inactive('client'),
} as const satisfies Record<InactiveReason, TokenState>

function inactive(reason: InactiveReason): TokenState {
  return { kind: 'inactive', reason }
}

/** Where the roles stand in the script's reply, and what stands in its head for nothing. */
const ROLES = 5
const NONE = '-'

/** Makes the reader of a store. */
export function createTokenReader(
  context: StoreContext,
  locate: LocateToken,
  schemas: Pick<RoleSchemas, 'compiledOf'>,
): TokenReader {
  const { keys, partitions, run } = context

  async function readCaller(callerId: string): Promise<Client | undefined> {
    if (callerId === '') return undefined
    const { clients } = keys.partition(partitions.of(callerId))
    const [record] = await readRecord(run, clients, clientField(callerId))
    return parseClient(callerId, record ?? '')
  }

  async function read(
    token: ParsedToken,
    callerId: string,
    asked: RoleQuestion,
  ): Promise<Introspection> {
    const at = keys.partition(token.partition)
    const reply = (await run(
      'introspect-token',
      [at.head, at.clients],
      [at.base, token.hash, token.grant, callerId, ...questionArguments(asked)],
    )) as readonly string[]
    const [head = '', callerRecord = '', tokenRecord = '', grantRecord = '', claims = ''] = reply
    const [state, epoch = '', seq, completeness, schemaId = '', left] = head.split(' ')
    const caller = parseClient(callerId, callerRecord)
    if (state !== 'active') {
      const known = INACTIVE[state as InactiveReason]
      if (known === undefined) throw unknownReply('introspect-token', state)
      return { state: known, caller }
    }
    const facts = { record: decodeToken(token, tokenRecord, grantRecord), claims }
    const stamp = { partition: token.partition, epoch, seq: Number(seq) }
    if (asked === 'none') return { caller, state: toActiveState(token, facts, stamp) }
    const schema = await schemas.compiledOf(token.partition, schemaId === NONE ? '' : schemaId)
    if (schema === undefined) return read(token, callerId, asked)
    const held = { lines: reply[ROLES] ?? '', isComplete: completeness === 'complete' }
    const roles = resolveRoles(held, asked, schema, facts.record.exchange?.view)
    const leftMs = left === NONE ? {} : { leftMs: Number(left) }
    return { caller, state: { ...toActiveState(token, facts, { ...stamp, ...leftMs }), roles } }
  }

  function toActiveState(
    token: ParsedToken,
    { record, claims }: { readonly record: TokenRecord; readonly claims: string },
    stamp: FreshnessStamp,
  ): ActiveState {
    const { partition } = token
    const { session } = record.authorization
    return {
      kind: 'active',
      record,
      ...partitions.idsOf(token),
      sid: session === '' ? undefined : partitions.toPublicId(partition, session),
      claims: claims === '' ? {} : (JSON.parse(claims) as Claims),
      exchangedFrom: (record.exchange?.origins ?? []).map((origin) => {
        const { jti, grantId } = partitions.idsOf({ partition, ...origin })
        return { jti, grant_id: grantId, client_id: origin.clientId }
      }),
      stamp,
    }
  }

  return {
    async introspect(token, callerId, roles = 'none') {
      const located = await locate(token)
      if (located?.kind === 'access') return read(located, callerId, roles)
      const reason = located === undefined ? 'junk' : 'refresh-token'
      return { state: INACTIVE[reason], caller: await readCaller(callerId) }
    },
  }
}

function decodeToken({ grant }: ParsedToken, record: string, grantRecord: string): TokenRecord {
  return grant === '' ? decodeOwnToken(record) : decodeGrantedToken(record, grantRecord)
}

function questionArguments(asked: RoleQuestion): readonly string[] {
  return typeof asked === 'string' ? [asked] : ['some', ...asked]
}
