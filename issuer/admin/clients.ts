/** `/admin/v1/clients`: the registered clients and their secrets. A secret is shown once; only its hash is stored. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { hashSecret } from '../../http/auth/client-credentials.ts'
import { JSON_RULES, parseBody, readJson } from '../../http/body/json.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import type { RouteContext } from '../../http/pipeline/request-context.ts'
import { replyJson } from '../../http/reply/reply.ts'
import {
  MAX_ACCESS_TOKEN_LIFETIME_SECONDS,
  MAX_GRANT_LIFETIME_SECONDS,
} from '../../store/context.ts'
import type {
  Client,
  ClientMetadata,
  ClientSecret,
  ClientState,
} from '../../store/registry/clients.ts'
import type { Store } from '../../store/store.ts'
import { CONFIDENTIAL_GRANT_TYPES, GRANT_TYPES } from '../grants/grant-types.ts'
import { clientId, parsePathValue, resources, scope, text } from '../values/fields.ts'
import { type AdminContext, type AdminHandler, assertMayManage } from './guard.ts'
import { badCursor, parsePageRequest } from './paging.ts'

const SECRET_BYTES = 32
const SECRET_ID_BYTES = 9

/** Most secrets of a client at once: the new one and the one it replaces. */
const LIVE_SECRETS = 2

const DAY_SECONDS = 86_400
const lifetime = (max: number) => z.int().min(1).max(max)

const body = z
  .strictObject({
    client_id: clientId.optional(),
    client_name: text.optional(),
    token_endpoint_auth_method: z
      .enum(['client_secret_basic', 'client_secret_post', 'none'])
      .default('client_secret_basic'),
    grant_types: z
      .array(z.enum(GRANT_TYPES))
      .max(GRANT_TYPES.length)
      .default(['client_credentials']),
    scope: scope.default(''),
    resources: resources.default([]),
    introspect: z.boolean().default(false),
    default_resources: resources.default([]),
    allowed_resources: resources.optional(),
    access_token_lifetime: lifetime(MAX_ACCESS_TOKEN_LIFETIME_SECONDS).default(3_600),
    refresh_token_lifetime: lifetime(MAX_GRANT_LIFETIME_SECONDS).default(30 * DAY_SECONDS),
    refresh_token_idle_lifetime: lifetime(MAX_GRANT_LIFETIME_SECONDS).default(14 * DAY_SECONDS),
    enabled: z.boolean().optional(),
    secrets: z.unknown().optional(),
  })
  .refine((client) => client.token_endpoint_auth_method !== 'none' || !client.introspect, {
    path: ['introspect'],
    message: 'must be false for a public client, which cannot authenticate',
  })
  .refine(
    (client) =>
      client.token_endpoint_auth_method !== 'none' ||
      !client.grant_types.some((type) => CONFIDENTIAL_GRANT_TYPES.includes(type)),
    {
      path: ['grant_types'],
      message: `must not hold ${CONFIDENTIAL_GRANT_TYPES.join(' or ')} for a public client`,
    },
  )

const OPTIONAL_BODY = { ...JSON_RULES, optional: true }
const secretBody = z.strictObject({ revoke_others: z.boolean().optional() })

/** The registry's handlers. */
export interface ClientHandlers {
  readonly list: AdminHandler
  readonly get: AdminHandler
  readonly put: AdminHandler
  readonly remove: AdminHandler
  readonly addSecret: AdminHandler
}

/** Makes the handlers. `nowSeconds` returns the time in epoch seconds. */
export function createClientHandlers(
  store: Store,
  issuer: string,
  nowSeconds: () => number,
): ClientHandlers {
  return {
    async list(ctx) {
      const { cursor, limit } = parsePageRequest(ctx)
      if (cursor !== undefined && !/^\d{1,19}$/.test(cursor)) throw badCursor()
      const page = await store.clients.list(cursor, limit)
      const clients = page.clients.map(toView)
      replyJson(ctx, 200, JSON.stringify({ clients, next_cursor: page.next }))
    },

    async get(ctx) {
      const client = await store.clients.get(pathId(ctx))
      if (client === undefined) throw unknownClient()
      replyJson(ctx, 200, JSON.stringify(toView(client)))
    },

    put: (ctx) => putClient(ctx, store, issuer),

    async remove(ctx) {
      const id = pathId(ctx)
      const current = await store.clients.get(id)
      assertMayManage(ctx, current?.metadata.scope ?? '')
      if (!(await store.clients.delete(id, ctx.state.operator))) throw unknownClient()
      await ctx.state.audit({ action: 'client.delete', client: id })
      ctx.status = 204
    },

    addSecret: (ctx) => addSecret(ctx, store, nowSeconds),
  }
}

