/**
 * The registry of OAuth clients. A client stands in every partition, so that the script that answers for a token
 * reads it in the same step. Its home partition orders concurrent writers by version; the others take a version only
 * if it is newer. A write returns when every partition has it; half-way it has promised nothing, and a repeat
 * finishes it.
 */
import { hash } from 'node:crypto'
import type { StoreContext } from '../context.ts'
import { WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import { StoreBusyError } from '../errors.ts'
import { CLIENT_FIELDS, clientField, parseClientField } from '../keys.ts'
import { askRedis, readRecord, unknownReply } from '../redis/script-runner.ts'
import { createTurns } from '../turns.ts'

/** How a client proves itself at our endpoints. */
export type ClientAuthMethod = 'client_secret_basic' | 'client_secret_post' | 'none'

/** What a client registers. Members are those of RFC 7591, and our own for what it lacks. Lifetimes in seconds. */
export interface ClientMetadata {
  readonly client_name?: string
  readonly token_endpoint_auth_method: ClientAuthMethod
  readonly grant_types: readonly string[]
  /** What it may ask for, space-separated. */
  readonly scope: string
  /** The resources it is, as a resource server (RFC 8707). */
  readonly resources: readonly string[]
  /** Whether it may introspect. */
  readonly introspect: boolean
  /** `aud` of a request that names no resource; empty means the issuer alone. */
  readonly default_resources: readonly string[]
  /** Resources it may aim tokens at; absent means any registered one. */
  readonly allowed_resources?: readonly string[]
  readonly access_token_lifetime: number
  readonly refresh_token_lifetime: number
  readonly refresh_token_idle_lifetime: number
}

/** A live secret of a client: only its SHA-256 (base64url) is kept. */
export interface ClientSecret {
  readonly secret_id: string
  readonly hash: string
  /** Epoch seconds. */
  readonly created_at: number
  /** Not in force yet: it becomes so once every partition has it, and was never shown if that failed. */
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
  /** What authenticating it needs, ready to use. */
  readonly token_endpoint_auth_method: ClientAuthMethod
  readonly secret_hashes: readonly string[]
  /** Of the record as it was read; lua/include/fingerprint.lua computes the same of the record that stands. */
  readonly fingerprint: string
}

/** What a change makes of a client. */
export type ClientState = Pick<Client, 'enabled' | 'metadata' | 'secrets'>

/** One page of the registry. */
export interface ClientPage {
  readonly clients: readonly Client[]
  /** Goes on from here; absent at the end. */
  readonly next?: string
}

/** Reads and changes the registry. */
export interface ClientRegistry {
  get(clientId: string): Promise<Client | undefined>
  /** As `get` read it last, if it did: good only for what is done on condition that its fingerprint still stands. */
  remembered(clientId: string): Client | undefined
  list(cursor: string | undefined, size: number): Promise<ClientPage>
  /**
   * Changes a client from what it is now (`undefined`: not registered) to what `change` returns. Repeated when somebody
   * else was faster. Disabling also cuts off what was issued.
   *
   * @param by who did it, for the record of a cutoff
   */
  put(
    clientId: string,
    by: string,
    change: (current: Client | undefined) => ClientState,
  ): Promise<Client>
  /** Deletes a client and cuts off what was issued; repeatable. Returns whether there ever was one. */
  delete(clientId: string, by: string): Promise<boolean>
}

const CONFLICT_RETRIES = 50
const PARSED_CLIENTS = 1_000

type StoredState = 'enabled' | 'disabled' | 'deleted'

/** The last reading of each client: a pure function of the record. Compared, since to look 700 characters up costs more. */
const parsed = new Map<string, { readonly record: string; readonly client: Client }>()

/** Reads the record of a client as scripts return it; `undefined` for '' and for deleted clients. */
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

/** Makes the registry of a store. */
export function createClientRegistry(context: StoreContext): ClientRegistry {
  const { redis, keys, partitions, run } = context
  const remembered = new Map<string, Client>()
  const inTurn = createTurns()

  async function recordOf(clientId: string): Promise<string> {
    const home = keys.partition(partitions.of(clientId))
    const [record] = await readRecord(run, home.clients, clientField(clientId))
    return record ?? ''
  }

  async function write(
    clientId: string,
    by: string,
    state: StoredState,
    json: string,
    expected: number,
    cut: boolean,
  ): Promise<number | undefined> {
    const home = partitions.of(clientId)
    const details = JSON.stringify({ by, reason: `client ${state}` })
    const call = (partition: number, version: number | '', expectedVersion: number | '') => {
      const at = keys.partition(partition)
      return run(
        'put-client',
        [at.head, at.log, at.clients, at.cutoff.client(clientId)],
        [
          at.base,
          clientId,
          state,
          json,
          version,
          expectedVersion,
          cut ? 'cut' : 'keep',
          details,
          JSON.stringify({ type: 'client', client_id: clientId }),
          context.logRetentionMs,
          keys.channel,
          WIDE_CUTOFF_LIFETIME_MS,
        ],
      )
    }
    const [outcome, version] = await call(home, '', expected)
    if (outcome === 'conflict') return undefined
    if (outcome !== 'stored') throw unknownReply('put-client', outcome)
    const others = Array.from({ length: partitions.count }, (_, n) => n).filter((n) => n !== home)
    await Promise.all(others.map((partition) => call(partition, Number(version), '')))
    return Number(version)
  }

  function change(
    clientId: string,
    step: (record: string) => Promise<Client | boolean | undefined>,
  ): Promise<Client | boolean> {
    return inTurn(clientId, async () => {
      for (let attempt = 0; attempt < CONFLICT_RETRIES; attempt++) {
        const done = await step(await recordOf(clientId))
        if (done !== undefined) return done
      }
      throw new StoreBusyError('other writers changed the client before every attempt')
    })
  }

  return {
    async get(clientId) {
      const client = parseClient(clientId, await recordOf(clientId))
      remembered.delete(clientId)
      if (remembered.size >= PARSED_CLIENTS) remembered.clear()
      if (client !== undefined) remembered.set(clientId, client)
      return client
    },

    remembered: (clientId) => remembered.get(clientId),

    async list(cursor, size) {
      const { clients } = keys.partition(0)
      const [next, entries] = await askRedis(() =>
        redis.hscan(clients, cursor ?? '0', 'MATCH', CLIENT_FIELDS, 'COUNT', size),
      )
      const page: Client[] = []
      for (let i = 0; i < entries.length; i += 2) {
        const clientId = parseClientField(entries[i] as string)
        const client = clientId && parseClient(clientId, entries[i + 1] as string)
        if (client) page.push(client)
      }
      return { clients: page, ...(next === '0' ? {} : { next }) }
    },

    async put(clientId, by, decide) {
      const client = await change(clientId, async (record) => {
        const current = parseClient(clientId, record)
        const state = decide(current)
        const json = JSON.stringify({ ...state.metadata, secrets: state.secrets })
        const word = state.enabled ? 'enabled' : 'disabled'
        // A retry after a half-done write finds the change at home already; it must cut again, everywhere.
        const version = await write(clientId, by, word, json, versionOf(record), !state.enabled)
        return version === undefined
          ? undefined
          : parseClient(clientId, `${version}\n${word}\n${json}`)
      })
      return client as Client
    },

    async delete(clientId, by) {
      const existed = await change(clientId, async (record) => {
        if (record === '') return false
        const version = await write(clientId, by, 'deleted', '', versionOf(record), true)
        return version === undefined ? undefined : true
      })
      return existed as boolean
    },
  }
}

function versionOf(record: string): number {
  return record === '' ? 0 : Number(record.slice(0, record.indexOf('\n')))
}
