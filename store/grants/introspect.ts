/**
 * The state of a token now, and what it resolves to: one script, one round trip, from the primary. The same reply carries
 * the caller's registration, so authenticating the caller costs no second round trip and is never outdated.
 *
 * The head of lua/introspect-token-2.lua lists all checks in their order.
 */
import type { ExchangedFrom, FreshnessStamp } from '../../client/src/wire/index.ts'
import type { StoreContext } from '../context.ts'
import { clientField } from '../keys.ts'
import type { ParsedToken } from '../mint/token.ts'
import type { PublicId } from '../partitions.ts'
import { defineScript, unknownReply } from '../redis/define-script.ts'
import { readRecord } from '../redis/read-record.ts'
import { type Client, parseClient } from '../registry/clients.ts'
import type { Claims } from '../registry/subjects.ts'
import { type ContextQuestion, type ResolvedRoles, resolveRoles } from '../roles/resolve.ts'
import type { RoleSchemas } from '../roles/role-schema.ts'
import type { LocateToken } from './locate-token.ts'
import { decodeGrantedToken, decodeOwnToken, type TokenRecord } from './records.ts'

/** Why a token is not active. For operators and logs; a resource server never learns it. */
export type InactiveReason =
  /** Not a token of this installation. */
  | 'junk'
  /** Only access tokens can be active. */
  | 'refresh-token'
  /** Never issued, or expired and its record is gone. */
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

/** A live token and what it resolves to. */
export interface ActiveState {
  readonly kind: 'active'
  readonly record: TokenRecord
  readonly jti: PublicId
  readonly grantId: PublicId
  readonly sid: PublicId | undefined
  readonly claims: Claims
  /** Absent when roles were not asked for. */
  readonly roles?: ResolvedRoles
  /** The tokens it was exchanged from, the nearest first; empty for all others. */
  readonly exchangedFrom: readonly ExchangedFrom[]
  readonly stamp: FreshnessStamp
}

/** Which roles to resolve: `none`, those in `all` contexts (as many as fit an answer), or those in these contexts. */
export type RoleQuestion = 'none' | ContextQuestion

/** The state of a token, and the registration of the caller. */
interface Introspection {
  readonly state: TokenState
  /** `undefined` when no client of that id is registered. */
  readonly caller: Client | undefined
}

/** Answers for tokens. */
export interface TokenReader {
  /**
   * @param token any text
   * @param callerId the client that says it asks, not yet authenticated; '' when the caller is the service itself
   * @param roles each context once, without `*`
   * @throws {StoreUnavailableError} when the state cannot be known now
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

/** Reads the state of a token; the forecast of a revocation uses it too. */
export const introspectToken = defineScript('introspect-token', {
  keys: 'head clients',
  args: 'base tokenHash grant callerId rolesAsked ...contexts',
  row: 'summary callerRecord tokenRecord grantRecord claims roles',
})

/** Stands in the summary for no schema, and for roles that do not end. */
const NONE = '-'
const NO_CONTEXTS: readonly string[] = []

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
    const isNamed = typeof asked !== 'string'
    const reply = await introspectToken(run, {
      head: at.head,
      clients: at.clients,
      base: at.base,
      tokenHash: token.hash,
      grant: token.grant,
      callerId,
      rolesAsked: isNamed ? 'some' : asked,
      contexts: isNamed ? asked : NO_CONTEXTS,
    })
    const [state, epoch = '', seq, completeness, schemaId = '', left] = reply.summary.split(' ')
    const caller = parseClient(callerId, reply.callerRecord)
    if (state !== 'active') {
      const known = INACTIVE[state as InactiveReason]
      if (known === undefined) throw unknownReply('introspect-token', state)
      return { state: known, caller }
    }
    const record = decodeToken(token, reply.tokenRecord, reply.grantRecord)
    const facts = { record, claims: reply.claims }
    const stamp = { partition: token.partition, epoch, seq: Number(seq) }
    if (asked === 'none') return { caller, state: toActiveState(context, token, facts, stamp) }
    const schema = await schemas.compiledOf(token.partition, schemaId === NONE ? '' : schemaId)
    if (schema === undefined) return read(token, callerId, asked)
    const held = { lines: reply.roles, isComplete: completeness === 'complete' }
    const roles = resolveRoles(held, asked, schema, record.exchange?.view)
    const leftMs = left === NONE ? {} : { leftMs: Number(left) }
    return {
      caller,
      state: { ...toActiveState(context, token, facts, { ...stamp, ...leftMs }), roles },
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

function toActiveState(
  { partitions }: StoreContext,
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

function decodeToken({ grant }: ParsedToken, record: string, grantRecord: string): TokenRecord {
  return grant === '' ? decodeOwnToken(record) : decodeGrantedToken(record, grantRecord)
}
