// oidc-provider with opaque tokens, introspection, client credentials and rotating refresh tokens, on the Redis it is told
// of: `oidc-provider.ts <Redis URL> <client id> <client secret>`. At its best: one client, kept in memory; every feature off
// that no measure needs; the commands of one tick in one pipeline.
//
// A record is a JSON string with a time to live. What can be consumed has the time of that in a key beside it: one command
// each to write, to read and to consume, where the hash in oidc-provider's own example for Redis takes two to write.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { exportJWK, generateKeyPair } from 'jose'
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider'
import { MINTING } from './minting.ts'
import { serve } from './serve.ts'

const [redisUrl = '', clientId = '', clientSecret = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl, { enableAutoPipelining: true })
const SCOPE = 'grades:read'
const LONGEST_SECONDS = 86_400
const CONSUMABLE = new Set(['AuthorizationCode', 'RefreshToken'])

function adapterOf(model: string): Adapter {
  const isConsumable = CONSUMABLE.has(model)
  const keyOf = (id: string): string => `oidc:${model}:${id}`
  const consumedKeyOf = (id: string): string => `${keyOf(id)}:consumed`
  const membersOf = (grantId: string): string => `oidc:grant:${grantId}`

  return {
    async find(id) {
      const keys = isConsumable ? [keyOf(id), consumedKeyOf(id)] : [keyOf(id)]
      const [json, consumed] = await redis.mget(keys)
      if (typeof json !== 'string') return undefined
      const payload = JSON.parse(json) as AdapterPayload
      return typeof consumed === 'string' ? { ...payload, consumed: Number(consumed) } : payload
    },
    async upsert(id, payload, expiresIn = LONGEST_SECONDS) {
      const writing = redis.set(keyOf(id), JSON.stringify(payload), 'EX', expiresIn)
      // Only a grant of a person has members to take back; a client's own token has none.
      const { grantId } = payload
      if (grantId === undefined) {
        await writing
        return
      }
      const members = membersOf(grantId)
      const listing = [redis.rpush(members, keyOf(id)), redis.expire(members, LONGEST_SECONDS)]
      await Promise.all([writing, ...listing])
    },
    async consume(id) {
      const now = Math.floor(Date.now() / 1_000)
      await redis.set(consumedKeyOf(id), now, 'EX', LONGEST_SECONDS)
    },
    async destroy(id) {
      await redis.unlink(keyOf(id))
    },
    async revokeByGrantId(grantId) {
      const members = await redis.lrange(membersOf(grantId), 0, -1)
      await redis.unlink(membersOf(grantId), ...members)
    },
    async findByUid() {
      return undefined
    },
    async findByUserCode() {
      return undefined
    },
  }
}

const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const provider = new Provider('http://127.0.0.1', {
  adapter: adapterOf,
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials', 'refresh_token', 'authorization_code', MINTING],
      redirect_uris: ['https://app.test/callback'],
      response_types: ['code'],
      scope: `offline_access ${SCOPE}`,
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [await exportJWK(privateKey)] },
  cookies: { keys: [randomUUID()] },
  scopes: ['openid', 'offline_access', SCOPE],
  rotateRefreshToken: true,
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false },
  },
  ttl: {
    AccessToken: 3_600,
    ClientCredentials: 3_600,
    RefreshToken: LONGEST_SECONDS,
    Grant: LONGEST_SECONDS,
  },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
})

provider.registerGrantType<{ count: string }>(
  MINTING,
  async (ctx) => {
    const { client, params } = ctx.oidc
    const mint = async (): Promise<string> => {
      const accountId = `user-${randomUUID()}`
      const grant = new provider.Grant({ accountId, clientId })
      grant.addOIDCScope(SCOPE)
      const grantId = await grant.save()
      const granted = { client, accountId, grantId, gty: 'authorization_code', scope: SCOPE }
      return new provider.RefreshToken(granted).save()
    }
    ctx.body = { refresh_tokens: await Promise.all(Array.from({ length: +params.count }, mint)) }
  },
  'count',
)

serve(createServer(provider.callback()))