async function putClient(ctx: AdminContext, store: Store, issuer: string): Promise<void> {
  const id = pathId(ctx)
  const given = await readJson(ctx.req)
  const { client_id, enabled, secrets: _readOnly, ...metadata } = parseBody(body, given)
  const isSwitch = enabled !== undefined && Object.keys(given as object).length === 1
  if (client_id !== undefined && client_id !== id) {
    throw new ProblemError('unprocessable', 'The client_id of the body differs from the path.')
  }
  // A client with the issuer as its resource could introspect the tokens of operators.
  if (metadata.resources.includes(issuer)) {
    throw new ProblemError('unprocessable', 'The issuer itself cannot be a resource of a client.')
  }
  let isNew = false
  const client = await store.clients.put(id, ctx.state.operator, (current) => {
    isNew = current === undefined
    assertMayManage(ctx, `${current?.metadata.scope ?? ''} ${metadata.scope}`)
    return {
      // Without `enabled`, a disabled client stays disabled; with `enabled` alone, everything else stays as it is.
      enabled: enabled ?? current?.enabled ?? true,
      metadata: isSwitch && current !== undefined ? current.metadata : (metadata as ClientMetadata),
      // A public client loses its secrets, so that becoming confidential again does not revive them.
      secrets: metadata.token_endpoint_auth_method === 'none' ? [] : (current?.secrets ?? []),
    }
  })
  await ctx.state.audit({
    action: 'client.put',
    client: id,
    isEmergency: !client.enabled,
    target: { new: isNew, enabled: client.enabled, scope: client.metadata.scope },
  })
  replyJson(ctx, isNew ? 201 : 200, JSON.stringify(toView(client)))
}

async function addSecret(ctx: AdminContext, store: Store, nowSeconds: () => number): Promise<void> {
  const id = pathId(ctx)
  const given = await readJson(ctx.req, OPTIONAL_BODY)
  const { revoke_others: revokeOthers = false } = parseBody(secretBody, given ?? {})
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const added: ClientSecret = {
    secret_id: randomBytes(SECRET_ID_BYTES).toString('base64url'),
    hash: hashSecret(secret),
    created_at: nowSeconds(),
  }
  await store.clients.put(id, ctx.state.operator, (current) => withPending(ctx, current, added))
  // Activated by a second write, once every partition has the secret: if a single write failed half-way, a secret that
  // nobody was shown could have replaced one that is in use.
  await store.clients.put(id, ctx.state.operator, (current) =>
    withActivated(current, added, revokeOthers),
  )
  await ctx.state.audit({
    action: 'client.secret',
    client: id,
    isEmergency: revokeOthers,
    target: { secret_id: added.secret_id, revoke_others: revokeOthers },
  })
  const shown = {
    client_id: id,
    secret_id: added.secret_id,
    client_secret: secret,
    client_secret_expires_at: 0,
  }
  replyJson(ctx, 201, JSON.stringify(shown))
}

function withPending(
  ctx: AdminContext,
  current: Client | undefined,
  added: ClientSecret,
): ClientState {
  if (current === undefined) throw unknownClient()
  assertMayManage(ctx, current.metadata.scope)
  if (current.token_endpoint_auth_method === 'none') {
    throw new ProblemError('unprocessable', 'A public client has no secret.')
  }
  const { enabled, metadata } = current
  const secrets = current.secrets.filter(({ pending }) => pending !== true)
  return { enabled, metadata, secrets: [...secrets, { ...added, pending: true }] }
}

function withActivated(
  current: Client | undefined,
  added: ClientSecret,
  revokeOthers: boolean,
): ClientState {
  if (current === undefined) throw unknownClient()
  const { enabled, metadata, secrets } = current
  const others = secrets.filter(({ secret_id }) => secret_id !== added.secret_id)
  const live = others.filter(({ pending }) => pending !== true)
  const kept = revokeOthers ? [] : live.slice(1 - LIVE_SECRETS)
  const pending = others.filter((one) => one.pending === true)
  return { enabled, metadata, secrets: [...kept, added, ...pending] }
}

function pathId(ctx: RouteContext): string {
  return parsePathValue(clientId, 'client id', ctx.params.id)
}

function toView({ client_id, enabled, metadata, secrets }: Client) {
  return {
    client_id,
    enabled,
    ...metadata,
    secrets: secrets
      .filter(({ pending }) => pending !== true)
      .map(({ secret_id, created_at }) => ({ secret_id, created_at })),
  }
}

function unknownClient(): ProblemError {
  return new ProblemError('not-found', 'No client of this id is registered.')
}
