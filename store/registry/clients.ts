/**
 * The registry of OAuth clients. Every partition has a copy of each client, so that the script that answers for a token
 * reads the client in the same step. The client's home partition orders concurrent writers by version; the others take a
 * version only if it is newer. A write returns when every partition has it. A write that fails half-way may be repeated,
 * and the repeat finishes it.
 */

import { hash } from 'node:crypto'
import { eventInput, type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { StoreBusyError } from '../errors.ts'
import { CLIENT_FIELDS, clientField, parseClientField } from '../keys.ts'
import type { PartitionNumber } from '../partitions.ts'
import { defineScript, unknownReply } from '../redis/define-script.ts'
import { readRecord } from '../redis/read-record.ts'
import { askRedis } from '../redis/script-runner.ts'
import { createTurns } from '../turns.ts'

/** How a client authenticates. */
type ClientAuthMethod = 'client_secret_basic' | 'client_secret_post' | 'none'

/** What a client registers: members of RFC 7591, and some of our own. Lifetimes in seconds. */
export interface ClientMetadata {
  readonly client_name?: string
  readonly token_endpoint_auth_method: ClientAuthMethod
  readonly grant_types: readonly string[]
  /** The scopes it may ask for, space-separated. */
  readonly scope: string
  /** The resources it serves, as a resource server (RFC 8707). */
  readonly resources: readonly string[]
  /** Whether it may introspect. */
  readonly introspect: boolean
  /** The `aud` of a request that names no resource; empty means the issuer alone. */
  readonly default_resources: readonly string[]
  /** Resources it may ask tokens for; absent means any registered one. */
  readonly allowed_resources?: readonly string[]
  readonly access_token_lifetime: number
  readonly refresh_token_lifetime: number
  readonly refresh_token_idle_lifetime: number
}

/** A secret of a client: only its SHA-256 (base64url) is kept. */
export interface ClientSecret {
  readonly secret_id: string
  readonly hash: string
  /** Epoch seconds. */
  readonly created_at: number
  /** Not valid yet: it becomes valid when every partition has it. If that failed, it was never shown. */
  readonly pending?: boolean
}

/** A registered client. */
export interface Client {
  readonly client_id: string
  /** Grows with every change. */
  readonly version: number
  readonly enabled: boolean
  readonly metadata: ClientMetadata
  readonly secrets: readonly ClientSecret[]
  /** What authenticating the client needs, ready to use. */
  readonly token_endpoint_auth_method: ClientAuthMethod
  readonly secret_hashes: readonly string[]
  /** Of the record as it was read; lua/include/fingerprint.lua computes the same of the current record. */
  readonly fingerprint: string
}

/** The members of a client that a change sets. */
export type ClientState = Pick<Client, 'enabled' | 'metadata' | 'secrets'>

/** One page of the registry. */
interface ClientPage {
  readonly clients: readonly Client[]
  /** Goes on from here; absent at the end. */
  readonly next?: string
}

/** Reads and changes the registry. */
export interface ClientRegistry {
  get(clientId: string): Promise<Client | undefined>
  /** What `get` read last. Use it only for a call that checks that its fingerprint is still the current one. */
  remembered(clientId: string): Client | undefined
  list(cursor: string | undefined, size: number): Promise<ClientPage>
  /**
   * Changes a client from its current state (`undefined`: not registered) to what `change` returns. If another writer was
   * faster, `change` is called again. Disabling also revokes everything issued to the client.
   *
   * @param by who did it, for the record of a cutoff
   */
  put(
    clientId: string,
    by: string,
    change: (current: Client | undefined) => ClientState,
  ): Promise<Client>
  /** Deletes a client and revokes everything issued to it. Idempotent. Returns whether there ever was such a client. */
  delete(clientId: string, by: string): Promise<boolean>
}

const CONFLICT_RETRIES = 50
const PARSED_CLIENTS = 1_000

type StoredState = 'enabled' | 'disabled' | 'deleted'

/**
 * The last parsed record of each client. The record is compared instead of used as the map key: hashing 700 characters
 * costs more.
 */
const parsed = new Map<string, { readonly record: string; readonly client: Client }>()

/** Parses the record of a client as scripts return it; `undefined` for '' and for deleted clients. */
export function parseClient(clientId: string, record: string): Client | undefined {
  const known = parsed.get(clientId)
  if (known?.record === record) return known.client
  const [version, state, json] = record.split('\n', 3)
  if (json === undefined || state === 'deleted') return undefined
  const { secrets, ...metadata } = JSON.parse(json) as ClientMetadata & Pick<Client, 'secrets'>
  const client: Client = {
    client_id: clientId,
    version: Number(version),
    enabled: state === 'enabled',
    metadata,
    secrets,
    token_endpoint_auth_method: metadata.token_endpoint_auth_method,
    secret_hashes: secrets.filter(({ pending }) => pending !== true).map(({ hash }) => hash),
    fingerprint: hash('sha1', record),
  }
  if (parsed.size >= PARSED_CLIENTS) parsed.clear()
  parsed.set(clientId, { record, client })
  return client
}

const putClient = defineScript('put-client', {
  keys: 'head log clients cutoff',
  args: `base clientId state registration version expectedVersion cutoffMode cutoffDetails event
    logRetentionMs channel cutoffTtlMs`,
  replies: { 'stored conflict older': 'version' },
})

/** Makes the registry of a store. */
export function createClientRegistry(context: StoreContext): ClientRegistry {
  const remembered = new Map<string, Client>()
  const inTurn = createTurns<string>()

  return {
    async get(clientId) {
      const client = parseClient(clientId, await readClientRecord(context, clientId))
      remembered.delete(clientId)
      if (remembered.size >= PARSED_CLIENTS) remembered.clear()
      if (client !== undefined) remembered.set(clientId, client)
      return client
    },

    remembered: (clientId) => remembered.get(clientId),

    list: (cursor, size) => listClients(context, cursor, size),

    put(clientId, by, decide) {
      return inTurn(clientId, () =>
        untilStored(context, clientId, async (record) => {
          const { enabled, metadata, secrets } = decide(parseClient(clientId, record))
          const registration = JSON.stringify({ ...metadata, secrets })
          const state = enabled ? 'enabled' : 'disabled'
          // A repeat of a half-done write finds the change at home already; it must cut again, everywhere.
          const write = { clientId, by, state, registration, cuts: !enabled } as const
          const version = await writeEverywhere(context, write, versionOf(record))
          if (version === undefined) return undefined
          return parseClient(clientId, `${version}\n${state}\n${registration}`)
        }),
      )
    },

    delete(clientId, by) {
      return inTurn(clientId, () =>
        untilStored(context, clientId, async (record) => {
          if (record === '') return false
          const write = { clientId, by, state: 'deleted', registration: '', cuts: true } as const
          const version = await writeEverywhere(context, write, versionOf(record))
          return version === undefined ? undefined : true
        }),
      )
    },
  }
}

async function readClientRecord(context: StoreContext, clientId: string): Promise<string> {
  const { keys, partitions, run } = context
  const home = keys.partition(partitions.of(clientId))
  const [record] = await readRecord(run, home.clients, clientField(clientId))
  return record ?? ''
}

async function listClients(
  { redis, keys }: StoreContext,
  cursor = '0',
  size: number,
): Promise<ClientPage> {
  const { clients } = keys.partition(0)
  const [next, entries] = await askRedis(() =>
    redis.hscan(clients, cursor, 'MATCH', CLIENT_FIELDS, 'COUNT', size),
  )
  const page: Client[] = []
  for (let i = 0; i + 1 < entries.length; i += 2) {
    const [field = '', record = ''] = entries.slice(i, i + 2)
    const clientId = parseClientField(field)
    const client = clientId === undefined ? undefined : parseClient(clientId, record)
    if (client !== undefined) page.push(client)
  }
  return { clients: page, ...(next === '0' ? {} : { next }) }
}

/** Repeats a step, each time with the current record, until no other writer was faster. */
async function untilStored<Done>(
  context: StoreContext,
  clientId: string,
  step: (record: string) => Promise<Done | undefined>,
): Promise<Done> {
  for (let attempt = 0; attempt < CONFLICT_RETRIES; attempt++) {
    const done = await step(await readClientRecord(context, clientId))
    if (done !== undefined) return done
  }
  throw new StoreBusyError('other writers changed the client before every attempt')
}

interface ClientWrite {
  readonly clientId: string
  readonly by: string
  readonly state: StoredState
  readonly registration: string
  /** Whether it also revokes everything issued to the client. */
  readonly cuts: boolean
}

/** Writes at home, then everywhere else. Returns the new version, or `undefined` when another writer was faster. */
async function writeEverywhere(
  context: StoreContext,
  write: ClientWrite,
  expectedVersion: number,
): Promise<number | undefined> {
  const { partitions } = context
  const home = partitions.of(write.clientId)
  const { outcome, version } = await writeIn(context, home, write, { expectedVersion })
  if (outcome === 'conflict') return undefined
  if (outcome !== 'stored') throw unknownReply('put-client', outcome)
  const others = partitions.all.filter((partition) => partition !== home)
  await Promise.all(others.map((partition) => writeIn(context, partition, write, { version })))
  return Number(version)
}

function writeIn(
  context: StoreContext,
  partition: PartitionNumber,
  { clientId, by, state, registration, cuts }: ClientWrite,
  { version = '', expectedVersion = '' }: { version?: string; expectedVersion?: number | '' },
) {
  const at = context.keys.partition(partition)
  return putClient(context.run, {
    ...eventInput(context, at),
    clients: at.clients,
    cutoff: at.cutoff.client(clientId),
    clientId,
    state,
    registration,
    version,
    expectedVersion,
    cutoffMode: cuts ? 'cut' : 'keep',
    cutoffDetails: JSON.stringify({ by, reason: `client ${state}` }),
    event: JSON.stringify({ type: 'client', client_id: clientId }),
    cutoffTtlMs: WIDE_CUTOFF_LIFETIME_MS,
  })
}

function versionOf(record: string): number {
  return record === '' ? 0 : Number(record.slice(0, record.indexOf('\n')))
}
