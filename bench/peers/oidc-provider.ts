// oidc-provider with opaque tokens, introspection, client credentials and refresh tokens, on the Redis it is told of.
// Its best settings: one client kept in memory, autopipelining, one round trip a model, debug off. Each record is a JSON
// string with a time to live, as in its own example for Redis; what can be consumed has the time of that in a key beside
// it, so that no record is read as a hash.
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider'
import { serve } from './serve.ts'

const [redisUrl = '', clientId = '', clientSecret = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl, { enableAutoPipelining: true })
const SCOPE = 'grades:read'

function adapterOf(model: string): Adapter {
  const keyOf = (id: string): string => `oidc:${model}:${id}`
  const membersOf = (grantId: string): string => `oidc:grant:${grantId}`

  async function find(id: string): Promise<AdapterPayload | undefined> {
    const [json, consumed] = await redis.mget(keyOf(id), `${keyOf(id)}:consumed`)
    if (json === null || json === undefined) return undefined
    const payload = JSON.parse(json) as AdapterPayload
    return consumed == null ? payload : { ...payload, consumed: Number(consumed) }
  }

  return {
    find,
    async upsert(id, payload, expiresIn) {
      const writing = redis.set(keyOf(id), JSON.stringify(payload), 'EX', expiresIn)
      // Only a grant of a person has members to take back; a client's own token has none.
      const { grantId } = payload
      if (grantId !== undefined && model !== 'Grant') {
        await Promise.all([
          writing,
          redis.rpush(membersOf(grantId), keyOf(id)),
          redis.expire(membersOf(grantId), expiresIn, 'GT'),
        ])
      } else await writing
    },
    async consume(id) {
      await redis.set(`${keyOf(id)}:consumed`, Math.floor(Date.now() / 1_000), 'EX', 86_400)
    },
    async destroy(id) {
      await redis.unlink(keyOf(id))
    },
    async revokeByGrantId(grantId) {
      const keys = await redis.lrange(membersOf(grantId), 0, -1)
      await redis.unlink(...keys, membersOf(grantId))
    },
    async findByUid() {
      return undefined
    },
    async findByUserCode() {
      return undefined
    },
  }
}

const provider = new Provider('http://127.0.0.1', {
  adapter: adapterOf,
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
      redirect_uris: ['https://app.test/callback'],
      response_types: ['code'],
      scope: `openid offline_access ${SCOPE}`,
    },
  ],
  scopes: ['openid', 'offline_access', SCOPE],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: false },
  },
  ttl: { AccessToken: 3_600, ClientCredentials: 3_600, RefreshToken: 86_400, Grant: 86_400 },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
})

serve(createServer(provider.callback()))
